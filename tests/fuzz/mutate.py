"""Bytes that were valid and are a little wrong now: flipped, cut, spliced, with other lengths,
with parts swapped, dropped, repeated or replaced; also inside of what is packed in them.

Rules: all choices come from one `random.Random`, so that a seed repeats them and Hypothesis can
steer them; what comes out has at most SIZE_MAX_BYTES. Whatever reads as MessagePack or JSON is
edited as a tree, and so are the bytes and texts in it (base64, hex, a frame, zlib).
"""

import json
import random
import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any

import msgpack

SIZE_MAX_BYTES = 131_072
NESTED_MAX_COUNT = 3  # how deep packed bytes are looked for in packed bytes
LENGTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}
INTERESTING = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    2**31 - 1,
    2**32 - 1,
    2**53,
    2**63,
    2**64 - 1,
)

Dice = random.Random
Edit = Callable[[bytearray, Dice], None]


def _deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


JUNK: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**53, 2**63 - 1, -(2**63), 1.5, float("nan"),
    "", "\x00", "credit", "한", "\u202e", "x" * 65, [], {}, [[]], {"": None}, _deep(9), _deep(40),
)  # fmt: skip
PACKED_JUNK = (b"", bytes(16), bytes(32), bytes(33), b"\xff" * 64, 2**64 - 1,
               msgpack.ExtType(1, b"x"), msgpack.Timestamp(0))  # fmt: skip
WRITTEN_JUNK = ("\ud800", 2**64, 10**30, -(10**400), 1e300, "00" * 32, "=" * 4, "A" * 43, "-_")


def mutated(data: bytes, others: Sequence[bytes], dice: Dice, *, wrapped: bool = False) -> bytes:
    """A few changes to `data`; `others` give pieces to splice in. `wrapped`: what is around it is
    the fuzzer's own, so only its parts are changed, never its bytes as such."""
    for _ in range(dice.choice((1, 1, 1, 2, 2, 3, 6))):
        changed = _once(data, others, dice, NESTED_MAX_COUNT, tree=wrapped)
        if len(changed) <= SIZE_MAX_BYTES or not wrapped:
            data = changed[:SIZE_MAX_BYTES]
    return data


def _once(
    data: bytes, others: Sequence[bytes], dice: Dice, nested: int, *, tree: bool = False
) -> bytes:
    if tree or dice.random() < 0.7:
        edited = _in_tree(data, others, dice, nested, wrapped=tree)
        if edited is not None or tree:
            return data if edited is None else edited
    if data[:1] in b"{[W\n#" and b"\n" in data and dice.random() < 0.5:
        return _lines(data, others, dice)
    if others and dice.random() < 0.08:
        return _spliced(data, dice.choice(others), dice)
    changed = bytearray(data)
    dice.choice(EDITS)(changed, dice)
    return bytes(changed)


# --- plain bytes ----------------------------------------------------------------------------------
def _place(data: bytearray, dice: Dice) -> int:
    return dice.randrange(len(data) + 1)


def _flip(data: bytearray, dice: Dice) -> None:
    if data:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _set(data: bytearray, dice: Dice) -> None:
    if data:
        data[dice.randrange(len(data))] = dice.randrange(256)


def _truncate(data: bytearray, dice: Dice) -> None:
    del data[_place(data, dice) :]


def _cut(data: bytearray, dice: Dice) -> None:
    start = _place(data, dice)
    del data[start : start + dice.choice((1, 1, 2, 4, 8, 32, 65, 97))]


def _insert(data: bytearray, dice: Dice) -> None:
    start = _place(data, dice)
    data[start:start] = bytes(dice.randrange(256) for _ in range(dice.randrange(1, 9)))


