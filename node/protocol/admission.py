"""Admission: how bytes from anywhere become a record, a refusal, or a wait. Staged, cheapest first.

    parse (record.parse)  ->  verify (here, in worker threads)  ->  judge (here, in order)  ->  fold

Rules: nothing here raises on peer input. `Reject` means never stored and the sender is blamed; a
missing record means wait; everything else is stored, and the fold gives its verdict. What this
module does not do: count, ban, keep waiting records, or decide whether an author is welcome (intake
does).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from node.protocol import codec, crypto, lanes, record
from node.protocol.errors import OK, Reject, RemoteFault
from node.protocol.identity import DeviceAdd, Lane, proof_text
from node.protocol.lanes import LaneRow
from node.protocol.ports import Reader
from node.protocol.record import ERASABLE_LANES, RawRecord, Record
from node.protocol.shapes import CommunityId

B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Refused:
    """Bytes that are no record of this community."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """The record must wait for these ids (at least one is not held)."""

    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """Held already. `fills` says that it brings the body that was missing."""

    fills: bool


@dataclass(slots=True)
class Welcome:
    """May be applied now. `lane`: the row of its lane, when the record extends the one branch;
    `revoked`: whether its device is (R10). Both save the fold a look, and are true only until
    something else is applied.
    """

    lane: LaneRow | None = None
    revoked: bool = True


Judgement = Refused | Missing | Known | Welcome


def parse(raw: RawRecord, community: CommunityId) -> Record | Refused:
    """Stage one: shape. Never raises."""
    try:
        return record.parse(raw, community)
    except RemoteFault as fault:
        return Refused(fault.code, fault.detail)


def verify(found: Record, community: CommunityId) -> Refused | None:
    """Stage two: signatures. Reads nothing but the record, so chunks may run in worker threads."""
    header = found.header
    if not crypto.verify(header.signer, crypto.record_message(found.id), found.raw.signature):
        return Refused(Reject.SIGNATURE)
    if isinstance(found.body, DeviceAdd):
        text = crypto.WORD_DEVICE_PROOF + proof_text(community, header.author)
        if not crypto.verify(found.body.key, text, found.body.proof):
            return Refused(Reject.SIGNATURE, "device proof")
    return None


def verify_chunk(raws: Iterable[RawRecord], community: CommunityId) -> list[Record | Refused]:
    """Stages one and two for many; the result is in the order given."""
    results: list[Record | Refused] = []
    for raw in raws:
        parsed = parse(raw, community)
        results.append(
            parsed if isinstance(parsed, Refused) else verify(parsed, community) or parsed
        )
    return results


def judge(reader: Reader, found: Record) -> Judgement:
    """Stage three: the record against what is held. In order of arrival, by the one writer."""
    header = found.header
    held = lanes.entry_of(reader, found.id)
    if held is not None:
        return Known(found.raw.body is not None and _lacks_body(reader, held.number))
    named = () if found.body is None else found.body.names()
    lane = None if header.prev is None else lanes.LANE.get(reader, header.lane_key)
    if lane is not None and lane.tip == header.prev and lane.tip_seq + 1 == header.seq:
        return (_ground_fault(reader, named, header.prev) if named else None) or Welcome(lane)
    before = () if header.prev is None else (header.prev,)
    fault = _ground_fault(reader, (*before, *named), header.prev)
    if fault is not None:
        return fault
    if header.prev is not None:
        prev = lanes.ENTRY.must(reader, header.prev)
        if lanes.key_of(reader, prev.lane) != header.lane_key or prev.seq + 1 != header.seq:
            return Refused(Reject.CHAIN, "prev is not the record before")
    elif header.lane != Lane.IDENTITY and not _authorised(reader, found):
        return Refused(Reject.NOT_AUTHORISED)
    return Welcome()


def _ground_fault(
    reader: Reader, named: Sequence[bytes], prev: bytes | None
) -> Missing | Refused | None:
    """What is wrong with the records that one stands on: not held, or not held by every node.

    Records of lanes that some nodes may rightly not hold (R10) bear nothing but the next one of
    their lane: what else stood on one would be judged by some nodes and wait for ever on others.
    """
    entries = [(name, lanes.entry_of(reader, name)) for name in named]
    missing = tuple(name for name, entry in entries if entry is None)
    if missing:
        return Missing(missing)
    for name, entry in entries:
        if entry is None or name == prev:
            continue
        if lanes.key_of(reader, entry.lane)[64] in ERASABLE_LANES:
            return Refused(Reject.SHAPE, "names a record that not every node holds")
    return None


def _lacks_body(reader: Reader, number: int) -> bool:
    raw = reader.raw(number)
    return raw is not None and raw.body is None


def _authorised(reader: Reader, found: Record) -> bool:
    """R9: record 0 of a device lane names its `device.add`; author, key and scope match."""
    assert found.body is not None
    header = found.header
    auth = lanes.ENTRY.must(reader, found.body.names()[0])
    if auth.kind != "device.add" or auth.verdict != OK:
        return False
    if lanes.author_of(reader, auth) != header.author:
        return False
    body = stored_body(reader, auth.number, DeviceAdd)
    return body.key == header.signer and header.lane.name.lower() in body.scopes


def stored_body(reader: Reader, number: int, shape: type[B]) -> B:
    """The body of a stored record of a kind whose bodies are never erased."""
    raw = reader.raw(number)
    assert raw is not None
    assert raw.body is not None
    return codec.decode(raw.body, shape)
