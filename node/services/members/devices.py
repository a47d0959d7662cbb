"""What only the root key signs: an identity, its devices, and shutting them out.

Rules: the words are asked for each time and the root key lives for one `with` block; a device is
added with its own proof (R8); a revocation names the highest heads known as cuts, so that nothing
known here is called in doubt, unless the member says from which trade on it was not theirs (R10). A
further device talks and offers goods; it gets no account of its own, since two accounts that stand
on one history would shut each other out (R34).

Left to others: asking for words, making key files (`setup`, `renewal`).
"""

from collections.abc import Sequence
from typing import Final, Literal

from node.ledger.trades import STEP
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
from node.services.chapters import office
from node.services.chapters.community import default_grants
from node.services.core import Core
from node.services.publish import Appender
from node.services.trading import accounts
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import identities, members
from node.wallet.errors import Problem, WalletError
from node.wallet.phrase import Phrase
from node.wallet.signer import RootSigner, Signer

ALL_SCOPES: Final[tuple[LaneName, ...]] = DEVICE_SCOPES
LEFT_SETTING: Final = "left_in_doubt:"  # + device in hex -> newest local number that was looked at
BRANCHES_KEPT_MAX_COUNT: Final = 16  # of a forked lane; an account carries 32 heads at most
Cuts = dict[LaneName, Cut | Literal["open"]]
Keep = Literal["longest", "ours", "all"]
"""Branches of a forked lane that stand when a device is shut out: the longest; the one that this
home signed; all of them."""
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
    since: bytes | None = None,
    keep: Keep = "longest",
) -> RecordId:
    """Shut a device out: nothing of it counts beyond the heads known here.

    `leave_open` lets every lane stand as it is: for a device that was merely put away. `since` is a
    trade: on the account lane, its first step by this device and all after it were not the
    member's. `keep` says which branches of a forked lane stand. Raises LocalFault device-unknown,
    device-revoked, trade-not-there.
    """
    known = {key: revoked for key, _, revoked in identities.devices_of(state, root.member_id)}
    if device not in known:
        raise LocalFault("device-unknown")
    if known[device]:
        raise LocalFault("device-revoked")
    cuts: dict[LaneName, list[Cut]] = {
        name: _standing(state, root.member_id, device, name, keep) for name in DEVICE_SCOPES
    }
    if since is not None:
        cuts["account"] = _before(state, root.member_id, device, since)
        # Who says so has looked at all that is known here, and is not asked whether it was they.
        heads = lanes.heads_of(state, root.member_id + device + bytes((Lane.ACCOUNT,)))
        newest = max(lanes.ENTRY.must(state, head.id).number for head in heads)
        state.settings.put(LEFT_SETTING + device.hex(), str(newest))
    bodies: list[Cuts] = [dict.fromkeys(DEVICE_SCOPES, "open")]
    if not leave_open:
        bodies = [_nth(cuts, turn) for turn in range(max(1, *map(len, cuts.values())))]
    done = [
        append_root(
            core, appender, state, root, "device.revoke", DeviceRevoke(cuts=body, key=device)
        )
        for body in bodies
    ]
    return done[0]


def extend_cut(
    core: Core,
    appender: Appender,
    state: WriterState,
    root: RootSigner,
    device: bytes,
    heads: Sequence[bytes],
) -> None:
    """Let what a revoked device signed up to these account records stand after all (R10)."""
    for head in heads:
        cut = Cut(seq=lanes.ENTRY.must(state, head).seq, id=RecordId(head))
        body = DeviceRevoke(cuts={"account": cut}, key=device)
        append_root(core, appender, state, root, "device.revoke", body)


def _nth(cuts: dict[LaneName, list[Cut]], turn: int) -> Cuts:
    """One cut of each lane, as far as it has so many."""
    return {name: found[turn] for name, found in cuts.items() if turn < len(found)}


def _standing(
    reader: Reader, member: bytes, device: bytes, name: LaneName, keep: Keep
) -> list[Cut]:
    """The heads of one of a device's lanes that stand; several only where all branches do."""
    heads = lanes.heads_of(reader, member + device + bytes((Lane[name.upper()],)))
    if keep == "all":
        heads = sorted(heads, key=lambda one: (-one.seq, one.id))[:BRANCHES_KEPT_MAX_COUNT]
    elif keep == "ours" and heads:  # what this home signed came before what the other copy did
        heads = [min(heads, key=lambda one: lanes.ENTRY.must(reader, one.id).branch)]
    elif heads:  # at equal length the one of lower id
        heads = [min(heads, key=lambda one: (-one.seq, one.id))]
    return [Cut(seq=head.seq, id=head.id) for head in heads]


def _before(reader: Reader, member: bytes, device: bytes, trade: bytes) -> list[Cut]:
    """The place on a device's account lane before anything was done there about a trade."""
    lane_key = member + device + bytes((Lane.ACCOUNT,))
    steps = (lanes.ENTRY.must(reader, key[32:]) for key, _ in STEP.under(reader, trade))
    first = min(
        (e for e in steps if lanes.key_of(reader, e.lane) == lane_key),
        key=lambda entry: entry.seq,
        default=None,
    )
    if first is None:
        raise LocalFault("trade-not-there")
    return [Cut(seq=first.seq - 1, id=RecordId(lanes.at_seq(reader, first, first.seq - 1)))]


def take_over(
    core: Core,
    appender: Appender,
    state: WriterState,
    root: RootSigner,
    *,
    paying: bool = False,
    since: bytes | None = None,
    keep: Keep = "longest",
) -> tuple[bytes, ...]:
    """Bring a member to this home's new device: add it, shut the others out at the highest heads
    known, and open an account that carries theirs (R46); returns the devices shut out.

    `paying`: only those that may pay are shut out, others go on beside this one. `since` is a trade
    that was not the member's any more (`revoke_device`). The member's records must be here. Raises
    LocalFault restore-not-ready, trade-not-there.
    """
    member = root.member_id
    if not identities.is_known(state, member):
        raise LocalFault("restore-not-ready")
    add_own_device(core, appender, state, root)
    chapters = _chapters(core, state, member)
    old = tuple(
        device
        for device, scopes, revoked in list(identities.devices_of(state, member))
        if not revoked and device != core.own.public_key and (not paying or "account" in scopes)
    )
    stolen = None if since is None else _device_of(state, old, member, since)
    for device in old:
        from_here = since if device == stolen else None
        revoke_device(core, appender, state, root, device, since=from_here, keep=keep)
    if chapters:
        chapter = core.rules.genesis.chapters[chapters[0]]
        appender.append(accounts.open_draft(core, state, chapter))
        own_grants(core, appender, state)
    return old


def _device_of(reader: Reader, devices: tuple[bytes, ...], member: bytes, trade: bytes) -> bytes:
    """The one of these devices that first did something about a trade."""
    found: list[tuple[int, bytes]] = []
    for key, _ in STEP.under(reader, trade):
        entry = lanes.ENTRY.must(reader, key[32:])
        lane_key = lanes.key_of(reader, entry.lane)
        if lane_key[:32] == member and lane_key[32:64] in devices:
            found.append((entry.number, lane_key[32:64]))
    if not found:
        raise LocalFault("trade-not-there")
    return min(found)[1]


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
