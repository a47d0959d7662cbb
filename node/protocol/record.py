"""The one signed unit: header, body, signature (R1-R7).

A record travels and is stored as three byte strings. Its id is the hash of community and header;
the signature is over the id and in no id. A body may be missing where its lane allows it to be
erased. This module parses and builds; it neither signs nor judges.
"""

from collections.abc import Callable
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from node.protocol import (
    account,
    codec,
    crypto,
    dispute,
    identity,
    limits,
    market,
    office,
    social,
)
from node.protocol.errors import Reject, RemoteFault
from node.protocol.identity import Lane
from node.protocol.shapes import Body, Id, Key, RecordId, Row, Sequence, Time

_LANE_BYTES = tuple(bytes((number,)) for number in range(max(Lane) + 1))


class Header(Row, frozen=True):
    """Canonical array of ten fields (R1)."""

    version: int
    kind: Annotated[str, Meta(min_length=3, max_length=limits.KIND_SIZE_MAX_BYTES)]
    author: Key
    signer: Key
    lane: Lane
    seq: Sequence
    prev: Id | None
    time: Time
    body_hash: Id
    body_size: Annotated[int, Meta(ge=1, le=limits.BODY_SIZE_MAX_BYTES)]

    @property
    def lane_key(self) -> bytes:
        """The lane's key: author, signer, lane kind; 65 bytes."""
        return self.author + self.signer + _LANE_BYTES[self.lane]


class RawRecord(NamedTuple):
    """A record as bytes: what travels and what is stored. `body` is None where it was erased."""

    header: bytes
    body: bytes | None
    signature: bytes


class Record(msgspec.Struct, frozen=True, gc=False):
    """A parsed record. `body` is None when erased, or of a kind this program does not know."""

    id: RecordId
    header: Header
    body: Body | None
    raw: RawRecord


KINDS: dict[Lane, dict[str, type[Body]]] = {
    Lane.IDENTITY: identity.KINDS,
    Lane.ACCOUNT: account.KINDS,
    Lane.SOCIAL: social.KINDS | dispute.KINDS,
    Lane.MARKET: market.KINDS,
    Lane.OFFICE: office.OFFICE_KINDS,
    Lane.WITNESS: office.WITNESS_KINDS,
}
LANE_OF_KIND: dict[str, Lane] = {kind: lane for lane, kinds in KINDS.items() for kind in kinds}
_reread_header = msgspec.msgpack.Decoder(Header).decode
_REREAD_BODY: dict[str, Callable[[bytes], Body]] = {
    kind: msgspec.msgpack.Decoder(shape).decode
    for kinds in KINDS.values()
    for kind, shape in kinds.items()
}
OPENING_KIND: dict[Lane, str] = {
    Lane.IDENTITY: "identity.create",
    Lane.ACCOUNT: "account.open",
    Lane.SOCIAL: "social.open",
    Lane.MARKET: "market.open",
    Lane.OFFICE: "office.open",
    Lane.WITNESS: "witness.open",
}
ERASABLE_LANES = frozenset({Lane.SOCIAL, Lane.MARKET})
_BODY_MAX_BYTES = {
    Lane.IDENTITY: limits.CLOSED_BODY_SIZE_MAX_BYTES,
    Lane.ACCOUNT: limits.ACCOUNT_BODY_SIZE_MAX_BYTES,
    Lane.SOCIAL: limits.BODY_SIZE_MAX_BYTES,
    Lane.MARKET: limits.BODY_SIZE_MAX_BYTES,
    Lane.OFFICE: limits.CLOSED_BODY_SIZE_MAX_BYTES,
    Lane.WITNESS: limits.CLOSED_BODY_SIZE_MAX_BYTES,
}


def parse(raw: RawRecord, community: bytes) -> Record:
    """Parse and check everything that needs no other record and no signature check.

    Raises RemoteFault with a `Reject` code; cheapest checks first.
    """
    if len(raw.header) > limits.HEADER_SIZE_MAX_BYTES:
        raise RemoteFault(Reject.SIZE, "header")
    if len(raw.signature) != crypto.SIGNATURE_SIZE_BYTES:
        raise RemoteFault(Reject.SIGNATURE, "length")
    header = parse_header(raw.header)
    body = _parse_body(header, raw.body)
    return Record(RecordId(crypto.record_id(community, raw.header)), header, body, raw)