def _double(data: bytearray, dice: Dice) -> None:
    start = _place(data, dice)
    piece = data[start : start + dice.choice((1, 4, 32, 65, 97, 400))]
    times = dice.choice((1, 1, 1, 2, 60, 2_000))
    data[start:start] = bytes(piece) * min(times, SIZE_MAX_BYTES // (len(piece) or 1))


def _swap(data: bytearray, dice: Dice) -> None:
    size = dice.choice((1, 8, 16, 32, 64))
    a, b = (dice.randrange(max(1, len(data) - size)) for _ in range(2))
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def _number(data: bytearray, dice: Dice) -> None:
    size, start = dice.choice((1, 2, 4, 8)), _place(data, dice)
    number = dice.choice(INTERESTING) & (256**size - 1)
    data[start : start + size] = number.to_bytes(size, "big")


def _length(data: bytearray, dice: Dice) -> None:
    """Another length where MessagePack has one."""
    places = [n for n, byte in enumerate(data[:4_096]) if byte in LENGTHS or 0x80 <= byte <= 0xBF]
    if not places:
        return _number(data, dice)
    at = dice.choice(places)
    size = LENGTHS.get(data[at])
    if size is None:
        data[at] = data[at] & 0xE0 | dice.randrange(32) if data[at] >= 0xA0 else (
            data[at] & 0xF0 | dice.randrange(16))  # fmt: skip
    else:
        held = int.from_bytes(data[at + 1 : at + 1 + size], "big")
        wanted = dice.choice((held + 1, max(0, held - 1), *INTERESTING)) & (256**size - 1)
        data[at + 1 : at + 1 + size] = wanted.to_bytes(size, "big")
    return None


def _digits(data: bytearray, dice: Dice) -> None:
    """A longer number where one is written."""
    written = list(re.finditer(rb"[0-9]+", data[:8_192]))
    if written:
        found = dice.choice(written)
        data[found.end() : found.end()] = found[0][-1:] * dice.choice((1, 20, 6_000))


EDITS: tuple[Edit, ...] = (
    _flip, _flip, _set, _truncate, _cut, _insert, _double, _swap, _number, _length, _digits,
)  # fmt: skip


def _spliced(data: bytes, other: bytes, dice: Dice) -> bytes:
    """The beginning of one with the end of another."""
    return data[: dice.randrange(len(data) + 1)] + other[dice.randrange(len(other) + 1) :]


def _lines(data: bytes, others: Sequence[bytes], dice: Dice) -> bytes:
    """Whole lines left out, repeated, swapped, or taken from another."""
    lines = data.split(b"\n")
    at = dice.randrange(len(lines))
    match dice.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines[at:at] = [lines[at]] * dice.choice((1, 1, 300))
        case 2:
            other = dice.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        case 3 if others:
            lines[at] = dice.choice(dice.choice(others).split(b"\n"))
        case _:
            changed = bytearray(lines[at])
            dice.choice(EDITS)(changed, dice)
            lines[at] = bytes(changed)
    return b"\n".join(lines)


# --- trees ----------------------------------------------------------------------------------------
def _in_tree(
    data: bytes, others: Sequence[bytes], dice: Dice, nested: int, *, wrapped: bool
) -> bytes | None:
    """An edit of what the bytes say; None where they say nothing that can be edited."""
    if data[:1] in (b"{", b"["):
        return _in_json(data, dice, nested)
    if data[:1] == b"\x01" and data[1:2] == b"\x78":  # a frame, packed
        try:
            inner = zlib.decompressobj().decompress(data[1:], SIZE_MAX_BYTES)
        except zlib.error:
            return None
        return b"\x01" + zlib.compress(_once(inner, (), dice, nested), 1)
    head = data[:1] if data[:1] == b"\x00" else b""  # a frame, plain
    tree = unpacked(data[len(head) :])
    if not isinstance(tree, list | dict):
        return None
    other = unpacked(dice.choice(others)) if others and dice.random() < 0.3 else None
    edited = _edited(tree, other, dice, (*JUNK, *PACKED_JUNK), nested, wrapped=wrapped)
    try:
        return head + msgpack.packb(edited, datetime=False)
    except (ValueError, OverflowError, TypeError):
        return None


def unpacked(data: bytes) -> Any:
    """What MessagePack bytes say; None where they are none."""
    try:
        return msgpack.unpackb(data, strict_map_key=False, use_list=True)
    except Exception:  # the unpacker raises what it likes
        return None


def _in_json(data: bytes, dice: Dice, nested: int) -> bytes | None:
    try:
        edited = _edited(json.loads(data), None, dice, (*JUNK, *WRITTEN_JUNK), nested)
        text = json.dumps(edited, separators=(",", ":"), ensure_ascii=dice.random() < 0.2)
    except (ValueError, RecursionError):
        return None
    return text.encode("utf-8", "surrogatepass")


def _edited(
    tree: Any, other: Any, dice: Dice, junk: Sequence[Any], nested: int, *, wrapped: bool = False
) -> Any:
    """One edit somewhere in a tree; the tree itself may be changed. In a wrapped one, its own
    parts are mostly not moved nor replaced, but changed."""
    places = _places(tree)
    if not places:
        return dice.choice(junk)
    held, key = dice.choice(places)
    if wrapped and held is tree and dice.random() < 0.9:
        if not isinstance(held[key], list | dict):
            held[key] = _leaf(held[key], dice, junk, nested)
        return tree
    match dice.randrange(9):
        case 0:
            held[key] = dice.choice(junk)
        case 1:
            del held[key]
        case 2 if isinstance(held, list):
            held[key:key] = [held[key]] * dice.choice((1, 1, 2, 40, 1_500))
        case 3:
            held_b, key_b = dice.choice(places)
            held[key], held_b[key_b] = held_b[key_b], held[key]
            if _is_circular(tree):
                return dice.choice(junk)
        case 4 if _places(other):
            source, at = dice.choice(_places(other))
            held[key] = source[at]
        case 5 if isinstance(held, dict):
            held[dice.choice(("", "a", "zz", "x" * 40))] = held[key]
        case _:
            held[key] = _leaf(held[key], dice, junk, nested)
    return tree


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every place in a tree that holds a value: its container, and index or key."""
    found: list[tuple[Any, Any]] = []
    todo = [tree]
    while todo and len(found) < 4_000:
        at = todo.pop()
        keys = list(at) if isinstance(at, dict) else range(len(at)) if isinstance(at, list) else ()
        for key in keys:
            found.append((at, key))
            if isinstance(at[key], dict | list):
                todo.append(at[key])
    return found


def _is_circular(tree: Any, above: tuple[int, ...] = ()) -> bool:
    """Whether a swap has put a value into itself."""
    if not isinstance(tree, dict | list):
        return False
    if id(tree) in above or len(above) > 60:
        return True
    values = tree.values() if isinstance(tree, dict) else tree
    return any(_is_circular(value, (*above, id(tree))) for value in values)


def _leaf(value: Any, dice: Dice, junk: Sequence[Any], nested: int) -> Any:
    """A value near this one."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        near = (value + 1, value - 1, -value, value * 2, value ^ 1 << dice.randrange(63))
        return dice.choice((*near, *INTERESTING))
    if isinstance(value, bytes):
        return _once(value, (), dice, nested - 1) if nested else dice.choice(junk)
    if isinstance(value, str):
        return _text(value, dice, nested)
    return dice.choice(junk)


def _text(value: str, dice: Dice, nested: int) -> str:
    """A text near this one; where it stands for bytes, mostly one that stands for others."""
    if nested and len(value) > 8 and dice.random() < 0.8:
        try:
            inner = _once(bytes.fromhex(value), (), dice, 0)
            return inner.hex()
        except ValueError:
            pass
        try:
            plain = urlsafe_b64decode(value + "=" * (-len(value) % 4))
        except ValueError:
            pass
        else:
            packed = urlsafe_b64encode(_once(plain, (), dice, nested - 1))
            return packed.rstrip(b"=").decode()
    changed = bytearray(value.encode("utf-8", "surrogatepass"))
    dice.choice(EDITS)(changed, dice)
    return changed.decode("utf-8", "replace")
