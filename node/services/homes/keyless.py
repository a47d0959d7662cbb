"""Homes without a member: ledgers made from a table or a file, to look at, to verify, to audit.

Rules: such a home has a community and records, and no key: it can neither speak nor pay. It is made
only where there is no home yet. The caller holds the home's lock.
"""

from node.protocol import genesis
from node.protocol.errors import LocalFault
from node.protocol.ports import Clock
from node.services.core import Core, now_ms, open_core
from node.storage.home import Home
from node.wallet.private_file import write_private


def keyless_core(home: Home, document: bytes, *, clock: Clock = now_ms) -> Core:
    """A new home of the community with this genesis document, open.

    Raises LocalFault home-exists, RemoteFault for a document that is none, StorageFault.
    """
    genesis.parse(document)
    home.prepare()
    if home.genesis.exists() or home.database.exists():
        raise LocalFault("home-exists", path=str(home.path))
    write_private(home.genesis, document)
    return open_core(home, clock=clock)
