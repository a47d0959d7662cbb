"""What leaves the network by hand: invitations, export files, receipts, proofs of a balance; and
two salted hashes.

Rules: base64url without padding, in its one form; ids in JSON are lowercase hex. What is read here
is as little trusted as bytes from a peer: every fault is a RemoteFault, and records found in a file
go through the same admission. This module reads and writes text; it opens no file and judges no
record.
"""

import binascii
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from node.protocol import codec, crypto, genesis, limits
from node.protocol.errors import Reject, RemoteFault
from node.protocol.record import RawRecord
from node.protocol.shapes import Body, Id, Name, RecordId

LINK_PREFIX: Final = "wetalk:join?c="
FORMAT_VERSION: Final = 1
PACKED_RECEIPT: Final = b"\x85"  # a map of five entries; no JSON starts with it
BLANKS: Final = " \t\r\n"
"""What may stand around a link; no other blank of Unicode, whose list grows."""

Address = Annotated[str, Meta(min_length=1, max_length=limits.ADDRESS_SIZE_MAX_BYTES)]
Code = Annotated[
    bytes,
    Meta(
        min_length=limits.INVITATION_CODE_SIZE_BYTES, max_length=limits.INVITATION_CODE_SIZE_BYTES
    ),
]
S = TypeVar("S")
_PADDING: Final = ("", "", "==", "=")
_LAST_DIGITS: Final = {2: "AQgw", 3: "AEIMQUYcgkosw048"}
"""Base64 digits that may stand last, by how many follow the last whole four: whose other bits are
zero, so that every byte string has one text."""


def order_hash(salt: bytes, order: bytes) -> bytes:
    """What stands for a private order in `trade.propose` (R21), 32 bytes; the salt has 16."""
    assert len(salt) == limits.SALT_SIZE_BYTES
    return crypto.sha256(crypto.WORD_ORDER, salt, order)


def invite_proof(community: bytes, member: bytes, code: bytes) -> bytes:
    """What `member.apply` names as `invite`: proof that the member knows a one-time code."""
    assert len(code) == limits.INVITATION_CODE_SIZE_BYTES
    return crypto.sha256(crypto.WORD_INVITE, community, member, code)


class Invitation(Body, frozen=True):
    """An invitation: the genesis document, where to find its nodes, and perhaps a one-time code."""

    addresses: Annotated[
        list[Address], Meta(max_length=limits.INVITATION_ADDRESSES_MAX_COUNT)
    ]  # multiaddresses with peer ids, best first
    chapter: Name
    code: Code | None
    genesis: Annotated[bytes, Meta(max_length=limits.GENESIS_SIZE_MAX_BYTES)]


def encode_invitation(invitation: Invitation) -> str:
    """The link of an invitation. ValueError when a reader would refuse it."""
    link = LINK_PREFIX + encode64(codec.encode(invitation))
    try:
        decode_invitation(link)
    except RemoteFault as fault:
        raise ValueError(str(fault)) from None
    return link


def decode_invitation(link: str) -> Invitation:
    """Read a link, with or without blanks (space, tab, line ends) around it.

    Raises RemoteFault: `size`, `encoding`, `shape`, and what `genesis.parse` raises.
    """
    link = link.strip(BLANKS)
    if len(link) > limits.INVITATION_LINK_MAX_CHARACTERS:
        raise RemoteFault(Reject.SIZE, "invitation")
    if not link.startswith(LINK_PREFIX):
        raise RemoteFault(Reject.ENCODING, "no invitation link")
    invitation = codec.decode(decode64(link[len(LINK_PREFIX) :]), Invitation)
    _, document = genesis.parse(invitation.genesis)
    if document.chapter(invitation.chapter) is None:
        raise RemoteFault(Reject.SHAPE, "the chapter is not in the genesis document")
    return invitation


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wetalk: int
    community: str | UnsetType | None = UNSET
    genesis: str | UnsetType | None = UNSET


class RecordLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record in JSON: its three parts in base64url."""

    header: str
    signature: str
    body: str | UnsetType = UNSET


def encode_head(community: bytes, document: bytes | None = None) -> str:
    """First line of an export file, without the line end. With the genesis document, a file says
    all that a home needs to be made from it."""
    founded = UNSET if document is None else encode64(document)
    return to_json(_Head(wetalk=FORMAT_VERSION, community=community.hex(), genesis=founded))


def decode_head(line: str | bytes) -> bytes | None:
    """Community id in the first line of an export file, None when it names none.

    Raises RemoteFault: `size`, `encoding`, `version`.
    """
    head = _head(line)
    return hex32(head.community) if isinstance(head.community, str) else None


def decode_genesis(line: str | bytes) -> bytes | None:
    """Genesis document in the first line of an export file, checked; None when it has none.

    Raises RemoteFault: `size`, `encoding`, `version`, `community` (it is not that of the community
    named beside it), and what `genesis.parse` raises.
    """
    head = _head(line)
    if not isinstance(head.genesis, str):
        return None
    document = decode64(head.genesis)
    community, _ = genesis.parse(document)
    if isinstance(head.community, str) and hex32(head.community) != community:
        raise RemoteFault(Reject.COMMUNITY, "another genesis document")
    return document


def _head(line: str | bytes) -> _Head:
    head = from_json(line, _Head, limits.EXPORT_HEAD_MAX_BYTES)
    if head.wetalk != FORMAT_VERSION:
        raise RemoteFault(Reject.VERSION, "export file")
    return head


def encode_line(raw: RawRecord) -> str:
    """A record as one line of an export file, without the line end."""
    return to_json(line_of(raw))


def decode_line(line: str | bytes) -> RawRecord:
    """A record from one line of an export file; still to be parsed, verified and judged.

    Raises RemoteFault: `size`, `encoding`.
    """
    if len(line) > limits.EXPORT_LINE_MAX_BYTES:
        raise RemoteFault(Reject.SIZE, "file")
    try:
        raw = line.encode() if isinstance(line, str) else line
        found = _read_line(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise RemoteFault(Reject.ENCODING, str(error)) from None
    # All members are texts, so without escapes four quotes a member mean that none stands twice.
    members = 2 if isinstance(found.body, UnsetType) else 3
    if raw.count(b'"') != 4 * members or b"\\" in raw:
        _check_members(raw)
    return raw_of(found)


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """A private order that a receipt shows: its 16-byte salt and its bytes (UTF-8 text)."""

    salt: bytes
    order: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """A committed trade with all that its verdict rests on: verifiable without node or network.

    `records` is the closure of the trade's COMMIT record, with every stamp known that secures it,
    each record after all it names; `trade` is the trade id; `order` opens the order hash.
    """

    genesis: bytes
    records: tuple[RawRecord, ...]
    trade: bytes
    order: OpenOrder | None


class _Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    salt: str
    order: str


class _Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wetalk_receipt: int
    genesis: str
    records: Annotated[
        list[RecordLine], Meta(min_length=1, max_length=limits.RECEIPT_RECORDS_MAX_COUNT)
    ]
    trade: str
    order: _Order | UnsetType = UNSET


class _PackedReceipt(Body, frozen=True):
    genesis: bytes
    order: tuple[bytes, bytes] | None  # salt, order
    records: Annotated[
        list[RawRecord], Meta(min_length=1, max_length=limits.RECEIPT_RECORDS_MAX_COUNT)
    ]
    trade: Id
    wetalk_receipt: int


_read_line = msgspec.json.Decoder(RecordLine).decode
_read_packed = msgspec.msgpack.Decoder(_PackedReceipt).decode


def encode_receipt(receipt: Receipt) -> str:
    """The text of a receipt file."""
    order = receipt.order
    return to_json(
        _Receipt(
            wetalk_receipt=FORMAT_VERSION,
            genesis=encode64(receipt.genesis),
            records=_lines(receipt.records),
            trade=receipt.trade.hex(),
            order=(UNSET if order is None else _Order(encode64(order.salt), encode64(order.order))),
        )
    )


def pack_receipt(receipt: Receipt) -> bytes:
    """A receipt file as canonical MessagePack: two thirds of the text's size."""
    order = receipt.order
    return codec.encode(
        _PackedReceipt(
            genesis=receipt.genesis,
            order=None if order is None else (order.salt, order.order),
            records=list(receipt.records),
            trade=RecordId(receipt.trade),
            wetalk_receipt=FORMAT_VERSION,
        )
    )


def decode_receipt(data: str | bytes) -> Receipt:
    """Read a receipt file of either form; nothing in it is verified yet.

    Raises RemoteFault: `size`, `encoding`, `version`, `shape` (the order's salt).
    """
    if isinstance(data, bytes) and data[:1] == PACKED_RECEIPT:
        return _decode_packed(data)
    found = from_json(data, _Receipt, limits.RECEIPT_SIZE_MAX_BYTES)
    if found.wetalk_receipt != FORMAT_VERSION:
        raise RemoteFault(Reject.VERSION, "receipt")
    order = None
    if not isinstance(found.order, UnsetType):
        order = OpenOrder(decode64(found.order.salt), decode64(found.order.order))
    records = tuple(raw_of(line) for line in found.records)
    return _salted(Receipt(decode64(found.genesis), records, hex32(found.trade), order))


def _decode_packed(data: bytes) -> Receipt:
    """The form is judged as a whole, so that no untrusted count is ever unpacked untyped."""
    if len(data) > limits.RECEIPT_SIZE_MAX_BYTES:
        raise RemoteFault(Reject.SIZE, "file")
    try:
        found = _read_packed(data)
        again = codec.encode(found)
    except (msgspec.DecodeError, ValueError, RecursionError, OverflowError) as error:
        raise RemoteFault(Reject.ENCODING, str(error)) from None
    if again != data:
        raise RemoteFault(Reject.ENCODING, "not canonical")
    if found.wetalk_receipt != FORMAT_VERSION:
        raise RemoteFault(Reject.VERSION, "receipt")
    order = None if found.order is None else OpenOrder(*found.order)
    return _salted(Receipt(found.genesis, tuple(found.records), found.trade, order))


