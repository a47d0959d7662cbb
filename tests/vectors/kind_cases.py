"""Vectors of bodies: for every kind a valid one, every bound reached, every bound broken."""

from collections.abc import Iterator
from typing import Any

from msgspec.inspect import (
    BytesType,
    DictType,
    Field,
    IntType,
    ListType,
    LiteralType,
    StrType,
    StructType,
    Type,
    UnionType,
    type_info,
)

from node.protocol import codec
from node.protocol.office import ACTS
from node.protocol.record import KINDS
from node.protocol.shapes import Body
from tests.vectors.bodies import EXAMPLES, ONE, TWO

Case = dict[str, Any]
RUN_MIN_COUNT = 24


def packed(data: bytes) -> str | list[Any]:
    """Hex, or where a byte stands many times in a row, parts of hex and [byte, count]."""
    parts = [
        part.hex() if isinstance(part, bytes) else [part[0].hex(), part[1]] for part in _runs(data)
    ]
    return parts if any(isinstance(part, list) for part in parts) else data.hex()


def packed_text(text: str) -> str | list[Any]:
    """The text, or where a character stands many times in a row, parts and [character, count]."""
    parts = [
        part.decode() if isinstance(part, bytes) else [part[0].decode(), part[1]]
        for part in _runs(text.encode())
    ]
    return parts if any(isinstance(part, list) for part in parts) else text


def _runs(data: bytes) -> list[bytes | tuple[bytes, int]]:
    """The data in parts: plain ones, and (byte, count) of long runs."""
    found: list[bytes | tuple[bytes, int]] = []
    start = place = 0
    while place < len(data):
        end = place
        while end < len(data) and data[end] == data[place]:
            end += 1
        if end - place >= RUN_MIN_COUNT:
            if start < place:
                found.append(data[start:place])
            found.append((data[place : place + 1], end - place))
            start = end
        place = end
    if start < len(data):
        found.append(data[start:])
    return found


def cases() -> list[Case]:
    """All cases; each says the kind, the body, and what becomes of a record around it."""
    found: list[Case] = []
    for kinds in KINDS.values():
        for kind, shape in kinds.items():
            found.extend(_of_kind(kind, shape))
    return found


def _of_kind(kind: str, shape: type[Body]) -> Iterator[Case]:
    good = EXAMPLES[kind]
    yield _case(kind, "valid", good, "ok")
    fields = type_info(shape).fields  # type: ignore[union-attr]
    for field in fields:
        for name, value in _reached(field.type):
            yield _case(kind, f"{field.name}: {name}", {**good, field.name: value}, "ok")
        for name, value in _broken(field):
            yield _case(kind, f"{field.name}: {name}", {**good, field.name: value}, "shape")
        without = {key: value for key, value in good.items() if key != field.name}
        yield _case(kind, f"{field.name}: left out", without, "shape")
    if kind == "office.propose":
        yield from _contents()
    yield _case(kind, "a field more", {**good, "zzz": None}, "shape")
    yield _case(kind, "an array", list(good.values()), "shape")
    data = codec.encode(good)
    wide = b"\xde" + len(good).to_bytes(2, "big") + data[1:]
    yield _bytes(kind, "wide map", wide, "encoding")
    yield _bytes(kind, "a byte trailing", data + b"\0", "encoding")
    yield _bytes(kind, "wide map and a field less", b"\xde\0\0", "encoding")


def _contents() -> Iterator[Case]:
    """What a proposal may carry: the content of an act, in its one form, and nothing else."""
    for kind in ACTS:
        fields = {key: value for key, value in EXAMPLES[kind].items() if key != "approvals"}
        yield _content(f"content of {kind}", codec.encode([kind, fields]), "ok")
        broken: dict[str, bytes] = {
            "with approvals": codec.encode([kind, EXAMPLES[kind]]),
            "a field less": codec.encode([kind, dict(list(fields.items())[1:])]),
            "a set out of order": codec.encode([kind, {**fields, "supersedes": [TWO, ONE]}]),
            "three items": codec.encode([kind, fields, None]),
            "a map": codec.encode(fields),
            "a byte trailing": codec.encode([kind, fields]) + b"\0",
            "not canonical": b"\xdc\0\x02" + codec.encode([kind, fields])[1:],
        }
        for name, content in broken.items():
            yield _content(f"content of {kind}: {name}", content, "shape")
    other = codec.encode(["office.approve", {"act": ONE}])
    yield _content("content of no act", other, "shape")


