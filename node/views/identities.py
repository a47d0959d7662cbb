"""Identities as sets (R8-R10): device keys added and revoked over all branches of the identity
lane.

Rules: adds unite, revocations are permanent, revoking again only adds cuts, a key is never
re-added. `within` says whether a record stands under the cuts of its device. Profiles are read here
too: the last one by claimed time, for display only.
"""

from collections.abc import Iterator

from node.protocol import codec, lanes
from node.protocol.errors import OK, Void
from node.protocol.identity import Cut, DeviceAdd, DeviceRevoke, Lane
from node.protocol.lanes import Entry
from node.protocol.ports import Reader
from node.protocol.record import ERASABLE_LANES, Record, parse_header
from node.protocol.shapes import Row
from node.protocol.social import ProfileSet
from node.protocol.state import Overlay, Table


class RevokedRow(Row, frozen=True):
    """Cuts per lane kind (its number): `open` flags, and cut heads. A lane kind without either is
    cut before its start.
    """

    open_lanes: list[int]
    cuts: list[tuple[int, int, bytes]]  # lane kind, seq, id


class ProfileRow(Row, frozen=True):
    """Where a member's newest profile stands."""

    time: int
    id: bytes
    number: int


DEVICE = Table("device", list[str])  # member (32), device key (32), device.add id (32) -> scopes
REVOKED = Table("revoked", RevokedRow)  # member (32), device key (32)
PROFILE = Table("profile", ProfileRow)  # member (32)


def apply_identity(overlay: Overlay, record: Record, entry: Entry) -> str:
    """Verdict and effects of an identity record."""
    author, body = record.header.author, record.body
    if isinstance(body, DeviceAdd):
        if _added_on_path(overlay, author, body.key, record.header.prev):
            return Void.KEY_REUSED
        DEVICE.put(overlay, author + body.key + record.id, list(body.scopes))
        overlay.changes.events.append(("device.added", author))
    elif isinstance(body, DeviceRevoke):
        _revoke(overlay, author, body)
        overlay.changes.events.append(("device.revoked", author))
    return OK


def _added_on_path(reader: Reader, author: bytes, key: bytes, prev: bytes | None) -> bool:
    assert prev is not None, "identity.create alone has none"
    here = lanes.ENTRY.must(reader, prev)
    for row_key, _ in DEVICE.under(reader, author + key):
        if lanes.is_ancestor_or_self(reader, lanes.ENTRY.must(reader, row_key[64:]), here):
            return True
    return False


def _revoke(overlay: Overlay, author: bytes, body: DeviceRevoke) -> None:
    old = REVOKED.get(overlay, author + body.key) or RevokedRow([], [])
    open_lanes, cuts = set(old.open_lanes), set(old.cuts)
    for name, cut in body.cuts.items():
        kind = int(Lane[name.upper()])
        if isinstance(cut, Cut):
            cuts.add((kind, cut.seq, cut.id))
        else:
            open_lanes.add(kind)
    REVOKED.put(overlay, author + body.key, RevokedRow(sorted(open_lanes), sorted(cuts)))


def is_revoked(reader: Reader, author: bytes, signer: bytes) -> bool:
    """True iff the device was ever revoked."""
    return REVOKED.has(reader, author + signer)


def within(reader: Reader, entry: Entry) -> bool:
    """R10: not revoked, or the lane's cut is open, or the record is a cut or its ancestor."""
    lane_key = lanes.key_of(reader, entry.lane)
    row = REVOKED.get(reader, lane_key[:64])
    if row is None or lane_key[64] in row.open_lanes:
        return True
    for kind, _, cut in row.cuts:
        if kind != lane_key[64]:
            continue
        head = lanes.entry_of(reader, cut)
        if head is not None and lanes.is_ancestor_or_self(reader, entry, head):
            return True
    return False


def revocation_of(reader: Reader, record: Record) -> RevokedRow | None:
    """What is known of the revocation of a record's device, or None."""
    return REVOKED.get(reader, record.header.author + record.header.signer)


