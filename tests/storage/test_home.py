"""A home belongs to one process at a time, and to one user."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from node.protocol.errors import LocalFault
from node.storage.home import Home, HomeLock, publish

HOLDER = """
import sys
from pathlib import Path
from node.storage.home import Home, HomeLock
lock = HomeLock(Home(Path(sys.argv[1])))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_the_home(home: Home) -> None:
    command = [sys.executable, "-c", HOLDER, str(home.path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LocalFault) as caught:
            HomeLock(home).acquire()
        assert caught.value.code == "home-in-use"
        assert caught.value.values == {"process": holder.pid}
        holder.kill()
        holder.wait()
    with HomeLock(home) as lock:  # a killed process holds nothing
        assert lock.held


def test_a_released_home_can_be_taken_again(home: Home) -> None:
    lock = HomeLock(home)
    for _ in range(2):
        lock.acquire()
        lock.release()
    lock.release()
    assert not lock.held


def test_a_home_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    deep = Home(tmp_path / "a" / "b")
    deep.prepare()
    assert stat.S_IMODE(deep.path.stat().st_mode) == 0o700
    assert deep.open_to_others() == []


def test_an_empty_folder_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Home(tmp_path).prepare()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_file_gets_its_name_only_when_it_is_on_the_disk_and_then_the_name_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[object] = []
    sync, replace = os.fsync, Path.replace

    def noted(number: int) -> None:
        done.append(os.fstat(number).st_ino)
        sync(number)

    def renamed(path: Path, target: Path) -> Path:
        done.append("replace")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(Path, "replace", renamed)
    part, whole = tmp_path / "part", tmp_path / "whole"
    part.write_bytes(b"finished")
    file = part.stat().st_ino
    publish(part, whole)
    assert done == [file, "replace", tmp_path.stat().st_ino]
    assert whole.read_bytes() == b"finished"


def test_a_folder_full_of_other_things_keeps_its_permissions(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "letter.txt").write_text("dear")
    Home(tmp_path).prepare()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert tmp_path in Home(tmp_path).open_to_others()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalFault) as caught:
        HomeLock(Home(tmp_path / "file" / "home")).acquire()
    assert caught.value.code == "home-not-writable"


def test_files_that_others_may_read_are_found(home: Home) -> None:
    home.prepare()
    home.token.write_text("secret")
    home.token.chmod(0o644)
    assert home.open_to_others() == [home.token]
