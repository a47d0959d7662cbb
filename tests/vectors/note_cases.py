"""Vectors of notes: what members hand to one another where there is no network."""

from typing import Any

from node.protocol import codec, limits, note
from node.protocol.frames import BatchEncoder
from node.protocol.note import Note
from node.protocol.portable import OpenOrder
from node.protocol.record import RawRecord
from tests.vectors import worked
from tests.vectors.kind_cases import packed
from tests.vectors.world import fill

Case = dict[str, Any]
STORY = worked.story()
RECORDS = tuple(made.raw for _, made in STORY.made)
TRADE = dict(STORY.made)["trade.propose"].id
INVOICE = Note(
    community=STORY.community.id,
    sender=STORY.anna.id,
    trades=(TRADE,),
    records=RECORDS[:3] + RECORDS[-3:-2],
    orders=(OpenOrder(worked.ORDER_SALT, worked.ORDER),),
    have=(note.short(STORY.bora.open), note.short(fill("head"))),
    seen=1_790_000_000_000,
)
FIELDS = (
    "version",
    "community",
    "sender",
    "trades",
    "orders",
    "have",
    "lacking",
    "seen",
    "batches",
)
GREETING = Note(community=STORY.community.id, sender=STORY.bora.id)
ASKING = Note(community=STORY.community.id, sender=STORY.bora.id, lacking=(fill("a"), fill("b")))


def cases() -> list[Case]:
    """Notes with what they say; notes that are refused."""
    many = tuple(RECORDS[n % len(RECORDS)] for n in range(140))
    return [
        _good("an invoice with its order", INVOICE),
        _good("a greeting", GREETING),
        _good("one that asks", ASKING),
        _good("records in two batches", Note(STORY.community.id, STORY.anna.id, records=many)),
        *(
            {"name": name, "bytes": packed(data), "expect": "reject", "code": code}
            for name, data, code in _refused()
        ),
    ]


def _good(name: str, made: Note) -> Case:
    told = {
        "community": made.community.hex(),
        "have": b"".join(made.have).hex(),
        "lacking": sorted(one.hex() for one in made.lacking),
        "orders": [[order.order.hex(), order.salt.hex()] for order in made.orders],
        "seen": made.seen,
        "sender": made.sender.hex(),
        "trades": [trade.hex() for trade in made.trades],
    }
    records = [_told(raw) for raw in made.records]
    data = note.encode(made).hex()
    return {"name": name, "bytes": data, "expect": "ok", "note": told, "records": records}


def _told(raw: RawRecord) -> list[str | None]:
    return [raw.header.hex(), None if raw.body is None else raw.body.hex(), raw.signature.hex()]


def _changed(**fields: Any) -> bytes:
    """The invoice with other fields, one of `...` left out, `more` behind them."""
    row: Any = codec.decode_any(note.encode(INVOICE))
    copied = {**dict(zip(FIELDS, row, strict=True)), **fields}
    return codec.encode([value for value in copied.values() if value is not ...])


def _refused() -> list[tuple[str, bytes, str]]:
    whole = note.encode(INVOICE)
    batch: bytes = codec.encode(BatchEncoder(STORY.community.id).encode(RECORDS[:2]))
    ids = sorted(fill(f"id {number}") for number in range(65))
    return [
        ("nothing", b"", "encoding"),
        ("cut", whole[:-1], "encoding"),
        ("a byte more", whole + b"\0", "encoding"),
        ("a list of nothing", b"\x90", "shape"),
        ("a map", b"\x80", "shape"),
        ("not canonical and of no shape", b"\x81\xd9\x01x\x01", "encoding"),
        ("too long", b"\0" * (limits.NOTE_SIZE_MAX_BYTES + 1), "size"),
        ("as long as may be", b"\0" * limits.NOTE_SIZE_MAX_BYTES, "encoding"),
        ("version 2", _changed(version=2), "version"),
        ("version true", _changed(version=True), "shape"),
        ("version 2, and a field more", _changed(version=2, more=1), "shape"),
        ("a field more", _changed(more=None), "shape"),
        ("no sender", _changed(sender=...), "shape"),
        ("community of 31 bytes", _changed(community=bytes(31)), "shape"),
        ("have of 12 bytes", _changed(have=bytes(12)), "shape"),
        ("have of 65 ids", _changed(have=bytes(520)), "shape"),
        ("lacking twice the same", _changed(lacking=[ids[0], ids[0]]), "shape"),
        ("lacking out of order", _changed(lacking=[ids[1], ids[0]]), "shape"),
        ("lacking 65", _changed(lacking=ids), "shape"),
        ("trades out of order", _changed(trades=[ids[1], ids[0]]), "shape"),
        ("17 trades", _changed(trades=ids[:17]), "shape"),
        ("an order too long", _changed(orders=[[bytes(4_097), bytes(16)]]), "shape"),
        ("a salt of 15 bytes", _changed(orders=[[b"rice", bytes(15)]]), "shape"),
        ("seen before 1970", _changed(seen=-1), "shape"),
        ("9 batches", _changed(batches=[batch] * 9), "shape"),
        ("an empty batch", _changed(batches=[b""]), "shape"),
        ("a batch that is none", _changed(batches=[b"\xc0"]), "shape"),
        ("a batch that is not canonical", _changed(batches=[batch + b"\0"]), "shape"),
        ("version 2, and a batch that is none", _changed(version=2, batches=[b"\0"]), "version"),
        ("a batch whose lane was never sent", _changed(batches=[_laneless(batch)]), "shape"),
    ]


def _laneless(batch: bytes) -> bytes:
    copied: Any = codec.decode_any(batch)
    copied[0] = b""
    return codec.encode(copied)
