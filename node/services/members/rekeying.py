"""A new device key in a home whose records are whole, and whose key file is damaged or gone.

Rules: nothing is overwritten, the damaged file is put aside. The new key is that of a new device,
as after a restore: it speaks once a neighbour has given all it has, and the old device is shut out
then (R11). A process killed in between leaves a home without a key, in which this is done again.

Left to others: asking for words, `setup.finish_restore`.
"""

from pathlib import Path
from typing import Any, Final

from node.ledger.fold import FOLD_VERSION
from node.protocol.errors import LocalFault
from node.protocol.ports import Clock
from node.services.core import now_ms, read_rules
from node.services.members.setup import INSTEAD, MET_SETTING, RESTORING_SETTING
from node.storage.database import Database
from node.storage.home import Home
from node.storage.state import WriterState
from node.views import identities
from node.wallet import keyfile
from node.wallet.errors import Problem, WalletError
from node.wallet.phrase import Phrase
from node.wallet.private_file import move_private
from node.wallet.signer import RootSigner

UNREADABLE: Final = frozenset({Problem.KEY_DAMAGED, Problem.FILE_MISSING})


def is_wanted(home: Home) -> bool:
    """True iff the home has records and its device key, or its host key, cannot be read."""
    return home.genesis.exists() and any(map(_is_unreadable, (home.device_key, home.host_key)))


def replace_key(home: Home, phrase: Phrase, *, clock: Clock = now_ms) -> bytes:
    """Put unreadable keys aside and make new ones; returns the member. The caller holds the lock.

    Raises WalletError phrase-other where the words are not those of a member of this home;
    StorageFault.
    """
    rules = read_rules(home)
    database = Database.open(
        home, community=rules.community, clock=clock, fold_version=FOLD_VERSION
    )
    with RootSigner.from_phrase(phrase) as root:
        member = root.member_id
    renewed = _is_unreadable(home.device_key)

    def wait_for_neighbours(state: WriterState) -> None:
        if not identities.is_known(state, member):
            raise WalletError(Problem.PHRASE_OTHER)
        if renewed:
            state.settings.put(RESTORING_SETTING, INSTEAD)
            state.settings.remove(MET_SETTING)

    try:
        database.writer.run_sync(wait_for_neighbours)
    finally:
        database.close()
    named: dict[str, Any] = {"community_id": rules.community, "member_id": member}
    if renewed:
        _put_aside(home.device_key, clock())
        keyfile.create_key(home.device_key, "device", **named)
    if _is_unreadable(home.host_key):
        _put_aside(home.host_key, clock())
        keyfile.create_key(home.host_key, "host", **named)
    return member


def _is_unreadable(path: Path) -> bool:
    try:
        keyfile.read_info(path)
    except WalletError as fault:
        return fault.code in UNREADABLE
    except LocalFault:
        return False
    return False


def _put_aside(path: Path, now_ms: int) -> None:
    if path.exists():
        move_private(path, path.with_name(f"{path.name}.damaged-{now_ms}"))
