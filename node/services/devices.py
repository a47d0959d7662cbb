"""What only the root key signs: an identity, its devices, and shutting them out.

Rules: the words are asked for each time and the root key lives for one `with` block; a device is
added with its own proof (R8); a revocation names the highest heads known as cuts, so that nothing
known here is called in doubt (R10). A further device talks and offers goods; it gets no account of
its own, since two accounts that stand on one history would shut each other out (R34).

Left to others: asking for words, making key files (`setup`).
"""

from collections.abc import Iterator
from typing import Final, Literal

from node.protocol import crypto, lanes, record
from node.protocol.errors import LocalFault
from node.protocol.identity import (
    DEVICE_SCOPES,
    Cut,
    DeviceAdd,
    DeviceRevoke,
    IdentityCreate,
    Lane,
    LaneName,
    proof_text,
)
from node.protocol.ports import Reader
from node.protocol.record import RawRecord
from node.protocol.shapes import Body, RecordId
from node.services import accounts, office
from node.services.community import default_grants
from node.services.core import Core
from node.services.publish import Appender, Publisher
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import identities, members
from node.wallet.errors import Problem, WalletError
from node.wallet.phrase import Phrase
from node.wallet.signer import RootSigner, Signer

ALL_SCOPES: Final[tuple[LaneName, ...]] = DEVICE_SCOPES
TALK_SCOPES: Final[tuple[LaneName, ...]] = ("market", "social")


def scopes_beside(core: Core) -> tuple[LaneName, ...]:
    """What a further device may sign: a relay that the founders named also confirms."""
    return (*TALK_SCOPES, "witness") if core.is_witness else TALK_SCOPES


def root_of(core: Core, phrase: Phrase) -> RootSigner:
    """The root signer of this home's member, for a `with` block.

    Raises WalletError phrase-other when the words are somebody else's.
    """
    root = RootSigner.from_phrase(phrase)
    if root.public_key != core.member:
        root.close()
        raise WalletError(Problem.PHRASE_OTHER)
    return root


def append_root(
    core: Core, appender: Appender, reader: Reader, root: RootSigner, kind: str, body: Body
) -> RecordId:
    """Sign one identity record with the root key, on the longest branch known, and apply it."""
    lane_key = root.member_id + root.public_key + bytes((Lane.IDENTITY,))
    heads = sorted(lanes.heads_of(reader, lane_key), key=lambda head: (-head.seq, head.id))
    seq, prev = (heads[0].seq + 1, heads[0].id) if heads else (0, None)
    header, data = record.build(
        body, kind, root.member_id, root.public_key, seq, prev, core.clock()
    )
    signature = root.sign_record(crypto.record_id(core.community, header))
    return appender.take(RawRecord(header, data, signature))


def create_identity(
    core: Core, appender: Appender, state: WriterState, root: RootSigner
) -> RecordId:
    """The first record of a member."""
    return append_root(core, appender, state, root, "identity.create", IdentityCreate(next=None))


def add_own_device(
    core: Core,
    appender: Appender,
    state: WriterState,
    root: RootSigner,
    scopes: tuple[LaneName, ...] = ALL_SCOPES,
) -> RecordId:
    """Add the device of this home, with its proof that it agrees."""
    return append_root(
        core, appender, state, root, "device.add", device_add(core.own, scopes, root.member_id)
    )


def device_add(signer: Signer, scopes: tuple[LaneName, ...], member: bytes) -> DeviceAdd:
    """The body that adds `signer` to a member."""
    text = proof_text(signer.community_id, member)
    proof = signer.sign(crypto.WORD_DEVICE_PROOF, text)
    return DeviceAdd(key=signer.public_key, proof=proof, scopes=sorted(scopes))


def revoke_device(
    core: Core,
    appender: Appender,
    state: WriterState,
    root: RootSigner,
    device: bytes,
    *,
    leave_open: bool = False,
) -> RecordId:
    """Shut a device out: nothing of it counts beyond the heads known here.

    `leave_open` lets every lane stand as it is: for a device that was merely put away. Raises
    LocalFault device-unknown, device-revoked.
    """
    known = {key: revoked for key, _, revoked in identities.devices_of(state, root.member_id)}
    if device not in known:
        raise LocalFault("device-unknown")
    if known[device]:
        raise LocalFault("device-revoked")
    cuts = dict(_cuts(state, root.member_id, device, leave_open))
    body = DeviceRevoke(cuts=cuts, key=device)
    return append_root(core, appender, state, root, "device.revoke", body)


def _cuts(
    reader: Reader, member: bytes, device: bytes, leave_open: bool
) -> Iterator[tuple[LaneName, Cut | Literal["open"]]]:
    for name in DEVICE_SCOPES:
        heads = lanes.heads_of(reader, member + device + bytes((Lane[name.upper()],)))
        if leave_open:
            yield name, "open"
        elif heads:
            # On a forked lane the longest branch stands; at equal length the one of lower id.
            head = min(heads, key=lambda one: (-one.seq, one.id))
            yield name, Cut(seq=head.seq, id=head.id)


def revoke(
    core: Core, publisher: Publisher, phrase: Phrase, device: bytes, *, leave_open: bool = False
) -> RecordId:
    """`revoke_device` in a transaction of its own, outside an event loop."""
    with root_of(core, phrase) as root:
        return publisher.transact_sync(
            lambda appender, state: revoke_device(
                core, appender, state, root, device, leave_open=leave_open
            )
        )


def take_over(
    core: Core, appender: Appender, state: WriterState, root: RootSigner
) -> tuple[bytes, ...]:
    """Restore a member on this home's new device: add it, shut all others out at the highest heads
    known, and open an account that carries theirs (R46); returns the devices shut out.

    The member's records must be here. Raises LocalFault restore-not-ready.
    """
    member = root.member_id
    if not identities.is_known(state, member):
        raise LocalFault("restore-not-ready")
    add_own_device(core, appender, state, root)
    chapters = _chapters(core, state, member)
    old = tuple(
        device
        for device, _, revoked in list(identities.devices_of(state, member))
        if not revoked and device != core.own.public_key
    )
    for device in old:
        revoke_device(core, appender, state, root, device)
    if chapters:
        chapter = core.rules.genesis.chapters[chapters[0]]
        appender.append(accounts.open_draft(core, state, chapter))
        own_grants(core, appender, state)
    return old


def _chapters(core: Core, reader: Rows, member: bytes) -> list[int]:
    """Chapters the member belongs to; the one of the newest account first, one at the least."""
    found = [account.chapter for account in accounts.accounts_of(core, reader, member)]
    count = len(core.rules.genesis.chapters)
    joined = [
        number
        for number in range(count)
        if members.membership(reader, number, member, core.rules) in ("member", "officer")
    ]
    return list(dict.fromkeys([*reversed(found), *joined])) or ([0] if count == 1 else [])


def own_grants(core: Core, appender: Appender, state: WriterState) -> None:
    """An officer's own lane gets its limit at once, by the rule for everybody's (R14)."""
    for number, chapter in enumerate(core.rules.genesis.chapters):
        if chapter.k == 1 and members.is_officer(core.rules, core.member, number):
            for draft in default_grants(core, state, core.member, number):
                office.decide(core, appender, state, draft)
