"""A home directory: which file lies where, who may read it, and who holds it.

Rules: this is the one module of storage that knows the system (locks, permissions, free space;
POSIX). One process holds a home at a time, by a lock that the system drops when the process dies.
The home is for its owner alone, and so is every file made here.

Left to others: what stands in the files; key files are written by the wallet.
"""

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from node.protocol.errors import LocalFault
from node.storage.errors import Problem

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
OTHERS: Final = 0o077  # what group and everybody else may do
SHARED_INDEX_BYTES: Final = 65_536  # twice what SQLite asks for at first
SIDE_FILES: Final = ("", "-wal", "-shm", "-journal")  # a database, its logs, its shared index


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one home. Making the object touches nothing."""

    path: Path

    @property
    def database(self) -> Path:
        """Records, state, and all that is this node's own."""
        return self.path / "node.db"

    @property
    def mended(self) -> Path:
        """A whole database that is about to take the place of a damaged one."""
        return self.path / "node.db.mended"

    @property
    def mending(self) -> Path:
        """The folder in which that one is being made."""
        return self.path / "mending"

    @property
    def search(self) -> Path:
        """The search index, a cache."""
        return self.path / "search.db"

    @property
    def pictures(self) -> Path:
        """Pictures of listings, own ones and a bounded number of others'."""
        return self.path / "pictures.db"

    @property
    def pictures_mended(self) -> Path:
        """A whole file of pictures that is about to take the place of a damaged one."""
        return self.path / "pictures.db.mended"

    @property
    def lock(self) -> Path:
        """Held while a process works in the home; holds its process id."""
        return self.path / "lock"

    @property
    def device_key(self) -> Path:
        """The device key, which no backup holds."""
        return self.path / "device.key"

    @property
    def next_device_key(self) -> Path:
        """The key that is about to take the device key's place."""
        return self.path / "device.key.next"

    @property
    def reserved_key(self) -> Path:
        """A relay's key that waits for the community which names it."""
        return self.path / "reserved.key"

    @property
    def host_key(self) -> Path:
        """The key of the network address."""
        return self.path / "host.key"

    @property
    def phrase(self) -> Path:
        """The 24 words, only until they were confirmed on a machine without a terminal."""
        return self.path / "phrase.txt"

    @property
    def token(self) -> Path:
        """The API token of the owner."""
        return self.path / "token"

    @property
    def certificate(self) -> Path:
        """Key and certificate for the home network, once it was opened."""
        return self.path / "lan.pem"

    @property
    def genesis(self) -> Path:
        """The founding document of the community."""
        return self.path / "genesis"

    @property
    def api(self) -> Path:
        """Where the running node's API answers."""
        return self.path / "api.json"

    def backup_of_schema(self, version: int) -> Path:
        """The copy of the database made before it was changed from `version` to a later one."""
        return self.path / f"node.db.backup-{version}"

    def prepare(self) -> None:
        """Make the home, readable by its owner alone. A folder full of other things stays as it is.

        Raises LocalFault home-not-writable.
        """
        try:
            self.path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            ours = self.lock.exists() or next(self.path.iterdir(), None) is None
            if ours and self.path.stat().st_mode & OTHERS:
                self.path.chmod(FOLDER_MODE)
        except OSError as problem:
            raise _not_writable(self.path, problem) from problem

    def open_to_others(self) -> list[Path]:
        """The home and its files as far as other users of the machine may look into them."""
        if not self.path.is_dir():
            return []
        looked_at = [self.path, *sorted(path for path in self.path.iterdir() if path.is_file())]
        return [path for path in looked_at if path.stat().st_mode & OTHERS]

    def free_bytes(self) -> int:
        """Space left on the home's disk."""
        return shutil.disk_usage(self.path).free

    def is_full(self) -> bool:
        """True iff not even SQLite's shared index fits on the home's disk."""
        return self.free_bytes() < SHARED_INDEX_BYTES


class HomeLock:
    """The right to work in a home: of one process at a time, and gone when that process is.

    The lock file itself stays: removing it would let two processes lock two files of one name.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the home. Raises LocalFault home-in-use (values: process), home-not-writable."""
        assert self._descriptor is None, "held already"
        self.home.prepare()
        try:
            descriptor = os.open(self.home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as problem:
            raise _not_writable(self.home.lock, problem) from problem
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            process = int(holder) if holder.isdecimal() else "?"
            raise LocalFault(Problem.HOME_IN_USE, process=process) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the home back. Nothing happens if it is not held."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def held(self) -> bool:
        """True while this object holds the home."""
        return self._descriptor is not None

    def __enter__(self) -> "HomeLock":
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def create_private(path: Path) -> None:
    """Make an empty file for its owner alone, if there is none. SQLite gives its side files the
    same permissions. Raises LocalFault home-not-writable."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    except OSError as problem:
        raise _not_writable(path, problem) from problem


def publish(temporary: Path, path: Path) -> None:
    """Give a finished file its name, for good: also after a power cut."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove_database(path: Path) -> None:
    """Remove a database that is only a cache, with its side files."""
    for suffix in SIDE_FILES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def settle_mended(home: Home) -> None:
    """Let mended files take their places: also where a process was killed in doing so."""
    settle(home.mended, home.database)
    settle(home.pictures_mended, home.pictures)


def settle(mended: Path, path: Path) -> None:
    """Let a mended database, if there is one, take the place of a damaged one."""
    if mended.exists():
        remove_database(path)  # with its log, which belongs to no other
        publish(mended, path)


def _not_writable(path: Path, problem: OSError) -> LocalFault:
    return LocalFault(Problem.HOME_NOT_WRITABLE, problem.strerror or "", path=str(path))
