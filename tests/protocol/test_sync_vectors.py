"""The vectors of sync, against this node and against a reader written from the document alone."""

from collections.abc import Callable
from typing import Any

import pytest

from node.protocol import codec, messages
from node.protocol.errors import RemoteFault
from node.protocol.frames import Batch, BatchDecoder, unpack
from node.protocol.greeting import Settings, common_kinds
from node.protocol.identity import Lane
from tests.protocol import second_sync
from tests.protocol.second_reader import Refused
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


def stream_of_node(community: bytes, batches: list[bytes]) -> list[Records]:
    decoder = BatchDecoder(community)
    return [[tuple(raw) for raw in decoder.decode(codec.decode(b, Batch))] for b in batches]


def stream_of_second(community: bytes, batches: list[bytes]) -> list[Records]:
    stream = second_sync.Stream(community)
    return [stream.read(batch) for batch in batches]


def greeting_of_node(content: bytes, community: bytes, keeps: list[int]) -> list[int]:
    hello = codec.decode(content, messages.Hello)
    settings = Settings(kinds=frozenset(Lane(kind) for kind in keeps))
    return sorted(int(kind) for kind in common_kinds(hello, community, settings))


def test_every_part_has_cases_that_are_taken_and_refused() -> None:
    found = {(case["part"], case["expect"]) for case in load.cases("sync")}
    assert found == {(p, e) for p in ("frame", "stream", "greeting") for e in ("ok", "reject")}


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
    got, found = said(reader, bytes.fromhex(case["community"]), batches)
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


@pytest.mark.parametrize("case", cases("greeting"), ids=name_of)
@pytest.mark.parametrize("reader", [greeting_of_node, second_sync.read_greeting])
def test_greetings(reader: Callable[..., list[int]], case: Case) -> None:
    community = bytes.fromhex(case["community"])
    got, common = said(reader, load.data(case["content"]), community, case["keeps"])
    assert got == load.expectation(case)
    if common is not None:
        assert common == case["common"]
