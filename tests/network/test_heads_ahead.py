"""A node reads the heads of its lanes before anybody asks, little by little, and keeps them."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio

from node.network.network import Network, Ports, Settings
from node.protocol.identity import Lane
from node.protocol.ports import HeadItem
from node.protocol.record import RawRecord
from node.services.incoming.intake import Outcome
from tests.network.lab import LOOPBACK, bounded, until
from tests.support.sync_source import DictSource, LaneMaker

pytestmark = pytest.mark.trio
ALL = frozenset(Lane)


class Counting(DictSource):
    """Notes what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[bytes] = []
        self.damaged = False

    def heads(self, low: bytes, high: bytes | None) -> Sequence[HeadItem]:
        if self.damaged:
            raise sqlite3.DatabaseError("malformed")
        self.read.append(low)
        return super().heads(low, high)


async def nothing(records: list[RawRecord], peer: str) -> Outcome:
    raise AssertionError("nobody sends anything")


@asynccontextmanager
async def running(source: DictSource) -> AsyncIterator[Network]:
    ports = Ports(source, nothing, lambda *_: None, lambda *_: None, lambda: ())
    network = Network(bytes(32), Settings(listen=LOOPBACK, discover=False), ports)
    async with trio.open_nursery() as nursery:
        await nursery.start(network.run)
        yield network
        nursery.cancel_scope.cancel()


@bounded(20)
async def test_heads_are_read_ahead_in_parts_and_kept() -> None:
    source, makers = Counting(), [LaneMaker(f"member {n}") for n in range(20)]
    source.take(maker.run(1)[0].raw for maker in makers[:18])
    async with running(source) as network:
        await until(lambda: len(source.read) > 100, 10)
        for maker in makers:  # while it reads: of some lanes the heads are read, of some not
            source.take(link.raw for link in maker.run(2))
            network.changed([maker.lane_key])
        await until(lambda: len(source.read) == 256, 10)
        index = network.heads.index(ALL)
        assert index.slice(0, 99) == [
            (item.key, item.seq) for item in DictSource.heads(source, b"", None)
        ]
        assert len(source.read) == 256 + len(makers)
        assert all(source.read)  # never all at once


@bounded(20)
async def test_heads_that_cannot_be_read_ahead_stop_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Counting()
    source.damaged = True
    async with running(source) as network:
        await until(lambda: "could not be read ahead" in caplog.text, 10)
        assert network.addresses()
        assert network.restarts == 0
