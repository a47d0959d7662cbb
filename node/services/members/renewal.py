"""A new key on this computer, in place of one that must not go on: a copied home, a device that its
owner shut out, an account that must carry what became known later (R11, R35, R46).

    new key beside the old -> one transaction: add it, shut the old ones out, open the account
    -> the new key takes the old one's place

Rules: it needs the member's words, since only the root key adds a device. Nothing of the old key is
used any more. A process killed in between leaves both keys; the next start keeps the one that the
records name. A relay's key does not change: the chapter's founding document names it.

Left to others: which records surfaced (`late`), asking for words, the limit (officers, R14).
"""

# pyright: reportUnknownMemberType=false, reportCallIssue=false
# The stubs of trio that come with libp2p do not know their own types.

from collections.abc import Callable
from dataclasses import dataclass, replace

import trio

from node.protocol.errors import LocalFault
from node.protocol.identity import Lane
from node.protocol.lanes import heads_of
from node.services import missing
from node.services.core import Core
from node.services.members import devices, late
from node.services.members.devices import Keep
from node.services.members.setup import is_restoring
from node.services.publish import COPIED_HOME, Appender, Publisher
from node.services.trading import accounts
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import identities
from node.wallet import keyfile
from node.wallet.phrase import Phrase
from node.wallet.private_file import move_private, remove_private
from node.wallet.signer import RootSigner, Signer


@dataclass(frozen=True, slots=True)
class Renewed:
    """What was made: the new device key, the devices shut out, the open that waits for a limit."""

    device: bytes
    shut_out: tuple[bytes, ...]
    opened: bytes | None


def settle_keys(core: Core) -> None:
    """Before the device key is opened: finish, or undo, a renewal that was killed."""
    home = core.home
    if not home.next_device_key.exists():
        return
    info = keyfile.read_info(home.next_device_key)
    if any(key == info.public_key for key, _, _ in _devices(core.reader, info.member_id)):
        move_private(home.next_device_key, home.device_key)
    else:
        remove_private(home.next_device_key)


def _devices(reader: Rows, member: bytes) -> list[tuple[bytes, list[str], bool]]:
    return list(identities.devices_of(reader, member))


async def renew(
    core: Core, phrase: Phrase, password: str | None = None, *, both: bool = False
) -> Renewed:
    """Go on with a new key that carries every own account; the old ones are shut out.

    `both`: where another copy of this home has signed too, that was the member's as well. Raises
    WalletError phrase-other, password-needed, password-wrong; LocalFault relay-key,
    restore-not-ready.
    """
    keep: Keep = "all" if both else "ours"
    return await _go_on(core, phrase, password, keep, lambda appender, state, root: None)


async def recognise(
    core: Core,
    phrase: Phrase,
    device: bytes,
    password: str | None = None,
    *,
    through: bytes | None = None,
) -> Renewed:
    """What a device that is shut out did beyond its cuts was the member's: let it stand (all of it,
    or `through` a trade), and go on with an account that carries it.

    Raises like `renew`; LocalFault device-unknown, nothing-surfaced, trade-not-there.
    """

    def extend(appender: Appender, state: WriterState, root: RootSigner) -> None:
        found = late.surfaced_of(core, state, device)
        heads = late.end_of(state, found, through)
        devices.extend_cut(core, appender, state, root, device, heads)

    return await _go_on(core, phrase, password, "longest", extend)


async def leave(core: Core, device: bytes) -> None:
    """It was not the member's: it stays in doubt. Raises LocalFault device-unknown,
    nothing-surfaced."""
    await core.writer.run(lambda state: late.leave(state, late.surfaced_of(core, state, device)))


async def _go_on(
    core: Core,
    phrase: Phrase,
    password: str | None,
    keep: Keep,
    before: Callable[[Appender, WriterState, RootSigner], None],
) -> Renewed:
    old = core.own
    if is_restoring(core):
        raise LocalFault("restore-not-ready")
    lane_key = old.member_id + old.public_key + bytes((Lane.WITNESS,))
    if heads_of(core.reader, lane_key):
        raise LocalFault("relay-key")
    with devices.root_of(core, phrase) as root:
        new = await trio.to_thread.run_sync(_next_signer, core, old, password)
        with_new = replace(core, signer=new)

        def work(appender: Appender, state: WriterState) -> tuple[tuple[bytes, ...], bytes | None]:
            before(appender, state, root)
            state.settings.remove(COPIED_HOME)
            missing.settle(state)
            shut_out = devices.take_over(with_new, appender, state, root, paying=True, keep=keep)
            account = accounts.own_account(with_new, state)
            return shut_out, None if account is None else account.open

        with trio.CancelScope(shield=True):  # once it is committed, the new key must be kept
            try:
                shut_out, opened = await Publisher(with_new).transact(work, anyway=True)
            finally:
                settle_keys(core)
    core.signer = new
    core.echo_wanted = False
    core.missing = missing.read(core.reader)
    return Renewed(new.public_key, shut_out, opened)


def _next_signer(core: Core, old: Signer, password: str | None) -> Signer:
    """A new key in its file beside the old one, under the same password."""
    settle_keys(core)
    home = core.home
    sealed = keyfile.read_info(home.device_key).sealed
    with keyfile.open_key(home.device_key, "device", password):
        pass  # the password is right
    keyfile.create_key(
        home.next_device_key,
        "device",
        community_id=core.community,
        member_id=old.member_id,
        passphrase=password if sealed else None,
    )
    return Signer.device(home.next_device_key, password, community_id=core.community)
