"""A second reader of the protocol, written from docs/protocol.md alone.

Rule: nothing of the node is imported here. The shapes of all bodies are read from the document's
tables, so that a table that is wrong or missing is found; the rules around them are written out
from its sections, which are cited. It shares only hash and signature functions with the node.
"""

import hashlib
import itertools
import re
from pathlib import Path
from typing import Any

import msgpack
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"
LANES = ("identity", "account", "social", "market", "office", "witness")
OPENING = ("identity.create", *(f"{lane}.open" for lane in LANES[1:]))
LARGEST_BODY = (4_096, 16_384, 32_768, 32_768, 4_096, 4_096)
ERASABLE = (2, 3)
SHORT = {
    "id": "bin 32",
    "key": "bin 32",
    "sig": "bin 64",
    "salt": "bin 16",
    "amount": "int 1..2^40",
    "sum": "int 0..2^53-1",
    "time": "int 0..2^53-1",
    "seq": "int 0..2^40",
    "name": "text 1..32",
    "word": "text 1..64",
    "body text": "text 0..16384",
}


class Refused(Exception):
    """Bytes that break a rule; the argument is the code."""


def _tables() -> tuple[dict[str, list[tuple[str, str, str]]], dict[str, int]]:
    """Tables by name (`row header`, `post.put`, …) as (field, type, ref); the lane of each kind."""
    tables: dict[str, list[tuple[str, str, str]]] = {}
    lane_of: dict[str, int] = {}
    name, lane = "", -1
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"### .* lane \((\d)\)$", line):
            lane = int(found[1])
        elif found := re.match(r"#### (?:`([^`]+)`|(row|map) (\w+))$", line):
            name = found[1] or f"{found[2]} {found[3]}"
            tables[name] = []
            if found[1]:
                lane_of[name] = lane
        elif line.startswith("## "):
            name = ""
        elif name and (found := re.match(r"\| `(\w+)` \| ([^|]+) \|(?: (\w*) ?\|)?", line)):
            tables[name].append((found[1], found[2].strip(), found[3] or ""))
    return tables, lane_of


TABLES, LANE_OF = _tables()


# --- section 2 and 3 ------------------------------------------------------------------------------


def pack(value: Any) -> bytes:
    """Section 2: the one form of a value."""
    if isinstance(value, dict):
        value = {key: value[key] for key in sorted(value, key=str.encode)}
        inside = b"".join(pack(key) + pack(item) for key, item in value.items())
        return msgpack.Packer().pack_map_header(len(value)) + inside
    if isinstance(value, list):
        head = msgpack.Packer().pack_array_header(len(value))
        return bytes(head) + b"".join(map(pack, value))
    return bytes(msgpack.packb(value, use_bin_type=True))


def unpack(data: bytes) -> Any:
    """Section 2: the value, or `encoding`."""
    try:
        value = msgpack.unpackb(data, raw=False, strict_map_key=True, object_pairs_hook=_pairs)
        plain = _plain(value, 0)
    except Exception as error:
        raise Refused("encoding") from error
    if not plain or pack(value) != data:
        raise Refused("encoding")
    return value


def _pairs(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def _plain(value: Any, above: int) -> bool:
    if isinstance(value, dict | list) and above == 8:
        return False
    if isinstance(value, dict):
        keys = all(isinstance(key, str) and len(key.encode()) <= 32 for key in value)
        return keys and all(_plain(item, above + 1) for item in value.values())
    if isinstance(value, list):
        return all(_plain(item, above + 1) for item in value)
    return value is None or type(value) in (bool, int, str, bytes)


def number(text: str) -> int:
    """`2^53-1` and the like."""
    power, _, less = text.partition("-") if "^" in text else (text, "", "")
    base, _, exponent = power.partition("^")
    return int(base) ** int(exponent or 1) - int(less or 0)


def fits(of: str, value: Any) -> bool:
    """Section 3: is the value of this type?"""
    of = SHORT.get(of, of)
    if of == "cuts":
        return _cuts(value)
    if found := re.match(r"(list|set) (\d+)\.\.(\d+) of (.+)$", of):
        return _list(value, found[1] == "set", int(found[2]), int(found[3]), found[4])
    if " or " in of:
        return any(fits(part, value) for part in of.split(" or "))
    word, _, rest = of.partition(" ")
    if word == "nil":
        return value is None
    if word == "bool":
        return value is True or value is False
    if word == "one":
        return isinstance(value, str) and value in rest.removeprefix("of ").split(", ")
    if word == "row":
        return isinstance(value, list) and _row(value, TABLES[of])
    if word == "map":
        return isinstance(value, dict) and _map(value, TABLES[of])
    low, _, high = rest.partition("..")
    bounds = range(number(low), number(high or low) + 1)
    if word == "int":
        return type(value) is int and value in bounds
    kind = {"bin": bytes, "text": str}[word]
    return isinstance(value, kind) and len(value) in bounds


def _cuts(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) <= set(LANES[1:])
        and all(item == "open" or fits("row cut", item) for item in value.values())
    )