def _content(name: str, content: bytes, expect: str) -> Case:
    return _case("office.propose", name, {"content": content}, expect)


def _case(kind: str, name: str, value: object, expect: str) -> Case:
    return _bytes(kind, name, codec.encode(value), expect)


def _bytes(kind: str, name: str, data: bytes, expect: str) -> Case:
    case: Case = {"kind": kind, "name": name, "body": packed(data)}
    if expect == "ok":
        return {**case, "expect": "ok"}
    return {**case, "expect": "reject", "code": expect}


def _reached(of: Type) -> Iterator[tuple[str, object]]:
    """Values at the bounds of a type. Sizes stay within what a body may have."""
    if isinstance(of, UnionType):
        for part in of.types:
            yield from _reached(part)
        if of.includes_none:
            yield "nil", None
    elif isinstance(of, IntType):
        for bound in (of.ge, of.le):
            if bound is not None:
                yield f"{bound}", bound
    elif isinstance(of, StrType):
        for length in (of.min_length, of.max_length):
            if length is not None:
                yield f"{length} characters", "a" * length
        if of.max_length is not None and of.max_length < 1000:
            yield f"{of.max_length} characters of three bytes", "가" * of.max_length
    elif isinstance(of, LiteralType):
        for value in of.values:
            yield f"{value}", value
    elif isinstance(of, ListType):
        if (of.min_length or 0) == 0:
            yield "empty", []
        yield "as many as fit", _most(of)
    elif isinstance(of, DictType):
        yield "empty", {}


def _broken(field: Field) -> Iterator[tuple[str, object]]:
    """Values that the type refuses."""
    yield from _below_and_above(field.type)
    yield from _of_other_type(field.type)


def _below_and_above(of: Type) -> Iterator[tuple[str, object]]:
    if isinstance(of, UnionType):
        for part in of.types:
            if not isinstance(part, LiteralType):
                yield from _below_and_above(part)
        if not any(isinstance(part, StrType) for part in of.types):
            yield "another word", "neither"
    elif isinstance(of, IntType):
        if of.ge is not None:
            yield f"{of.ge - 1}", of.ge - 1
        if of.le is not None:
            yield f"{of.le + 1}", of.le + 1
    elif isinstance(of, StrType):
        if of.min_length:
            yield f"{of.min_length - 1} characters", "a" * (of.min_length - 1)
        if of.max_length is not None:
            yield f"{of.max_length + 1} characters", "a" * (of.max_length + 1)
    elif isinstance(of, BytesType):
        assert of.min_length is not None
        assert of.max_length is not None
        for length in (of.min_length - 1, of.max_length + 1):
            yield f"{length} bytes", b"\x01" * length
    elif isinstance(of, LiteralType):
        yield "another word", "other"
    elif isinstance(of, ListType):
        yield from _broken_list(of)
    elif isinstance(of, DictType):
        yield "another lane", {"identity": "open"}
        yield "another value", {"social": "closed"}
        yield "nil as a value", {"social": None}
        yield "a cut of one field", {"social": [1]}
        yield "a cut of three fields", {"social": [1, b"\x01" * 32, None]}
        yield "a cut of a wrong id", {"social": [1, b"\x01" * 31]}
        yield "a cut of a negative seq", {"social": [-1, b"\x01" * 32]}
    elif isinstance(of, StructType):
        yield from _broken_row(of)


def _broken_row(of: StructType) -> Iterator[tuple[str, object]]:
    good = [_one(field.type, 1) for field in of.fields]
    yield "an item less", good[:-1]
    yield "an item more", [*good, None]
    for place, field in enumerate(of.fields):
        for name, value in _below_and_above(field.type):
            yield f"{field.name}: {name}", [*good[:place], value, *good[place + 1 :]]


