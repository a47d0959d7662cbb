"""Section 17 of docs/protocol.md, links and files, read by the second reader.

Rule: nothing of the node is imported here, as in `second_reader`.
"""

import base64
import binascii
import calendar
import itertools
import json
import re
import zlib
from datetime import UTC, datetime
from typing import Any

from tests.protocol.second_reader import (
    TABLES,
    Read,
    Refused,
    check,
    is_signed,
    pack,
    read_genesis,
    sha,
    unpack,
)
from tests.protocol.second_sync import Stream


def from64(text: str) -> bytes:
    """Section 1: base64url in its one form."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise Refused("encoding") from error
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise Refused("encoding")
    return data


def read_invitation(link: str) -> dict[str, Any]:
    """The map of an invitation."""
    link = link.strip(" \t\r\n")
    if len(link) > 98_304:
        raise Refused("size")
    if not link.startswith("wetalk:join?c="):
        raise Refused("encoding")
    found: dict[str, Any] = unpack(from64(link.removeprefix("wetalk:join?c=")))
    check("map invitation", found)
    _, document = read_genesis(found["genesis"])
    if found["chapter"] not in [chapter["name"] for chapter in document["chapters"]]:
        raise Refused("shape")
    return found


def _object(text: str, largest: int, required: set[str], allowed: set[str]) -> dict[str, Any]:
    if len(text.encode()) > largest:
        raise Refused("size")
    try:
        value = json.loads(text, object_pairs_hook=_members)
    except ValueError as error:
        raise Refused("encoding") from error
    if not isinstance(value, dict) or not required <= value.keys() <= allowed:
        raise Refused("encoding")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)


def _is_one(number: Any) -> bool:
    if type(number) is not int:
        raise Refused("encoding")
    return number == 1


def _hex(text: str) -> bytes:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise Refused("encoding")
    return bytes.fromhex(text)


def read_head(line: str) -> tuple[bytes | None, bytes | None]:
    """First line of an export file: community and genesis document."""
    value = _object(line, 98_304, {"wetalk"}, {"wetalk", "community", "genesis"})
    if not _is_one(value["wetalk"]):
        raise Refused("version")
    community = None if value.get("community") is None else _hex(value["community"])
    if value.get("genesis") is None:
        return community, None
    document = from64(value["genesis"])
    if community not in (None, read_genesis(document)[0]):
        raise Refused("community")
    return community, document


def _parts(value: dict[str, Any]) -> tuple[bytes, bytes | None, bytes]:
    if not {"header", "signature"} <= value.keys() <= {"header", "body", "signature"}:
        raise Refused("encoding")
    if not all(isinstance(part, str) for part in value.values()):
        raise Refused("encoding")
    body = from64(value["body"]) if "body" in value else None
    return from64(value["header"]), body, from64(value["signature"])


def read_line(line: str) -> tuple[bytes, bytes | None, bytes]:
    """A record of an export file."""
    names = {"header", "body", "signature"}
    return _parts(_object(line, 65_536, names - {"body"}, names))


def read_receipt(text: str) -> dict[str, Any]:
    """A receipt file: genesis, records, trade, order."""
    names = {"wetalk_receipt", "genesis", "records", "trade"}
    value = _object(text, 67_108_864, names, names | {"order"})
    if not _is_one(value["wetalk_receipt"]):
        raise Refused("version")
    if not value["records"]:
        raise Refused("encoding")
    records = [_parts(item) for item in value["records"]]
    order = value.get("order")
    if "order" in value:
        if not isinstance(order, dict) or order.keys() != {"salt", "order"}:
            raise Refused("encoding")
        order = {name: from64(part) for name, part in order.items()}
    genesis, trade = from64(value["genesis"]), _hex(value["trade"])
    if order is not None and len(order["salt"]) != 16:
        raise Refused("shape")
    return {"genesis": genesis, "records": records, "trade": trade, "order": order}


def read_packed_receipt(data: bytes) -> dict[str, Any]:
    """A receipt file of the other form."""
    if len(data) > 67_108_864:
        raise Refused("size")
    value: Any = unpack(data)
    version = value.get("wetalk_receipt") if isinstance(value, dict) else None
    check("map receipt", {**value, "wetalk_receipt": 1} if _is_int(version) else value, "encoding")
    if version != 1:
        raise Refused("version")
    order = (
        None
        if value["order"] is None
        else dict(zip(("salt", "order"), value["order"], strict=True))
    )
    if order is not None and len(order["salt"]) != 16:
        raise Refused("shape")
    return {**value, "order": order}


def _is_int(value: Any) -> bool:
    return type(value) is int


def read_statement(text: str) -> dict[str, Any]:
    """A statement file; `statement` as its map."""
    names = {"wetalk_statement", "statement", "signature", "device", "genesis"}
    value = _object(text, 67_108_864, names, names)
    said = value["statement"]
    whole = _plain_fields(said, "map statement")
    for name, row in (("movements", "row movement"), ("others", "row other")):
        whole = whole and isinstance(said[name], list)
        whole = whole and all(_plain_fields(one, row) for one in said[name])
    if not whole:
        raise Refused("encoding")
    if not _is_one(value["wetalk_statement"]):
        raise Refused("version")
    device, statement = _parts(value["device"]), _as_map(said, "map statement")
    value = {name: from64(value[name]) for name in ("signature", "genesis")}
    check("map statement", statement)
    if not 1 <= statement["period"] % 100 <= 12:
        raise Refused("shape")
    return {**value, "device": device, "statement": statement}


def _plain_fields(value: Any, table: str) -> bool:
    """An object with exactly the fields of the table, of JSON's types for them."""
    names = {name: of for name, of, _ in TABLES[table]}
    if not isinstance(value, dict) or value.keys() != names.keys():
        return False
    for name, of in names.items():
        is_int = of.startswith("int") or of == "time"
        item = value[name]
        if is_int and type(item) is not int:
            return False
        if of.endswith("or nil") and item is None:
            continue
        if not is_int and not of.startswith("list") and not isinstance(item, str):
            return False
    return True


