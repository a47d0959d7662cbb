"""Working on a home directly, under its lock, for commands that need no running node."""

from collections.abc import Generator
from contextlib import contextmanager

from node.commands.base import App
from node.protocol.crypto import community_id
from node.protocol.errors import LocalFault
from node.services.core import Core, open_core
from node.services.members import renewal
from node.storage.connect import connect_reader
from node.storage.home import HomeLock
from node.storage.reader import SqliteReader
from node.wallet.keyfile import read_info
from node.wallet.signer import Signer


@contextmanager
def open_home(app: App, *, signing: bool = False) -> Generator[Core]:
    """The home, locked and open, with its device key; a sealed one is asked for its password where
    something is to be signed, and left alone otherwise.

    Raises LocalFault home-missing, home-in-use; StorageFault.
    """
    home = app.home
    if not home.genesis.exists():
        raise LocalFault("home-missing")
    with HomeLock(home):
        core = open_core(home)
        try:
            renewal.settle_keys(core)
            if home.device_key.exists():  # a ledger without a member has none
                core.signer = _signer(app, core, signing)
            yield core
        finally:
            core.close()


def _signer(app: App, core: Core, signing: bool) -> Signer | None:
    key, password = core.home.device_key, None
    if read_info(key).sealed:
        if not signing:
            return None
        from node.commands.words import ask_password

        password = ask_password(app, None, twice=False)
    return Signer.device(key, password, community_id=core.community)


@contextmanager
def read_home(app: App) -> Generator[SqliteReader]:
    """One state of the home's database, read only: also while a node runs there.

    Raises LocalFault home-missing; StorageFault.
    """
    if not app.home.genesis.exists():
        raise LocalFault("home-missing")
    community = community_id(app.home.genesis.read_bytes())
    reader = SqliteReader(connect_reader(app.home.database), community)
    try:
        with reader.snapshot():
            yield reader
    finally:
        reader.close()


def is_running(app: App) -> bool:
    """True iff a process holds this home now."""
    if not app.home.lock.exists():
        return False
    lock = HomeLock(app.home)
    try:
        lock.acquire()
    except LocalFault as fault:
        if fault.code == "home-in-use":
            return True
        raise
    lock.release()
    return False