def _broken_list(of: ListType) -> Iterator[tuple[str, object]]:
    if of.min_length:
        yield "empty", []
    yield f"{(of.max_length or 0) + 1}", _many(of, (of.max_length or 0) + 1)
    yield "an item that is none", [None]
    if isinstance(of.item_type, StructType):
        for name, value in _broken_row(of.item_type):
            yield f"item, {name}", [value]
    else:
        for name, value in _below_and_above(of.item_type):
            yield f"item of {name}", [value]


def _of_other_type(of: Type) -> Iterator[tuple[str, object]]:
    types = of.types if isinstance(of, UnionType) else (of,)
    if not (isinstance(of, UnionType) and of.includes_none):
        yield "nil", None
    if not any(type(part).__name__ == "BoolType" for part in types):
        yield "true", True
    if not any(isinstance(part, IntType) for part in types):
        yield "a number", 1
    if not any(isinstance(part, BytesType) for part in types):
        yield "bytes", b"\x01" * 32
    else:
        yield "text in place of bytes", "A" * 43 + "="
    if not any(isinstance(part, DictType) for part in types):
        yield "a map", {}


def _most(of: ListType) -> list[object]:
    """As many items as a list may have; of words each once."""
    if isinstance(of.item_type, LiteralType):
        return sorted(of.item_type.values)
    return _many(of, of.max_length or 0)


def _many(of: ListType, count: int) -> list[object]:
    """That many items, in ascending order where they can be."""
    literal = of.item_type
    if isinstance(literal, LiteralType):
        return (list(literal.values) * 4)[:count]
    return [_one(of.item_type, n) for n in range(count)]


def _one(of: Type, n: int) -> object:
    """The n-th value of a type, ascending."""
    if isinstance(of, UnionType):
        return _one(of.types[0], n)
    if isinstance(of, LiteralType):
        return of.values[n % len(of.values)]
    if isinstance(of, BytesType):
        return n.to_bytes(of.min_length or 0, "big")
    if isinstance(of, IntType):
        return (of.ge or 0) + n
    if isinstance(of, StrType):
        return f"{n:02}"
    if isinstance(of, ListType):
        return []
    assert isinstance(of, StructType), of
    return [_one(field.type, n) for field in of.fields]


def order_cases() -> list[Case]:
    """Sets that stand in the wrong order, or hold a thing twice."""
    one, two = b"\x01" * 32, b"\x02" * 32
    found: list[Case] = []
    for kind, field in (
        ("account.open", "carry"),
        ("account.open", "witnesses"),
        ("member.admit", "approvals"),
        ("member.admit", "supersedes"),
        ("credit.grant", "approvals"),
        ("credit.grant", "supersedes"),
    ):
        for name, value in (("descending", [two, one]), ("one twice", [one, one])):
            body = {**EXAMPLES[kind], field: value}
            found.append(_case(kind, f"{field}: {name}", body, "shape"))
    scopes = {**EXAMPLES["device.add"], "scopes": ["social", "account"]}
    found.append(_case("device.add", "scopes: descending", scopes, "shape"))
    scopes = {**EXAMPLES["device.add"], "scopes": ["social", "social"]}
    found.append(_case("device.add", "scopes: one twice", scopes, "shape"))
    for name, items in (
        ("descending", [[two, []], [one, []]]),
        ("one commit twice", [[one, []], [one, []]]),
        ("stamps descending", [[one, [two, one]]]),
        ("a stamp twice", [[one, [one, one]]]),
    ):
        found.append(_case("account.claim", f"items: {name}", {"items": items}, "shape"))
    seals = [[one, b"\x06" * 80], [two, b"\x06" * 80]]
    for kind in ("dispute.evidence", "dispute.share"):
        for name, value in (
            ("descending", seals[::-1]),
            ("one twice", [seals[0], [one, b"\x07" * 80]]),
        ):
            body = {**EXAMPLES[kind], "keys": value}
            found.append(_case(kind, f"keys: {name}", body, "shape"))
    for length in (40, 16_680):
        body = {**EXAMPLES["dispute.evidence"], "box": b"\x01" * length}
        found.append(_case("dispute.evidence", f"box: {length} bytes", body, "ok"))
    return found


__all__ = ["cases", "order_cases", "packed"]
