"""Completion in the shells themselves: what is typed after `wetalk`, with no node running."""

import os
import shutil
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import trio
from pytest_trio import trio_fixture

from node.commands import base, completing, root
from node.commands.base import DONE, App
from node.commands.completion import SHELLS, place, script
from node.i18n import text
from node.services.trading.trade import Proposal
from node.storage.kept.private import Contact
from node.wallet import keyfile
from tests.support.homes import Person, town
from tests.tidy import ROOT

HOSTILE = (
    "$(touch gone)",
    "`id`",
    "a b",
    "*",
    "; rm",
    "-rf",
    "~",
    "민수\u202e",
    "'",
    '"',
    "a,b",
    "#",
)


@trio_fixture
async def amina(tmp_path: Path) -> AsyncGenerator[Person, None]:
    """A member with contacts and a trade."""
    _, one, baraka = await town(tmp_path, "officer", "amina", "baraka")
    keyfile.create_key(
        one.core.home.device_key,
        "device",
        community_id=one.core.community,
        member_id=one.id,
    )
    await one.trade.propose(Proposal(baraka.id, 1_250, invoice=False, order="김치"))
    await one.core.writer.run(lambda state: state.contacts.put(Contact(baraka.id, "민수", "", 1)))
    yield one
    one.close()


async def in_bash(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    file = folder / "completion"
    file.write_text(script("bash"))
    program = (
        'source "$1"; shift; COMP_WORDS=(wetalk "$@"); COMP_CWORD=$#; _wetalk_completion;'
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    command = ["bash", "--norc", "-c", program, "-", str(file), *words]
    done = await trio.run_process(
        command, capture_stdout=True, capture_stderr=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert done.stderr == b""
    return done.stdout.decode().split("\n")[:-1]


@pytest.mark.trio
async def test_bash_completes_commands_options_and_choices(tmp_path: Path) -> None:
    assert await in_bash(tmp_path, "comm") == ["community"]
    assert "invite" in await in_bash(tmp_path, "community", "")
    assert await in_bash(tmp_path, "statement", "export", "--for") == ["--format"]
    assert await in_bash(tmp_path, "statement", "export", "--format", "p") == ["pdf"]
    assert await in_bash(tmp_path, "--language", "") == ["ko", "zh", "en"]
    assert await in_bash(tmp_path, "--version", "stat") == ["status", "statement"]


@pytest.mark.trio
async def test_bash_completes_people_and_trades_without_the_node(
    amina: Person, tmp_path: Path
) -> None:
    home = str(amina.core.home.path)
    trade = amina.money.trades(None, 1)[0][0].id.hex()[:8]
    assert "민수" in await in_bash(tmp_path, "--home", home, "pay", "")
    assert await in_bash(tmp_path, "--home", home, "pay", "민") == ["민수"]
    assert await in_bash(tmp_path, "--home", home, "trade", "show", trade[:3]) == [trade]
    assert await in_bash(tmp_path, "--home", home, "accept", "zz") == [""]


@pytest.mark.trio
async def test_what_a_trade_is_stands_beside_its_number(amina: Person) -> None:
    app = App(path=amina.core.home.path, asked_language="ko")
    (offered,) = completing.offer(app, "TRADE", "")
    assert offered.help == f"{amina.id.hex()[:8]} → 민수 12.50 나눔"


@pytest.mark.trio
async def test_names_never_become_words_of_the_shell(amina: Person) -> None:
    app = App(path=amina.core.home.path)
    member = amina.id
    for name in HOSTILE:
        contact = Contact(member, name, "", 1)
        await amina.core.writer.run(lambda state, put=contact: state.contacts.put(put))
        offered = [one.value for one in completing.offer(app, "MEMBER", "")]
        assert name not in offered
        assert member.hex()[:8] in offered


def test_whatever_usages_name_is_looked_up_in_the_home() -> None:
    assert completing.KINDS.keys() == base.COMPLETED


def test_a_home_that_cannot_be_read_offers_nothing(tmp_path: Path) -> None:
    for broken in ("none", "empty", "damaged"):
        folder = tmp_path / broken
        if broken != "none":
            folder.mkdir()
        if broken == "damaged":
            for name in ("genesis", "device.key", "wetalk.sqlite"):
                (folder / name).write_bytes(b"junk")
            home = App(path=folder).home
            for file in (home.genesis, home.device_key, home.database):
                file.write_bytes(b"junk")
        for kind in completing.KINDS:
            assert completing.offer(App(path=folder), kind, "") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_each_shell_can_be_read_by_it(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    file = tmp_path / shell
    file.write_text(script(shell))
    done = subprocess.run([shell, "-n", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_zsh_offers_commands_with_what_they_do(tmp_path: Path) -> None:
    """Its completion system is stood in for, since it needs a terminal."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed here")
    file = tmp_path / "zsh"
    file.write_text(script("zsh"))
    program = (
        "compdef() {}; _describe() { print -l $completions_with_descriptions };"
        'source "$1"; words=(wetalk --language ko comm); CURRENT=4; _wetalk_completion'
    )
    done = subprocess.run(
        ["zsh", "-f", "-c", program, "-", str(file)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.strip() == "community:" + text("command.community", "ko")


def test_fish_offers_commands(tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed here")
    file = tmp_path / "fish"
    file.write_text(script("fish"))
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source {file}; complete -C 'wetalk comm'"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
    )
    assert done.stdout.split("\t")[0].strip() == "community"


@pytest.mark.parametrize("shell", SHELLS)
def test_it_is_installed_among_the_users_own_files(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert root.run(["completion", shell, "--install", "--language", "ko"]) == DONE
    said = capsys.readouterr().out
    assert said.index(str(place(shell))) < said.index("다 됐어요")
    assert place(shell).is_relative_to(tmp_path)
    assert place(shell).read_text() == script(shell)
    assert root.run(["completion", shell]) == DONE
    assert capsys.readouterr().out == script(shell)
