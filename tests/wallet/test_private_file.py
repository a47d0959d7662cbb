"""Private files: refused when others could look, whole whatever fails while writing."""

import errno
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from node.protocol.errors import WetalkError
from node.wallet.errors import Problem, WalletError, WalletStorageError
from node.wallet.private_file import (
    move_private,
    read_private,
    remove_leftovers,
    remove_private,
    write_private,
)


def code_of_reading(path: Path) -> str:
    with pytest.raises(WalletError) as caught:
        read_private(path, 100)
    assert caught.value.values["path"] == str(path)
    return caught.value.code


def test_what_was_written_is_read_and_nobody_else_may(home: Path) -> None:
    before = os.umask(0)
    try:
        write_private(home / "secret", b"one")
    finally:
        os.umask(before)
    assert read_private(home / "secret", 100) == b"one"
    assert stat.S_IMODE((home / "secret").stat().st_mode) == 0o600


def test_a_tight_umask_does_not_lock_the_owner_out(home: Path) -> None:
    before = os.umask(0o777)
    try:
        write_private(home / "secret", b"one")
    finally:
        os.umask(before)
    assert stat.S_IMODE((home / "secret").stat().st_mode) == 0o600


def test_reading_stops_one_byte_beyond_the_size_asked_for(home: Path) -> None:
    write_private(home / "secret", b"x" * 1000)
    assert read_private(home / "secret", 100) == b"x" * 101


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o777])
def test_a_file_that_others_may_touch_is_refused(home: Path, mode: int) -> None:
    write_private(home / "secret", b"one")
    (home / "secret").chmod(mode)
    assert code_of_reading(home / "secret") == Problem.HOME_PERMISSIONS


def test_a_file_of_another_user_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(home / "secret", b"one")
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    assert code_of_reading(home / "secret") == Problem.FILE_OWNER


def test_what_is_no_plain_file_is_refused_without_waiting(home: Path) -> None:
    write_private(home / "secret", b"one")
    (home / "link").symlink_to("secret")
    (home / "folder").mkdir()
    os.mkfifo(home / "pipe", 0o600)
    for name in ("link", "folder", "pipe"):
        assert code_of_reading(home / name) == Problem.FILE_KIND, name
    with socket.socket(socket.AF_UNIX) as listening:
        descriptor = os.open(home, os.O_RDONLY)
        try:
            listening.bind(f"/proc/self/fd/{descriptor}/socket")
        finally:
            os.close(descriptor)
    assert code_of_reading(home / "socket") == Problem.FILE_UNREADABLE
    assert code_of_reading(home / "nothing") == Problem.FILE_MISSING
    assert code_of_reading(home / "secret" / "below") == Problem.FILE_UNREADABLE


def test_a_new_file_never_replaces_one(home: Path) -> None:
    write_private(home / "secret", b"old")
    with pytest.raises(WalletError) as caught:
        write_private(home / "secret", b"new")
    assert caught.value.code == Problem.FILE_EXISTS
    assert read_private(home / "secret", 100) == b"old"
    write_private(home / "secret", b"newer", replace=True)
    assert read_private(home / "secret", 100) == b"newer"
    assert [path.name for path in home.iterdir()] == ["secret"]


def test_content_is_on_disk_before_the_name_and_the_name_before_returning(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, link, rename = os.fsync, os.link, os.replace

    def record_sync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("folder" if is_folder else "content")
        sync(descriptor)

    def record_link(*arguments: str, **named: bool) -> None:
        steps.append("name")
        link(*arguments, **named)

    def record_rename(*arguments: str) -> None:
        steps.append("name")
        rename(*arguments)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(os, "link", record_link)
    monkeypatch.setattr(os, "replace", record_rename)
    write_private(home / "secret", b"old")
    assert steps == ["content", "name", "folder"]
    write_private(home / "secret", b"new", replace=True)
    assert steps == ["content", "name", "folder"] * 2
    steps.clear()
    move_private(home / "secret", home / "kept")
    assert steps == ["name", "folder"]


def test_a_file_takes_the_place_of_another_whole_or_not_at_all(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_private(home / "old", b"old")
    write_private(home / "new", b"new")
    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", fails_with(errno.EIO))
        with pytest.raises(WalletStorageError) as caught:
            move_private(home / "new", home / "old")
    assert caught.value.code == Problem.HOME_NOT_WRITABLE
    assert caught.value.values["path"] == str(home / "old")
    assert read_private(home / "old", 100) == b"old"
    move_private(home / "new", home / "old")
    assert read_private(home / "old", 100) == b"new"
    assert [path.name for path in home.iterdir()] == ["old"]


def fails_with(number: int) -> Callable[..., None]:
    """A system call that says this error."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, Problem.DISK_FULL),
        (errno.EDQUOT, Problem.DISK_FULL),
        (errno.EIO, Problem.HOME_NOT_WRITABLE),
        (errno.EROFS, Problem.HOME_NOT_WRITABLE),
    ],
)
def test_a_failing_disk_is_told_and_leaves_the_old_file(
    home: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    write_private(home / "secret", b"old")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fails_with(number))
        with pytest.raises(WalletStorageError) as caught:
            write_private(home / "secret", b"new", replace=True)
    assert caught.value.code == code
    assert read_private(home / "secret", 100) == b"old"
    assert [path.name for path in home.iterdir()] == ["secret"]


def test_a_folder_that_is_not_there_is_told(home: Path) -> None:
    with pytest.raises(WalletStorageError) as caught:
        write_private(home / "missing" / "secret", b"new")
    assert caught.value.code == Problem.HOME_NOT_WRITABLE


def test_leftovers_of_this_file_go_and_nothing_else(home: Path) -> None:
    for name in (".secret.0011.tmp", ".other.0011.tmp", "secret.tmp", ".secret"):
        (home / name).write_bytes(b"left")
    remove_leftovers(home / "secret")
    assert {path.name for path in home.iterdir()} == {".other.0011.tmp", "secret.tmp", ".secret"}


def test_the_next_write_removes_what_a_killed_one_left(home: Path) -> None:
    (home / ".secret.0011.tmp").write_bytes(b"left")
    write_private(home / "secret", b"one")
    assert [path.name for path in home.iterdir()] == ["secret"]


def test_removing_leaves_neither_name_nor_content_nor_leftovers(home: Path) -> None:
    write_private(home / "secret", b"words")
    (home / "second name").hardlink_to(home / "secret")
    (home / ".secret.0011.tmp").write_bytes(b"words")
    remove_private(home / "secret")
    assert [path.name for path in home.iterdir()] == ["second name"]
    assert (home / "second name").read_bytes() == bytes(5)
    remove_private(home / "secret")


def test_removing_what_cannot_be_removed_is_told(home: Path) -> None:
    (home / "folder").mkdir()
    with pytest.raises(WetalkError) as caught:
        remove_private(home / "folder")
    assert caught.value.code == Problem.HOME_NOT_WRITABLE
