"""Records in columns: whatever a header is, it comes back byte for byte."""

import sqlite3
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol import codec
from node.storage import columns
from node.storage.home import Home
from node.storage.kept.events import Event
from node.storage.schema import SCHEMA, Schema
from tests.storage.samples import NOW_MS, open_database
from tests.support.world import World

BYTES32 = st.binary(min_size=32, max_size=32)
BODIES = st.none() | st.binary(max_size=70_000)


@st.composite
def headers(draw: st.DrawFn) -> tuple[bytes, bytes | None]:
    """A header of the form of R1, its body or none."""
    body = draw(BODIES)
    told = columns.tail_of(body) if body is not None and draw(st.booleans()) else None
    fields: list[object] = [
        1, draw(st.text("abc.", max_size=34)), draw(BYTES32), draw(BYTES32),
        draw(st.integers(1, 6)), draw(st.integers(0, 2**40)), draw(st.none() | BYTES32),
        draw(st.integers(0, 2**53)),
    ]  # fmt: skip
    if told is not None:
        start = codec.encode([*fields, None, None])
        return start[: -len(b"\xc0\xc0")] + told, body
    return codec.encode([*fields, draw(BYTES32), draw(st.integers(1, 40_000))]), body


def joined(header: bytes, body: bytes | None) -> bytes:
    return columns.join(*columns.split(header, body), body)


@given(headers())
def test_a_header_comes_back_and_needs_a_third(found: tuple[bytes, bytes | None]) -> None:
    header, body = found
    assert joined(header, body) == header
    keys, lead, tail = columns.split(header, body)
    kind = msgspec.msgpack.decode(header)[1]
    if len(kind) < 32:
        assert len(keys) == columns.KEYS_SIZE_BYTES
        left_out = 0 if body is None or tail is not None else len(columns.tail_of(body))
        assert len(header) - len(lead) == 2 + 68 + left_out


@given(st.binary(max_size=300), BODIES)
def test_whatever_is_no_header_is_kept_as_it_is(header: bytes, body: bytes | None) -> None:
    assert joined(header, body) == header


def test_a_header_with_any_byte_changed_comes_back_too() -> None:
    """It is of another version, of other keys, or of no form at all: nothing may be put right."""
    body = b"a body"
    fields = ["post.put", bytes(32), bytes(range(32)), 3, 7, bytes(32), 1_790_000_000_000]
    start = codec.encode([1, *fields, None, None])
    for ends, kept in ((start[:-2] + columns.tail_of(body), body), (start, None)):
        for place in range(len(ends)):
            for other in {ends[place] ^ 1, ends[place] ^ 0x20, 0, 1, 0x9B, 0xC5, 0xFF}:
                header = ends[:place] + bytes((other,)) + ends[place + 1 :]
                assert joined(header, kept) == header
            assert joined(ends[:place], kept) == ends[:place]
            assert (
                joined(ends[:place] + ends[place + 1 :], kept) == ends[:place] + ends[place + 1 :]
            )


@given(headers())
def test_a_body_may_be_erased_and_come_again(found: tuple[bytes, bytes | None]) -> None:
    """As storage does it: the tail is written out when the body goes, and stays so."""
    header, body = found
    keys, lead, tail = columns.split(header, body)
    if tail is None:
        assert body is not None
        tail = columns.tail_of(body)
    assert columns.join(keys, lead, tail, None) == header
    assert columns.join(keys, lead, tail, body) == header


def test_a_home_of_before_keeps_every_record_and_event(home: Home) -> None:
    world = World()
    ada = world.talker("ada")
    world.delete(world.post(ada, "gone"), world.post(ada, "kept"))
    raws = [raw if n % 3 else raw._replace(body=None) for n, raw in enumerate(world.raws())]
    open_database(home, schema=Schema(SCHEMA.steps[:1])).close()
    with sqlite3.connect(home.database) as old:
        old.executemany(
            "INSERT INTO records VALUES (?, ?, ?, ?)", [(2 * n, *raw) for n, raw in enumerate(raws)]
        )
        old.executemany(
            "INSERT INTO events (name, subject, at) VALUES (?, ?, ?)",
            [("post", bytes((n,)) * 32, NOW_MS + n) for n in range(5)],
        )
        old.execute("DELETE FROM events WHERE seq IN (1, 5)")
        old.executemany("INSERT INTO touched (id) VALUES (?)", [(b"a",), (b"b",)])
    old.close()
    told: list[str] = []
    database = open_database(home, fold_version=2, report=told.append)
    assert told[-2:] == ["backing-up", "migrating"]
    reader = database.reader()
    assert reader.records_after(-1, 1_000) == [(2 * n, raw) for n, raw in enumerate(raws)]
    expected = [Event(n + 1, "post", bytes((n,)) * 32, NOW_MS + n) for n in (1, 2, 3)]
    assert reader.events.after(0, 10) == expected
    assert reader.touched.after(0, 10) == [(1, b"a"), (2, b"b")]
    assert reader.touched.last() == 2
    assert reader.events.last() == 5  # a number is never used again
    assert database.rebuild_needed
    database.close()


@pytest.mark.parametrize("size", [1, 127, 128, 255, 256, 65_535, 65_536])
def test_a_body_of_any_size_tells_how_its_header_ends(size: int) -> None:
    body = bytes(size)
    fields = [1, "post.put", bytes(32), bytes(range(32)), 3, 7, bytes(32), 1_790_000_000_000]
    header = codec.encode([*fields, sha256(body).digest(), size])
    assert header.endswith(columns.tail_of(body))
    for parsed in (False, True):
        keys, lead, tail = columns.split(header, body, parsed=parsed)
        assert (keys, tail) == (bytes(32) + bytes(range(32)), None)
        assert len(lead) == len(header) - 2 - 68 - len(columns.tail_of(body))
        assert columns.join(keys, lead, tail, body) == header
