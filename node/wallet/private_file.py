"""Files that only their owner may read: written whole or not at all, refused when others can look.

Rules:
- Written as: temporary file (0600, new) → write → fsync → rename or link → fsync of the folder. A
  process killed anywhere leaves the old file or the new one, never a part of either.
- A new file never replaces one that is there; replacing is asked for by name.
- Read only if it is a plain file of this user with no access for group and others.
- Leftovers of a killed write are removed by the next write or `remove_leftovers`.

Left to others: what the bytes mean, and that one process at a time writes in a home. Copies that a
file system or a flash disk keeps of old blocks are out of reach. POSIX only.
"""

import errno
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from node.wallet.errors import Problem, WalletError, WalletStorageError

OWNER_ONLY: Final = 0o600
OTHERS: Final = 0o077


def read_private(path: Path, size_max_bytes: int) -> bytes:
    """The bytes of a private file, one more than `size_max_bytes` at most.

    Raises WalletError: file-missing, file-kind, file-owner, file-unreadable,
    home-permissions.
    """
    # Not following a link, and not waiting for a writer if it is a pipe.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags)
        try:
            _refuse_unless_private(os.fstat(descriptor), path)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(size_max_bytes + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise WalletError(Problem.FILE_MISSING, path=str(path)) from None
    except OSError as problem:
        link = problem.errno == errno.ELOOP
        code = Problem.FILE_KIND if link else Problem.FILE_UNREADABLE
        raise WalletError(code, problem.strerror or "", path=str(path)) from problem


def _refuse_unless_private(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise WalletError(Problem.FILE_KIND, path=str(path))
    if status.st_uid != os.geteuid():
        raise WalletError(Problem.FILE_OWNER, path=str(path))
    if status.st_mode & OTHERS:
        raise WalletError(Problem.HOME_PERMISSIONS, path=str(path))


def write_private(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Write `data` as a private file in a folder that exists; durable when this returns.

    Raises WalletError file-exists unless `replace`, WalletStorageError home-not-writable,
    disk-full.
    """
    with writing_private(path, replace=replace) as file:
        file.write(data)


@contextmanager
def writing_private(path: Path, *, replace: bool = False) -> Generator[BinaryIO]:
    """A private file to write to, which bears its name only once it is whole: where the block
    raises, nothing is there. Raises like `write_private`."""
    remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        if not replace and path.exists():
            raise FileExistsError
        try:
            with _new_file(temporary) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _publish(temporary, path, replace=replace)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except FileExistsError:
        raise WalletError(Problem.FILE_EXISTS, path=str(path)) from None
    except OSError as problem:
        raise _storage_error(problem, path) from problem


def _new_file(temporary: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.fdopen(os.open(temporary, flags, OWNER_ONLY), "wb")
    os.fchmod(file.fileno(), OWNER_ONLY)  # whatever the umask made of it
    return file


def _publish(temporary: Path, path: Path, *, replace: bool) -> None:
    """Give the finished file its name. A link, unlike a rename, fails when the name is taken."""
    if replace:
        temporary.replace(path)
    else:
        path.hardlink_to(temporary)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_private(source: Path, target: Path) -> None:
    """Give a private file another name in its folder, in place of what bears it; durable when this
    returns. Raises WalletStorageError."""
    try:
        source.replace(target)
        _sync_folder(target.parent)
    except OSError as problem:
        raise _storage_error(problem, target) from problem


def remove_leftovers(path: Path) -> None:
    """Remove temporary files that a killed write of `path` left; what cannot be removed stays."""
    try:
        for stray in path.parent.iterdir():
            if stray.name.startswith(f".{path.name}.") and stray.name.endswith(".tmp"):
                stray.unlink(missing_ok=True)
    except OSError:
        pass


def remove_private(path: Path) -> None:
    """Remove a private file, its content overwritten first; nothing happens if there is none.

    Journals and flash disks may keep old blocks all the same. Raises WalletStorageError.
    """
    remove_leftovers(path)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "wb") as file:
            file.write(bytes(os.fstat(file.fileno()).st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        _sync_folder(path.parent)
    except FileNotFoundError:
        return
    except OSError as problem:
        raise _storage_error(problem, path) from problem


def _storage_error(problem: OSError, path: Path) -> WalletStorageError:
    full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
    code = Problem.DISK_FULL if full else Problem.HOME_NOT_WRITABLE
    return WalletStorageError(code, problem.strerror or "", path=str(path))