def may_be_held(reader: Reader, record: Record, row: RevokedRow) -> bool:
    """Social and market records beyond every cut are not held (R10).

    A cut whose record is not held yet lets everything up to its seq in; once it is held, only its
    ancestors stay (`beyond_cuts` names the others), and those are held already.
    """
    header = record.header
    if header.lane not in ERASABLE_LANES or header.lane in row.open_lanes:
        return True
    return any(
        kind == header.lane
        and header.seq <= seq
        and _cut_entry(reader, header.lane_key, seq, cut) is None
        for kind, seq, cut in row.cuts
    )


def _cut_entry(reader: Reader, lane_key: bytes, seq: int, cut: bytes) -> Entry | None:
    """The record a cut names, if it is held and stands where the cut says.

    One that stands elsewhere counts as not held: what a node holds may not depend on whether it saw
    that record before or after the revocation.
    """
    entry = lanes.entry_of(reader, cut)
    if entry is None or entry.seq != seq or lanes.key_of(reader, entry.lane) != lane_key:
        return None
    return entry


def beyond_cuts(reader: Reader, lane_key: bytes) -> set[bytes]:
    """Ids held on a social or market lane that must no longer be held."""
    row = REVOKED.get(reader, lane_key[:64])
    if row is None or lane_key[64] in row.open_lanes:
        return set()
    cuts = [(seq, cut) for kind, seq, cut in row.cuts if kind == lane_key[64]]
    heads = [(seq, _cut_entry(reader, lane_key, seq, cut)) for seq, cut in cuts]
    doomed: set[bytes] = set()
    for record in lanes.members_of(reader, lane_key):
        entry = lanes.ENTRY.must(reader, record)
        if not any(
            entry.seq <= seq and (head is None or lanes.is_ancestor_or_self(reader, entry, head))
            for seq, head in heads
        ):
            doomed.add(record)
    return doomed


def is_cut_head(reader: Reader, record: Record) -> bool:
    """True iff a revocation of this record's device names it as a cut."""
    row = revocation_of(reader, record)
    return row is not None and any(cut == record.id for _, _, cut in row.cuts)


def devices_of(reader: Reader, member: bytes) -> Iterator[tuple[bytes, list[str], bool]]:
    """(device key, scopes, revoked) of a member, in order of key; scopes united over all adds."""
    scopes: dict[bytes, set[str]] = {}
    for key, row in DEVICE.under(reader, member):
        scopes.setdefault(key[32:64], set()).update(row)
    for device, names in sorted(scopes.items()):
        yield device, sorted(names), is_revoked(reader, member, device)


def is_known(reader: Reader, member: bytes) -> bool:
    """True iff the member's identity lane is held."""
    return lanes.LANE.has(reader, member + member + bytes((Lane.IDENTITY,)))


def apply_profile(overlay: Overlay, record: Record, entry: Entry) -> None:
    """Effect of a `profile.set` whose body is held."""
    header = record.header
    row = PROFILE.get(overlay, header.author)
    if row is None or (row.time, row.id) < (header.time, record.id):
        PROFILE.put(overlay, header.author, ProfileRow(header.time, record.id, entry.number))
        overlay.changes.events.append(("profile", header.author))


def forget_profile(overlay: Overlay, record: Record) -> None:
    """Undo a `profile.set` that is dropped: the newest other one still held takes its place."""
    author = record.header.author
    row = PROFILE.get(overlay, author)
    if row is None or row.id != record.id:
        return
    PROFILE.delete(overlay, author)
    best: ProfileRow | None = None
    for device, _, _ in devices_of(overlay, author):
        for other in lanes.members_of(overlay, author + device + bytes((Lane.SOCIAL,))):
            entry = lanes.ENTRY.must(overlay, other)
            raw = overlay.raw(entry.number) if entry.kind == "profile.set" else None
            if raw is None or raw.body is None:
                continue
            found = ProfileRow(parse_header(raw.header).time, other, entry.number)
            if best is None or (found.time, found.id) > (best.time, best.id):
                best = found
    if best is not None:
        PROFILE.put(overlay, author, best)


def profile_of(reader: Reader, member: bytes) -> ProfileSet | None:
    """The member's newest profile, or None."""
    row = PROFILE.get(reader, member)
    raw = None if row is None else reader.raw(row.number)
    return None if raw is None or raw.body is None else codec.decode(raw.body, ProfileSet)