def _as_map(value: dict[str, Any], table: str) -> dict[str, Any]:
    """Hex to bytes, objects to rows."""
    found: dict[str, Any] = {}
    for name, of, _ in TABLES[table]:
        item = value[name]
        if of in ("id", "key"):
            item = _hex(item)
        elif of.startswith("list"):
            row = of.partition(" of ")[2]
            item = [list(_as_map(one, row).values()) for one in item]
        found[name] = item
    return found


def flaw(found: dict[str, Any]) -> str | None:
    """What is wrong with a statement."""
    said = found["statement"]
    try:
        community, document = read_genesis(found["genesis"])
    except Refused:
        return "genesis"
    if said["chapter"] not in [chapter["name"] for chapter in document["chapters"]]:
        return "genesis"
    try:
        record = Read(community, *found["device"])
    except Refused:
        return "device"
    fields = record.fields
    if (fields["kind"], fields["author"]) != ("device.add", said["author"]):
        return "device"
    if record.body["key"] != said["signer"]:
        return "device"
    text = b"wetalk/1 statement\0" + community + pack(said)
    if not is_signed(said["signer"], text, found["signature"]):
        return "signature"
    if not _lines_are_right(said):
        return "lines"
    moved = sum(line[3] for line in said["movements"])
    return None if said["opening"] + moved == said["closing"] else "sum"


def _lines_are_right(said: dict[str, Any]) -> bool:
    year, month = divmod(said["period"], 100)
    start = datetime(year, month, 1, tzinfo=UTC)
    days = calendar.monthrange(year, month)[1]
    first = int(start.timestamp()) * 1000
    last = 2**53 if said["period"] == 999_912 else first + days * 86_400_000
    trades: set[bytes] = set()
    for lines, time in ((said["movements"], 4), (said["others"], 5)):
        places = [(line[time], line[0]) for line in lines]
        if any(a >= b for a, b in itertools.pairwise(places)):
            return False
        for line in lines:
            if line[0] in trades or line[2] == said["member"] or line[time - 1] == 0:
                return False
            if not first <= line[time] < last:
                return False
            trades.add(line[0])
    return True


