"""The vectors of sync, against this node and against a reader written from the document alone."""

from collections.abc import Callable
from typing import Any

import pytest

from node.protocol import codec, messages
from node.protocol.errors import RemoteFault
from node.protocol.frames import Batch, BatchDecoder, unpack
from node.protocol.greeting import Settings, common_kinds
from node.protocol.heads import HeadIndex, Heads
from node.protocol.identity import Lane
from node.protocol.reconcile import Round
from node.protocol.sketch import Sketch, compare
from tests.protocol import second_sync
from tests.protocol.second_reader import Refused
from tests.support.sync_source import DictSource
from tests.vectors import load

Case = dict[str, Any]
Records = list[tuple[bytes, bytes | None, bytes]]


def cases(part: str) -> list[Case]:
    return [case for case in load.cases("sync") if case["part"] == part]


def name_of(case: Case) -> str:
    return str(case["name"]).replace(" ", "-")


def said(function: Callable[..., Any], *arguments: Any) -> tuple[str, Any]:
    """`ok` and the result, or `reject CODE`."""
    try:
        return "ok", function(*arguments)
    except (RemoteFault, Refused) as fault:
        code = fault.code if isinstance(fault, RemoteFault) else str(fault)
        return f"reject {code}", None


def frame_of_node(frame: bytes) -> bytes:
    messages.decode(frame)
    return unpack(frame)


Named = list[tuple[bytes, int, bytes]]


def stream_of_node(community: bytes, named: Named, batches: list[bytes]) -> list[Records]:
    decoder = BatchDecoder(community, [(lane, (seq, known)) for lane, seq, known in named])
    return [[tuple(raw) for raw in decoder.decode(codec.decode(b, Batch))] for b in batches]


def stream_of_second(community: bytes, named: Named, batches: list[bytes]) -> list[Records]:
    stream = second_sync.Stream(community, named)
    return [stream.read(batch) for batch in batches]


Set = list[tuple[bytes, int]]


def sketch_of_node(heads: Set, row: int) -> list[Any]:
    sketch = HeadIndex(heads).sketch(row)
    return [sketch.sums, sketch.counts, sketch.seqs]


def reading_of_node(own: Set, columns: list[Any]) -> tuple[int, Any]:
    """Through a round, for what is no sketch; then as the round reads it."""
    sketch = Sketch(*columns)
    if not sketch.row:
        turn = messages.Ranges(0, 0, [], [], [], b"", sketch)
        Round(0, Heads(DictSource()), frozenset(range(6)), b"").take(turn)
    found = compare(HeadIndex(own).sketch(sketch.row), sketch)
    return found.estimate, (set(found.theirs), set(found.own)) if found.whole else None


def greeting_of_node(content: bytes, community: bytes, keeps: list[int]) -> list[int]:
    hello = codec.decode(content, messages.Hello)
    settings = Settings(kinds=frozenset(Lane(kind) for kind in keeps))
    return sorted(int(kind) for kind in common_kinds(hello, community, settings))


def test_every_part_has_cases_that_are_taken_and_refused() -> None:
    found = {(case["part"], case["expect"]) for case in load.cases("sync")}
    assert found == {
        (p, e) for p in ("frame", "stream", "sketch", "greeting") for e in ("ok", "reject")
    }


@pytest.mark.parametrize("case", cases("frame"), ids=name_of)
@pytest.mark.parametrize("reader", [frame_of_node, second_sync.read_frame])
def test_frames(reader: Callable[[bytes], bytes], case: Case) -> None:
    got, content = said(reader, load.data(case["frame"]))
    assert got == load.expectation(case)
    if content is not None:
        assert content == load.data(case["content"])


@pytest.mark.parametrize("case", cases("stream"), ids=name_of)
@pytest.mark.parametrize("reader", [stream_of_node, stream_of_second])
def test_streams(reader: Callable[..., list[Records]], case: Case) -> None:
    batches = [load.data(batch) for batch in case["batches"]]
    named = [(bytes.fromhex(a), seq, bytes.fromhex(b)) for a, seq, b in case["prepared"]]
    got, found = said(reader, bytes.fromhex(case["community"]), named, batches)
    assert got == load.expectation(case)
    if found is not None:
        assert found == [[parts_of(parts) for parts in part] for part in case["records"]]


def parts_of(parts: list[Any]) -> tuple[bytes, bytes | None, bytes]:
    header, body, signature = parts
    return (
        bytes.fromhex(header),
        None if body is None else load.data(body),
        bytes.fromhex(signature),
    )


def set_of(listed: list[list[Any]]) -> Set:
    return [(bytes.fromhex(key), seq) for key, seq in listed]


@pytest.mark.parametrize("case", cases("sketch"), ids=name_of)
@pytest.mark.parametrize("reader", [reading_of_node, second_sync.read_sketch])
def test_sketches_are_read(reader: Callable[..., tuple[int, Any]], case: Case) -> None:
    columns = codec.decode_any(load.data(case["sketch"]))
    got, found = said(reader, set_of(case["own"]), columns)
    assert got == load.expectation(case)
    if found is not None:
        shown = case["shown"] and tuple(set(set_of(one)) for one in case["shown"])
        assert found == (case["about"], shown)


@pytest.mark.parametrize("case", [one for one in cases("sketch") if "theirs" in one], ids=name_of)
@pytest.mark.parametrize("writer", [sketch_of_node, second_sync.sketch_of])
def test_sketches_are_written(writer: Callable[..., list[Any]], case: Case) -> None:
    assert codec.encode(writer(set_of(case["theirs"]), case["row"])) == load.data(case["sketch"])


@pytest.mark.parametrize("case", cases("greeting"), ids=name_of)
@pytest.mark.parametrize("reader", [greeting_of_node, second_sync.read_greeting])
def test_greetings(reader: Callable[..., list[int]], case: Case) -> None:
    community = bytes.fromhex(case["community"])
    got, common = said(reader, load.data(case["content"]), community, case["keeps"])
    assert got == load.expectation(case)
    if common is not None:
        assert common == case["common"]