def parse_held(raw: RawRecord, community: bytes) -> Record:
    """Parse a record that this home holds. A body that an earlier program took in, knowing nothing
    of its kind, and that is none of the kind's, stays held without effect."""
    try:
        return parse(raw, community)
    except RemoteFault as fault:
        header = parse_header(raw.header)
        if fault.code != Reject.SHAPE or header.lane not in ERASABLE_LANES:
            raise
        return Record(RecordId(crypto.record_id(community, raw.header)), header, None, raw)


def reread(raw: RawRecord, record: bytes) -> Record:
    """A record that `parse` has accepted before, in another process, and its id: decoded only."""
    header = _reread_header(raw.header)
    read = None if raw.body is None else _REREAD_BODY.get(header.kind)
    body = None if read is None or raw.body is None else read(raw.body)
    return Record(RecordId(record), header, body, raw)


def stored_header(data: bytes) -> Header:
    """The header of a stored record, which `parse_header` has accepted before."""
    return codec.stored(data, Header)


def parse_header(data: bytes) -> Header:
    """Parse a header alone and check its own rules. Raises RemoteFault."""
    try:
        header = codec.decode(data, Header)
    except RemoteFault as fault:
        if fault.code == Reject.SHAPE:
            raise RemoteFault(Reject.ENCODING, fault.detail) from None
        raise
    if header.version != limits.RECORD_VERSION:
        raise RemoteFault(Reject.VERSION)
    if (header.seq == 0) != (header.prev is None):
        raise RemoteFault(Reject.CHAIN, "seq and prev")
    if (header.seq == 0) != (header.kind == OPENING_KIND[header.lane]):
        raise RemoteFault(Reject.KIND, "record 0 opens the lane, and only record 0")
    if header.lane == Lane.IDENTITY and header.author != header.signer:
        raise RemoteFault(Reject.NOT_AUTHORISED, "identity lanes are signed by the root key")
    if header.body_size > _BODY_MAX_BYTES[header.lane]:
        raise RemoteFault(Reject.SIZE, "body")
    if header.kind not in KINDS[header.lane]:
        if header.kind in LANE_OF_KIND:
            raise RemoteFault(Reject.KIND, "a kind of another lane")
        if header.lane not in ERASABLE_LANES:
            raise RemoteFault(Reject.UNSUPPORTED_KIND, header.kind)
    return header


def may_be_erased(header: Header) -> bool:
    """True iff a record with this header may be held and sent without its body (R7)."""
    return header.lane in ERASABLE_LANES and header.seq > 0


def _parse_body(header: Header, data: bytes | None) -> Body | None:
    if data is None:
        if not may_be_erased(header):
            raise RemoteFault(Reject.BODY, "missing")
        return None
    if len(data) != header.body_size or crypto.sha256(data) != header.body_hash:
        raise RemoteFault(Reject.BODY, "size or hash")
    shape = KINDS[header.lane].get(header.kind)
    if shape is not None:
        body = codec.decode(data, shape)
        if not body.well_formed():
            raise RemoteFault(Reject.SHAPE, "a set out of order")
        return body
    if not isinstance(codec.decode_any(data), dict):  # unknown kind: canonical, kept, no effect
        raise RemoteFault(Reject.SHAPE, "a body is a map")
    return None


def build(
    body: Body,
    kind: str,
    author: bytes,
    signer: bytes,
    seq: int,
    prev: bytes | None,
    time_ms: int,
) -> tuple[bytes, bytes]:
    """Header and body bytes of a new record, ready for its id to be signed."""
    data = codec.encode(body)
    header = Header(
        version=limits.RECORD_VERSION,
        kind=kind,
        author=author,
        signer=signer,
        lane=LANE_OF_KIND[kind],
        seq=seq,
        prev=prev,
        time=time_ms,
        body_hash=crypto.sha256(data),
        body_size=len(data),
    )
    return codec.encode(header), data