def _salted(receipt: Receipt) -> Receipt:
    if receipt.order is not None and len(receipt.order.salt) != limits.SALT_SIZE_BYTES:
        raise RemoteFault(Reject.SHAPE, "salt")
    return receipt


class Branch(NamedTuple):
    """A sibling on the way from a leaf of a close to its root: how many leaves, lowest and highest
    member id, sums below zero (as a magnitude) and above, hash."""

    leaves: int
    first: bytes
    last: bytes
    negative: int
    positive: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class CloseProof:
    """What a close says of one member: verifiable without node or network.

    `records`: the `chapter.close` whose id is `close`, the approvals that it names, and the
    `device.add` of every device that signed one of these; `path`: from the leaf up.
    """

    genesis: bytes
    records: tuple[RawRecord, ...]
    close: bytes
    member: bytes
    balance: int
    path: tuple[Branch, ...]


class _CloseProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wetalk_close_proof: int
    genesis: str
    records: Annotated[list[RecordLine], Meta(min_length=1)]
    close: str
    member: str
    balance: int
    path: Annotated[
        list[tuple[int, str, str, int, int, str]], Meta(max_length=limits.CLOSE_PATH_MAX_COUNT)
    ]


def encode_close_proof(proof: CloseProof) -> str:
    """The text of a proof file."""
    path = [
        (s.leaves, s.first.hex(), s.last.hex(), s.negative, s.positive, s.hash.hex())
        for s in proof.path
    ]
    return to_json(
        _CloseProof(
            wetalk_close_proof=FORMAT_VERSION,
            genesis=encode64(proof.genesis),
            records=_lines(proof.records),
            close=proof.close.hex(),
            member=proof.member.hex(),
            balance=proof.balance,
            path=path,
        )
    )


def decode_close_proof(data: str | bytes) -> CloseProof:
    """Read a proof file; nothing in it is verified yet.

    Raises RemoteFault: `size`, `encoding`, `version`.
    """
    found = from_json(data, _CloseProof, limits.CLOSE_PROOF_SIZE_MAX_BYTES)
    if found.wetalk_close_proof != FORMAT_VERSION:
        raise RemoteFault(Reject.VERSION, "proof of a balance")
    return CloseProof(
        decode64(found.genesis),
        tuple(raw_of(line) for line in found.records),
        hex32(found.close),
        hex32(found.member),
        found.balance,
        tuple(
            Branch(count, hex32(first), hex32(last), negative, positive, hex32(digest))
            for count, first, last, negative, positive, digest in found.path
        ),
    )


def _lines(raws: Iterable[RawRecord]) -> list[RecordLine]:
    return [line_of(raw) for raw in raws]


def line_of(raw: RawRecord) -> RecordLine:
    """A record as it stands in JSON."""
    body = UNSET if raw.body is None else encode64(raw.body)
    return RecordLine(header=encode64(raw.header), signature=encode64(raw.signature), body=body)


def raw_of(line: RecordLine) -> RawRecord:
    """The record of a line. Raises RemoteFault `encoding`."""
    body = None if isinstance(line.body, UnsetType) else decode64(line.body)
    return RawRecord(decode64(line.header), body, decode64(line.signature))


def encode64(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode64(text: str) -> bytes:
    """The bytes of base64url without padding; every byte string has one text, as everywhere in
    the format. Raises RemoteFault `encoding`.
    """
    rest = len(text) % 4
    if rest == 1 or (rest and text[-1] not in _LAST_DIGITS[rest]):
        raise RemoteFault(Reject.ENCODING, "base64url is not canonical")
    if "+" in text or "/" in text or "=" in text:
        raise RemoteFault(Reject.ENCODING, "base64, but not base64url")
    plain = text.replace("-", "+").replace("_", "/") + _PADDING[rest]
    try:
        return binascii.a2b_base64(plain, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise RemoteFault(Reject.ENCODING, str(error)) from None


def hex32(text: str) -> bytes:
    """32 bytes from lowercase hex. Raises RemoteFault `encoding`."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise RemoteFault(Reject.ENCODING, "hex") from None
    if len(data) != crypto.ID_SIZE_BYTES or data.hex() != text:
        raise RemoteFault(Reject.ENCODING, "64 lowercase hex digits")
    return data


def to_json(value: object) -> str:
    """A Struct as JSON on one line."""
    return msgspec.json.encode(value).decode()


def from_json(data: str | bytes, shape: type[S], size_max_bytes: int) -> S:
    """JSON of a shape. Text that is no UTF-8 (lone surrogates) is refused like any other fault, and
    an object with one name twice too: readers differ in which of the two they take.

    Raises RemoteFault: `size`, `encoding`.
    """
    try:
        raw = data.encode() if isinstance(data, str) else data
        if len(raw) > size_max_bytes:
            raise RemoteFault(Reject.SIZE, "file")
        found = msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise RemoteFault(Reject.ENCODING, str(error)) from None
    _check_members(raw)
    return found


def _check_members(raw: bytes) -> None:
    try:
        json.loads(raw.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise RemoteFault(Reject.ENCODING, str(error)) from None


def _once(members: list[tuple[str, object]]) -> None:
    if len({name for name, _ in members}) != len(members):
        raise ValueError("a name twice")