def _list(value: Any, is_set: bool, low: int, high: int, of: str) -> bool:
    if not (isinstance(value, list) and low <= len(value) <= high):
        return False
    if not all(fits(of, item) for item in value):
        return False
    keys = [item[0] if isinstance(item, list) else item for item in value]
    keys = [key.encode() if isinstance(key, str) else key for key in keys]
    return not is_set or all(a < b for a, b in itertools.pairwise(keys))


def _row(value: list[Any], table: list[tuple[str, str, str]]) -> bool:
    return len(value) == len(table) and all(
        fits(of, item) for (_, of, _), item in zip(table, value, strict=True)
    )


def _map(value: dict[str, Any], table: list[tuple[str, str, str]]) -> bool:
    return value.keys() == {name for name, _, _ in table} and all(
        fits(of, value[name]) for name, of, _ in table
    )


def check(of: str, value: Any, code: str = "shape") -> None:
    """The value is of the type, or the code."""
    if not fits(of, value):
        raise Refused(code)


# --- section 4 and 5 ------------------------------------------------------------------------------


def sha(word: str, *parts: bytes) -> bytes:
    """SHA-256 behind a domain word."""
    return hashlib.sha256(f"wetalk/1 {word}\0".encode() + b"".join(parts)).digest()


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Section 4, by a library that follows its rule."""
    try:
        VerifyKey(key).verify(message, signature)
    except (BadSignatureError, ValueError):
        return False
    return True


def quorum_fits(witnesses: list[bytes], q: int) -> bool:
    """Section 5."""
    n = len(witnesses)
    return len(set(witnesses)) == n and ((n == 0 and q == 0) or n / 2 < q <= n)


def read_genesis(data: bytes) -> tuple[bytes, dict[str, Any]]:
    """Section 5: community id and document."""
    if len(data) > 65_536:
        raise Refused("size")
    document = unpack(data)
    other = isinstance(document, dict) and type(document.get("rules")) is int
    check("map genesis", {**document, "rules": 1} if other else document)
    if document["rules"] != 1:
        raise Refused("version")
    chapters = document["chapters"]
    if len({chapter["name"] for chapter in chapters}) != len(chapters):
        raise Refused("shape")
    for chapter in chapters:
        officers = set(chapter["officers"])
        if len(officers) != len(chapter["officers"]) or chapter["k"] > len(officers):
            raise Refused("shape")
        if not quorum_fits(chapter["witnesses"], chapter["q"]):
            raise Refused("shape")
        if chapter["default_limit"] > chapter["limit_max"]:
            raise Refused("shape")
    return sha("genesis", data), document


# --- sections 6 to 8 ------------------------------------------------------------------------------


class Read:
    """A record that passed stages one and two."""

    def __init__(self, community: bytes, header: bytes, body: bytes | None, signature: bytes):
        if len(header) > 320:
            raise Refused("size")
        if len(signature) != 64:
            raise Refused("signature")
        self.fields = read_header(header)
        self.lane = self.fields["lane"]
        self.lane_key = self.fields["author"] + self.fields["signer"] + bytes((self.lane,))
        self.body = self._body(body)
        self.id = sha("record", community, header)
        if not is_signed(self.fields["signer"], b"wetalk/1 sig\0" + self.id, signature):
            raise Refused("signature")
        if self.fields["kind"] == "device.add":
            text = b"wetalk/1 device proof\0" + community + self.fields["author"]
            if not is_signed(self.body["key"], text, self.body["proof"]):
                raise Refused("signature")

    def _body(self, data: bytes | None) -> Any:
        fields = self.fields
        if data is None:
            if self.lane not in ERASABLE or fields["seq"] == 0:
                raise Refused("body")
            return None
        right = hashlib.sha256(data).digest() == fields["body_hash"]
        if len(data) != fields["body_size"] or not right:
            raise Refused("body")
        value = unpack(data)
        if not isinstance(value, dict):
            raise Refused("shape")
        if fields["kind"] in LANE_OF and not is_body(fields["kind"], value):
            raise Refused("shape")
        return value

    def needs(self) -> list[bytes]:
        """Rule 17: ids that must be held first; prev first."""
        found = [] if self.fields["prev"] is None else [self.fields["prev"]]
        if self.body is None:
            return found
        for name, _, ref in TABLES.get(self.fields["kind"], []):
            if ref == "needs":
                found.extend(_ids(self.body[name]))
        return found


def is_body(kind: str, value: dict[str, Any]) -> bool:
    """Section 9: has the body the shape of its kind?"""
    if not _map(value, TABLES[kind]):
        return False
    return kind != "office.propose" or is_content(value["content"])


def is_content(data: bytes) -> bool:
    """Section 9, `office.propose`: `[kind, content]` of an act."""
    try:
        value = unpack(data)
    except Refused:
        return False
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        return False
    kind, content = value
    table = TABLES.get(kind, []) if kind in LANE_OF else []
    is_act = any(name == "approvals" for name, _, _ in table)
    fits_it = isinstance(content, dict) and "approvals" not in content
    return is_act and fits_it and _map({**content, "approvals": []}, table)


def _ids(value: Any) -> list[bytes]:
    if isinstance(value, list):
        return [found for item in value for found in _ids(item)]
    return [] if value is None else [value]


def read_header(data: bytes) -> dict[str, Any]:
    """Rules 3 to 9."""
    names = [name for name, _, _ in TABLES["row header"]]
    value = unpack(data)
    if not isinstance(value, list) or len(value) != len(names) or type(value[0]) is not int:
        raise Refused("encoding")
    check("row header", [1, *value[1:]], "encoding")
    fields = dict(zip(names, value, strict=True))
    first = fields["seq"] == 0
    opens = fields["kind"] == OPENING[fields["lane"]]
    if fields["version"] != 1:
        raise Refused("version")
    if first != (fields["prev"] is None):
        raise Refused("chain")
    if first != opens:
        raise Refused("kind")
    if fields["lane"] == 0 and fields["author"] != fields["signer"]:
        raise Refused("not-authorised")
    if fields["body_size"] > LARGEST_BODY[fields["lane"]]:
        raise Refused("size")
    lane = LANE_OF.get(fields["kind"])
    if lane is not None and lane != fields["lane"]:
        raise Refused("kind")
    if lane is None and fields["lane"] not in ERASABLE:
        raise Refused("unsupported-kind")
    return fields


class Chains:
    """Rules 16 to 20: records against what is held."""

    def __init__(self) -> None:
        self.held: dict[bytes, Read] = {}
        self.void_adds: set[bytes] = set()

    def offer(self, record: Read) -> str:
        """`known`, `defer`, a code, or `held`."""
        if record.id in self.held:
            if self.held[record.id].body is None and record.body is not None:
                self.held[record.id] = record
                return "fills"
            return "known"
        needs = record.needs()
        if any(need not in self.held for need in needs):
            return "defer"
        fields = record.fields
        prev = fields["prev"]
        if any(self.held[need].lane in ERASABLE for need in needs if need != prev):
            return "reject shape"
        if prev is not None:
            before = self.held[prev]
            if (before.lane_key, before.fields["seq"] + 1) != (record.lane_key, fields["seq"]):
                return "reject chain"
        elif record.lane != 0 and not self._authorised(record):
            return "reject not-authorised"
        if fields["kind"] == "device.add" and self._added(record):
            self.void_adds.add(record.id)
        self.held[record.id] = record
        return "held"

    def _authorised(self, record: Read) -> bool:
        auth = self.held[record.body["auth"]]
        return (
            auth.fields["kind"] == "device.add"
            and auth.id not in self.void_adds
            and auth.fields["author"] == record.fields["author"]
            and auth.body["key"] == record.fields["signer"]
            and LANES[record.lane] in auth.body["scopes"]
        )

    def _added(self, record: Read) -> bool:
        """Section 10: was this key added on this path?"""
        prev = record.fields["prev"]
        while prev is not None:
            before = self.held[prev]
            is_add = before.fields["kind"] == "device.add" and before.id not in self.void_adds
            if is_add and before.body["key"] == record.body["key"]:
                return True
            prev = before.fields["prev"]
        return False


def read_fork(
    community: bytes, header_a: bytes, signature_a: bytes, header_b: bytes, signature_b: bytes
) -> tuple[bytes, int, list[bytes]]:
    """Section 7: lane key, seq and both ids of a fork proof."""
    if len(header_a) > 320 or len(header_b) > 320:
        raise Refused("size")
    a, b = read_header(header_a), read_header(header_b)
    if any(a[name] != b[name] for name in ("author", "signer", "lane", "seq")):
        raise Refused("shape")
    ids = [sha("record", community, header) for header in (header_a, header_b)]
    for record, signature in zip(ids, (signature_a, signature_b), strict=True):
        if not is_signed(a["signer"], b"wetalk/1 sig\0" + record, signature):
            raise Refused("signature")
    if ids[0] == ids[1]:
        raise Refused("shape")
    return a["author"] + a["signer"] + bytes((a["lane"],)), a["seq"], sorted(ids)
