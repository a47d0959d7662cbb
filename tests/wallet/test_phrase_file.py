"""The phrase of a first start without a terminal waits in a private file until it is confirmed."""

import stat
from pathlib import Path

import pytest

from node.wallet.errors import Problem, WalletError
from node.wallet.phrase import LANGUAGES, Language, PhraseError, new_phrase, root_key
from node.wallet.phrase_file import confirm, is_waiting, read_phrase, write_phrase


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_phrase_waits_privately_and_goes_when_confirmed(home: Path, language: Language) -> None:
    phrase, path = new_phrase(language), home / "phrase.txt"
    assert not is_waiting(path)
    write_phrase(path, phrase)
    assert is_waiting(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_phrase(path).words == phrase.words
    with root_key(phrase) as key:
        confirm(path, phrase.text, key.public_key)
        assert not is_waiting(path)
        confirm(path, phrase.text, key.public_key)
    assert list(home.iterdir()) == []


def test_a_confirmed_phrase_leaves_no_content_behind(home: Path) -> None:
    phrase, path = new_phrase("en", bytes(32)), home / "phrase.txt"
    write_phrase(path, phrase)
    (home / "second name").hardlink_to(path)
    with root_key(phrase) as key:
        confirm(path, phrase.text, key.public_key)
    assert not (home / "second name").read_bytes().strip(b"\0")


def test_a_wrong_confirmation_keeps_the_file(home: Path) -> None:
    phrase, path = new_phrase("en", bytes(32)), home / "phrase.txt"
    write_phrase(path, phrase)
    with root_key(phrase) as key, pytest.raises(PhraseError):
        confirm(path, "abandon " * 24, key.public_key)
    with pytest.raises(WalletError) as caught:
        confirm(path, phrase.text, bytes(32))
    assert caught.value.code == Problem.PHRASE_OTHER
    assert read_phrase(path).words == phrase.words


def test_a_waiting_phrase_is_not_overwritten(home: Path) -> None:
    write_phrase(home / "phrase.txt", new_phrase("en"))
    with pytest.raises(WalletError) as caught:
        write_phrase(home / "phrase.txt", new_phrase("en"))
    assert caught.value.code == Problem.FILE_EXISTS


def test_a_file_that_holds_no_phrase_is_told(home: Path) -> None:
    (home / "phrase.txt").write_bytes(b"\xff\xfe not words")
    (home / "phrase.txt").chmod(0o600)
    with pytest.raises(PhraseError) as caught:
        read_phrase(home / "phrase.txt")
    assert caught.value.code == Problem.PHRASE_COUNT