def from32(text: str) -> bytes:
    """Section 17: base32 in its one form."""
    try:
        data = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error as error:
        raise Refused("encoding") from error
    if base64.b32encode(data).rstrip(b"=").decode() != text:
        raise Refused("encoding")
    return data


def read_part(text: str) -> tuple[tuple[str, int, str], int, bytes]:
    """One part: its set, its number, its piece."""
    text = text.strip(" \t\r\n")
    if len(text) > 4_296:
        raise Refused("size")
    found = re.fullmatch(
        r"(WETALK:PART([0-9]{1,3})/([A-Z]{1,16})/([0-9]{1,3})/([0-9]{1,3})/([A-Z2-7]{16})/)"
        r"([A-Z2-7]+)",
        text,
        re.ASCII,
    )
    if found is None or any(found[n].startswith("0") for n in (2, 4, 5)):
        raise Refused("encoding")
    if found[2] != "1":
        raise Refused("version")
    number, count, mark, payload = int(found[4]), int(found[5]), found[6], from32(found[7])
    if number > count:
        raise Refused("shape")
    piece = payload[:-4]
    from32(mark)
    if sha("part", found[1].encode(), piece)[:4] != payload[-4:]:
        raise Refused("encoding")
    return (found[3], count, mark), number, piece


def read_parts(texts: list[str]) -> tuple[str, bytes]:
    """A whole set: kind and bytes."""
    sets: set[tuple[str, int, str]] = set()
    pieces: dict[int, bytes] = {}
    for text in texts:
        one, number, piece = read_part(text)
        sets.add(one)
        if len(sets) > 1 or pieces.setdefault(number, piece) != piece:
            raise Refused("other-set")
    ((kind, count, mark),) = sets
    packed = b"".join(pieces[number] for number in range(1, count + 1))
    cuts = [number * len(packed) // count for number in range(count + 1)]
    if sha("parts", f"{kind}/{count}/".encode(), packed)[:10] != from32(mark) or any(
        pieces[n] != packed[cuts[n - 1] : cuts[n]] for n in pieces
    ):
        raise Refused("encoding")
    if packed[:1] == b"\x00":
        return kind.lower(), packed[1:]
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(packed[1:])
    except zlib.error as error:
        raise Refused("encoding") from error
    if packed[:1] != b"\x01" or not inflater.eof or inflater.unused_data:
        raise Refused("encoding")
    return kind.lower(), data


def read_pointer(text: str) -> list[bytes]:
    """Community, trade and commit id."""
    head, *ids = text.strip(" \t\r\n").split("/")
    version = re.fullmatch("WETALK:TRADE([1-9][0-9]{0,2})", head, re.ASCII)
    if version is None or [len(one) for one in ids] != [52, 52, 52]:
        raise Refused("encoding")
    if version[1] != "1":
        raise Refused("version")
    return [from32(one) for one in ids]


def read_note(data: bytes) -> tuple[dict[str, Any], list[tuple[bytes, bytes | None, bytes]]]:
    """The fields of a note, and its records."""
    if len(data) > 262_144:
        raise Refused("size")
    row = unpack(data)
    names = [name for name, _, _ in TABLES["row note"]]
    if not isinstance(row, list) or len(row) != len(names) or type(row[0]) is not int:
        raise Refused("shape")
    check("row note", [1, *row[1:]])
    found = dict(zip(names, row, strict=True))
    if len(found["have"]) % 8:
        raise Refused("shape")
    if found["version"] != 1:
        raise Refused("version")
    stream = Stream(found["community"], [])
    try:
        return found, [raw for batch in found["batches"] for raw in stream.read(batch)]
    except Refused:
        raise Refused("shape") from None
