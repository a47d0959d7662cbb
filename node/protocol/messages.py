"""The messages of sync, and the one place where bytes of a neighbour become them.

A message is a canonical msgpack array whose first element is its type, alone in a frame. Every
list and string is bounded by its shape, so that a short frame cannot make us build much. Whether a
message fits the moment is `session`'s part; `docs/protocol-sync.md` describes them all.
"""

from typing import Annotated, Any, Final, cast

import msgspec
from msgspec import Meta

from node.protocol import codec, limits
from node.protocol.errors import Parting, RemoteFault
from node.protocol.frames import Batch, pack, unpack
from node.protocol.heads import HEAD_KEY_SIZE_BYTES
from node.protocol.ports import ForkProof
from node.protocol.shapes import Id, Row, Signature, Word
from node.protocol.sketch import NAME_SIZE_BYTES, PART_SIZE_BYTES, ROWS_COUNT, Sketch

SHORT_SIZE_BYTES: Final = 8

Address = Annotated[str, Meta(min_length=1, max_length=limits.ADDRESS_SIZE_MAX_BYTES)]
Bound = Annotated[bytes, Meta(max_length=HEAD_KEY_SIZE_BYTES)]
Kind = Annotated[int, Meta(ge=0, le=255)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Nonce = Annotated[
    bytes, Meta(min_length=limits.NONCE_SIZE_BYTES, max_length=limits.NONCE_SIZE_BYTES)
]
NEAR_SIZE_BYTES: Final = NAME_SIZE_BYTES + 32
Parts = Annotated[
    bytes, Meta(max_length=PART_SIZE_BYTES * ROWS_COUNT * limits.SKETCH_ROW_MAX_COUNT)
]
Shorts = Annotated[bytes, Meta(max_length=SHORT_SIZE_BYTES * limits.RANGE_LEAF_ITEMS_COUNT)]
_Pieces = Meta(max_length=limits.RANGE_ENTRIES_MAX_COUNT)


class Hello(Row, frozen=True, tag=1):
    """The first message of both sides."""

    version: Count  # of sync
    community: Id
    rules: Count
    agent: Annotated[str, Meta(max_length=limits.AGENT_MAX_CHARACTERS)]  # for people only
    kinds: Annotated[list[Kind], Meta(min_length=1, max_length=32)]  # lane kinds kept, ascending
    frames: Annotated[int, Meta(ge=1)]  # data frames that may be unacknowledged
    window: Annotated[int, Meta(ge=1)]  # and their bytes
    nonce: Nonce
    proofs: Annotated[bytes, Meta(min_length=16, max_length=16)]  # digest of the known proofs
    addresses: Annotated[list[Address], Meta(max_length=limits.ADDRESSES_TOLD_MAX_COUNT)]
    features: Annotated[list[Word], Meta(max_length=limits.FEATURES_MAX_COUNT)]


class Split(Row, frozen=True):
    """A range cut at `bounds` (n + 1 of them, ascending) into n pieces of 16 bytes each."""

    bounds: Annotated[list[Bound], Meta(min_length=2, max_length=limits.RANGE_ENTRIES_MAX_COUNT)]
    fingerprints: Annotated[bytes, Meta(max_length=16 * limits.RANGE_ENTRIES_MAX_COUNT)]


class Listing(Row, frozen=True):
    """All heads of a range in short form, 8 bytes each, with their seqs."""

    low: Bound
    high: Bound
    shorts: Shorts
    seqs: Annotated[list[Count], Meta(max_length=limits.RANGE_LEAF_ITEMS_COUNT)]


class Ask(Row, frozen=True):
    """Heads of a range, in short form, that the other side listed and this one lacks."""

    low: Bound
    high: Bound
    shorts: Shorts


class Ranges(Row, frozen=True, tag=2):
    """One turn of a round."""

    round: Count
    turn: Annotated[int, Meta(ge=0, le=2)]
    splits: Annotated[list[Split], _Pieces]
    listings: Annotated[list[Listing], _Pieces]
    asks: Annotated[list[Ask], _Pieces]
    heads: Annotated[bytes, Meta(max_length=HEAD_KEY_SIZE_BYTES * limits.HEADS_TURN_MAX_COUNT)]
    sketch: Sketch | None = None  # of the sender's whole set
    near_asks: Parts = b""  # heads that a sketch showed, of lanes that the sender holds
    far_asks: Parts = b""  # and of others
    near_heads: Annotated[bytes, Meta(max_length=NEAR_SIZE_BYTES * limits.HEADS_TURN_MAX_COUNT)] = (
        b""  # heads of lanes that the other side holds: name of the lane, id
    )


class Wish(Row, frozen=True):
    """One lane wanted: the number of a head told in the round, and what is held of the lane.

    `full` says that `known` goes back to the start: if none of it is held, send everything.
    """

    head: Count
    full: bool
    known: Annotated[bytes, Meta(max_length=32 * limits.LOCATOR_MAX_COUNT)]


class Want(Row, frozen=True, tag=3):
    """Lanes and bodies wanted; `more` says that further messages belong to the same question."""

    round: Count
    more: bool
    wishes: Annotated[list[Wish], Meta(max_length=limits.LANES_WANTED_MAX_COUNT)]
    bodies: Annotated[bytes, Meta(max_length=32 * limits.BODIES_WANTED_MAX_COUNT)]


class Records(Row, frozen=True, tag=4):
    """A part of an answer; `left` counts the records still to come, 0 in the last message."""

    left: Annotated[int, Meta(ge=0, le=limits.ANSWER_RECORDS_MAX_COUNT)]
    unmatched: Annotated[list[Count], Meta(max_length=limits.LANES_WANTED_MAX_COUNT)]
    batch: Batch


class Ack(Row, frozen=True, tag=5):
    """So many more data frames are dealt with, in the order they came."""

    frames: Annotated[int, Meta(ge=1, le=limits.FRAMES_IN_FLIGHT_MAX_COUNT)]


class Proof(Row, frozen=True):
    """A fork proof as it travels."""

    header_a: Annotated[bytes, Meta(max_length=limits.HEADER_SIZE_MAX_BYTES)]
    signature_a: Signature
    header_b: Annotated[bytes, Meta(max_length=limits.HEADER_SIZE_MAX_BYTES)]
    signature_b: Signature

    def plain(self) -> ForkProof:
        """The value that other layers know."""
        return ForkProof(self.header_a, self.signature_a, self.header_b, self.signature_b)


class Proofs(Row, frozen=True, tag=6):
    """Fork proofs, sent ahead of other data."""

    proofs: Annotated[list[Proof], Meta(min_length=1, max_length=limits.PROOFS_MESSAGE_MAX_COUNT)]


class Addresses(Row, frozen=True, tag=7):
    """Addresses of neighbours that work."""

    addresses: Annotated[
        list[Address], Meta(min_length=1, max_length=limits.ADDRESSES_TOLD_MAX_COUNT)
    ]


class Idle(Row, frozen=True, tag=8):
    """A sign of life."""


class Bye(Row, frozen=True, tag=9):
    """The last message: why the sender stops."""

    code: Annotated[str, Meta(max_length=32)]


Message = Hello | Ranges | Want | Records | Ack | Proofs | Addresses | Idle | Bye
DATA = (Want, Records, Proofs, Addresses)
"""Messages that count against the window."""


# Not `codec.decode`: that reads what does not fit once more without bounds, to tell why.
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
THOROUGH_LEFT_MAX_COUNT: Final = 1_024
_GREETING_MAX_BYTES: Final = 16_384


def encode(message: Message) -> bytes:
    """The frame of a message. The end of an answer, or a short one, is packed more thoroughly."""
    thorough = isinstance(message, Records) and message.left <= THOROUGH_LEFT_MAX_COUNT
    return pack(codec.encode(message), thorough=thorough)


def decode(frame: bytes) -> Message:
    """The message in a frame.

    Raises RemoteFault `frame-size` or `frame`, and `other-protocol` for the greeting of a program
    that speaks another version, whatever else has changed in it.
    """
    content = unpack(frame)
    try:
        message = _decoder.decode(content)
        canonical = codec.encode(message) == content
    except (msgspec.DecodeError, ValueError, RecursionError, OverflowError) as error:
        if _speaks_otherwise(content):
            raise RemoteFault(Parting.OTHER_PROTOCOL) from None
        raise RemoteFault(Parting.FRAME, str(error)) from None
    if not canonical:
        raise RemoteFault(Parting.FRAME, "not canonical")
    return message


def _speaks_otherwise(content: bytes) -> bool:
    """True iff this is a greeting that names another version of sync."""
    if len(content) > _GREETING_MAX_BYTES or content[1:2] != b"\x01":
        return False
    try:
        value = codec.decode_any(content)
    except RemoteFault:
        return False
    if not isinstance(value, list):
        return False
    items = cast(list[Any], value)
    return type(items[1]) is int and items[1] != limits.SYNC_VERSION if len(items) > 1 else False
