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
from node.protocol.shapes import Body, Name

LINK_PREFIX: Final = "wetalk:join?c="
FORMAT_VERSION: Final = 1
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
    link = LINK_PREFIX + _encode64(codec.encode(invitation))
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
    invitation = codec.decode(_decode64(link[len(LINK_PREFIX) :]), Invitation)
    _, document = genesis.parse(invitation.genesis)
    if document.chapter(invitation.chapter) is None:
        raise RemoteFault(Reject.SHAPE, "the chapter is not in the genesis document")
    return invitation


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wetalk: int
    community: str | UnsetType | None = UNSET
    genesis: str | UnsetType | None = UNSET


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    header: str
    signature: str
    body: str | UnsetType = UNSET


def encode_head(community: bytes, document: bytes | None = None) -> str:
    """First line of an export file, without the line end. With the genesis document, a file says
    all that a home needs to be made from it."""
    founded = UNSET if document is None else _encode64(document)
    return _to_json(_Head(wetalk=FORMAT_VERSION, community=community.hex(), genesis=founded))


def decode_head(line: str | bytes) -> bytes | None:
    """Community id in the first line of an export file, None when it names none.

    Raises RemoteFault: `size`, `encoding`, `version`.
    """
    head = _head(line)
    return _hex32(head.community) if isinstance(head.community, str) else None


def decode_genesis(line: str | bytes) -> bytes | None:
    """Genesis document in the first line of an export file, checked; None when it has none.

    Raises RemoteFault: `size`, `encoding`, `version`, `community` (it is not that of the community
    named beside it), and what `genesis.parse` raises.
    """
    head = _head(line)
    if not isinstance(head.genesis, str):
        return None
    document = _decode64(head.genesis)
    community, _ = genesis.parse(document)
    if isinstance(head.community, str) and _hex32(head.community) != community:
        raise RemoteFault(Reject.COMMUNITY, "another genesis document")
    return document


def _head(line: str | bytes) -> _Head:
    head = _from_json(line, _Head, limits.EXPORT_HEAD_MAX_BYTES)
    if head.wetalk != FORMAT_VERSION:
        raise RemoteFault(Reject.VERSION, "export file")
    return head


def encode_line(raw: RawRecord) -> str:
    """A record as one line of an export file, without the line end."""
    return _to_json(_line_of(raw))


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
    return _raw_of(found)


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


_read_line = msgspec.json.Decoder(_Line).decode


class _Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wetalk_receipt: int
    genesis: str
    records: Annotated[list[_Line], Meta(min_length=1)]
    trade: str
    order: _Order | UnsetType = UNSET


def encode_receipt(receipt: Receipt) -> str:
    """The text of a receipt file."""
    order = receipt.order
    return _to_json(
        _Receipt(
            wetalk_receipt=FORMAT_VERSION,
            genesis=_encode64(receipt.genesis),
            records=_lines(receipt.records),
            trade=receipt.trade.hex(),
            order=(
                UNSET if order is None else _Order(_encode64(order.salt), _encode64(order.order))
            ),
        )
    )


def decode_receipt(data: str | bytes) -> Receipt:
    """Read a receipt file; nothing in it is verified yet.

    Raises RemoteFault: `size`, `encoding`, `version`, `shape` (the order's salt).
    """
    found = _from_json(data, _Receipt, limits.RECEIPT_SIZE_MAX_BYTES)
    if found.wetalk_receipt != FORMAT_VERSION:
        raise RemoteFault(Reject.VERSION, "receipt")
    order = None
    if not isinstance(found.order, UnsetType):
        order = OpenOrder(_decode64(found.order.salt), _decode64(found.order.order))
    records = tuple(_raw_of(line) for line in found.records)
    receipt = Receipt(_decode64(found.genesis), records, _hex32(found.trade), order)
    if order is not None and len(order.salt) != limits.SALT_SIZE_BYTES:
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
    records: Annotated[list[_Line], Meta(min_length=1)]
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
    return _to_json(
        _CloseProof(
            wetalk_close_proof=FORMAT_VERSION,
            genesis=_encode64(proof.genesis),
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
    found = _from_json(data, _CloseProof, limits.CLOSE_PROOF_SIZE_MAX_BYTES)
    if found.wetalk_close_proof != FORMAT_VERSION:
        raise RemoteFault(Reject.VERSION, "proof of a balance")
    return CloseProof(
        _decode64(found.genesis),
        tuple(_raw_of(line) for line in found.records),
        _hex32(found.close),
        _hex32(found.member),
        found.balance,
        tuple(
            Branch(count, _hex32(first), _hex32(last), negative, positive, _hex32(digest))
            for count, first, last, negative, positive, digest in found.path
        ),
    )


def _lines(raws: Iterable[RawRecord]) -> list[_Line]:
    return [_line_of(raw) for raw in raws]


def _line_of(raw: RawRecord) -> _Line:
    body = UNSET if raw.body is None else _encode64(raw.body)
    return _Line(header=_encode64(raw.header), signature=_encode64(raw.signature), body=body)


def _raw_of(line: _Line) -> RawRecord:
    body = None if isinstance(line.body, UnsetType) else _decode64(line.body)
    return RawRecord(_decode64(line.header), body, _decode64(line.signature))


def _encode64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode64(text: str) -> bytes:
    """Base64url without padding; one text for every byte string, as everywhere in the format."""
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


def _hex32(text: str) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise RemoteFault(Reject.ENCODING, "hex") from None
    if len(data) != crypto.ID_SIZE_BYTES or data.hex() != text:
        raise RemoteFault(Reject.ENCODING, "64 lowercase hex digits")
    return data


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _from_json(data: str | bytes, shape: type[S], size_max_bytes: int) -> S:
    """JSON of a shape. Text that is no UTF-8 (lone surrogates) is refused like any other fault, and
    an object with one name twice too: readers differ in which of the two they take.
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
