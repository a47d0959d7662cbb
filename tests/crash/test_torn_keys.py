"""A torn key file: refused in words that name the way out, left as it is, and the way works."""

import random
import subprocess
from pathlib import Path

import pytest

from node.demo import PROGRAM, STEP_MAX_S
from node.i18n import LANGUAGES, problem_text
from node.protocol.errors import LocalFault
from node.services.core import open_core
from node.services.members import rekeying, setup
from node.services.publish import Publisher
from node.storage.home import Home
from node.wallet import keyfile
from node.wallet.errors import Problem, WalletError
from node.wallet.phrase import new_phrase
from node.wallet.private_file import write_private
from node.wallet.signer import Signer
from tests.support.damage import raws_of

WORDS = new_phrase("en", bytes(32))
SEED = 20_261_128


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    setup.create_home(made, setup.Person("Ada", "en"), phrase=WORDS)
    write_private(tmp_path / "words", WORDS.text.encode())
    return made


def wetalk(home: Home, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [*PROGRAM, "--home", str(home.path), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=STEP_MAX_S)


def test_every_torn_or_flipped_key_is_refused_and_left_as_it_is(home: Home) -> None:
    whole = home.device_key.read_bytes()
    chance = random.Random(SEED)
    torn = [whole[:size] for size in range(len(whole))]
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << chance.randrange(8)
        torn.append(bytes(flipped))
    for data in torn:
        home.device_key.write_bytes(data)
        with pytest.raises(WalletError) as caught:
            Signer.device(home.device_key, None)
        assert caught.value.code in (Problem.KEY_DAMAGED, Problem.KEY_NEWER)
        with pytest.raises(LocalFault, match="home-exists"):
            setup.create_home(home, setup.Person("Ada", "en"))
        assert home.device_key.read_bytes() == data


def test_the_sentence_names_the_words_and_the_command() -> None:
    for language in LANGUAGES:
        told = problem_text("key-damaged", language, path="device.key")
        assert "24" in told
        assert "wetalk init --restore" in told
        assert "device.key" in told


def test_the_way_out_works_and_keeps_everything(home: Home, tmp_path: Path) -> None:
    before = raws_of(home)
    old = keyfile.read_info(home.device_key).public_key
    torn = home.device_key.read_bytes()[:-1]
    home.device_key.write_bytes(torn)
    refused = wetalk(home, "up")
    assert refused.returncode == 1
    assert "wetalk init --restore" in refused.stderr
    words = tmp_path / "words"
    other = tmp_path / "other words"
    write_private(other, new_phrase("en", bytes([1] * 32)).text.encode())
    assert wetalk(home, "init", "--restore", "--words-file", str(other)).returncode == 1
    assert home.device_key.read_bytes() == torn
    done = wetalk(home, "init", "--restore", "--words-file", str(words))
    assert done.returncode == 0, done.stderr
    assert [p.read_bytes() for p in home.path.glob("device.key.damaged-*")] == [torn]
    assert not rekeying.is_wanted(home)
    assert raws_of(home) == before
    core = open_core(home)
    try:
        core.signer = Signer.device(home.device_key, None, community_id=core.community)
        assert setup.is_restoring(core)
        # As after a neighbour was met: the new key is named, the old one is shut out.
        shut_out = setup.finish_restore(core, Publisher(core), WORDS, whole=True)
        assert shut_out == (old,)
    finally:
        core.close()
    assert wetalk(home, "init", "--restore", "--words-file", str(words)).returncode == 1
