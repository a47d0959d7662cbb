"""Checking: bytes become parsed and verified records, beside the event loop.

A few in threads; much, from 512 records on, in processes of their own, as soon as those have
started (`verifiers`). Rules: nothing here raises on what a peer or a file says; what comes back
stands in the order given. What is held already, byte for byte, was verified when it came.

Left to others: judging and storing (`intake`).
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# The stubs of trio that come with libp2p do not know their own types.

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import trio

from node.protocol import admission, crypto, lanes, portable
from node.protocol.admission import Known, Refused
from node.protocol.errors import RemoteFault
from node.protocol.record import RawRecord, Record
from node.services.core import Core
from node.services.incoming.verifier import told
from node.services.incoming.verifiers import Verifiers
from node.storage.rows import Rows

T = TypeVar("T")

CHUNK_RECORDS_COUNT: Final = 128  # records verified at a time: 8 ms
PART_LINES_COUNT: Final = 256  # of a file, which comes in thousands: half as many messages
VERIFIERS_RECORDS_COUNT: Final = 512  # so many at once are worth processes of their own
ASKED_RECORDS_COUNT: Final = 16  # and so few are not worth asking them, once they are there

Verified = Record | Refused | Known


class Checks:
    """Parses and verifies for one home."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._threads = trio.Semaphore(2)  # parts that are verified in threads at a time
        self._verifiers = Verifiers()
        self._waiting_count = 0  # records of neighbours that are being verified
        core.closers.append(self._verifiers.stop)

    async def records(self, raws: Sequence[RawRecord]) -> list[Verified]:
        """What records are: verified ones, refused ones, and what is `Known`."""
        self._waiting_count += len(raws)
        try:
            much = self._is_much(max(len(raws), self._waiting_count))
            size = CHUNK_RECORDS_COUNT
            return await self._in_parts(raws, size, much, self._ask_records, self._verify)
        finally:
            self._waiting_count -= len(raws)

    async def lines(self, lines: Sequence[bytes]) -> list[Verified]:
        """The same for lines of an export file."""
        much = self._is_much(len(lines))
        size = PART_LINES_COUNT
        return await self._in_parts(lines, size, much, self._ask_lines, self._verify_lines)

    def _is_much(self, count: int) -> bool:
        """True iff other processes shall verify so many, as soon as they are there."""
        if self._verifiers.running:
            return count >= ASKED_RECORDS_COUNT
        if count < VERIFIERS_RECORDS_COUNT:
            return False
        self._verifiers.start()
        return True

    async def _in_parts(
        self,
        items: Sequence[T],
        size: int,
        much: bool,
        ask: Callable[[Sequence[T]], Awaitable[list[Verified]]],
        work: Callable[[Sequence[T]], list[Verified]],
    ) -> list[Verified]:
        """Verify `size` at a time: in processes (`ask`) if there is much, in threads (`work`) if
        not, and until the processes have started."""
        starts = range(0, len(items), size)
        results: list[list[Verified]] = [[] for _ in starts]

        async def one(number: int, part: Sequence[T]) -> None:
            if not (much and self._verifiers.running):
                async with self._threads:
                    if not (much and self._verifiers.running):
                        results[number] = await trio.to_thread.run_sync(work, part)
                        return
            results[number] = await ask(part)

        if len(items) <= size:
            results = [[]]
            await one(0, items)
            return results[0]
        async with trio.open_nursery() as nursery:
            for number, start in enumerate(starts):
                nursery.start_soon(one, number, items[start : start + size])
        return [found for result in results for found in result]

    async def _ask_lines(self, lines: Sequence[bytes]) -> list[Verified]:
        answers = await self._verifiers.lines(self._core.community, lines)
        if answers is None:
            return await trio.to_thread.run_sync(self._verify_lines, lines)
        return [told(item) for item in answers]

    async def _ask_records(self, raws: Sequence[RawRecord]) -> list[Verified]:
        community = self._core.community
        ids = [crypto.record_id(community, raw.header) for raw in raws]
        held = self._held(raws, ids)
        fresh = [raw for raw, known in zip(raws, held, strict=True) if not known]
        answers = await self._verifiers.records(community, fresh) if fresh else []
        if answers is None:
            return await trio.to_thread.run_sync(self._verify, raws)
        found: list[Verified] = []
        following = iter(answers)
        for raw, known in zip(raws, held, strict=True):
            found.append(Known(fills=False) if known else told(next(following), raw))
        return found

    def _held(self, raws: Sequence[RawRecord], ids: Sequence[bytes]) -> list[bool]:
        """Which records are held already, byte for byte."""
        reader = self._core.reader
        known = dict(reader.get_many(lanes.ENTRY.name, ids))
        return [
            record in known and _is_held(reader, record, raw)
            for raw, record in zip(raws, ids, strict=True)
        ]

    def _verify_lines(self, lines: Sequence[bytes]) -> list[Verified]:
        found: list[Verified] = []
        raws: list[RawRecord] = []
        for line in lines:
            try:
                raws.append(portable.decode_line(line))
            except RemoteFault as fault:
                found.append(Refused(fault.code, fault.detail))
        return found + self._verify(raws)

    def _verify(self, raws: Sequence[RawRecord]) -> list[Verified]:
        community = self._core.community
        parsed = [admission.parse(raw, community) for raw in raws]
        good = [item for item in parsed if isinstance(item, Record)]
        held = iter(self._held([item.raw for item in good], [item.id for item in good]))
        found: list[Verified] = []
        for item in parsed:
            if isinstance(item, Refused):
                found.append(item)
            elif next(held):
                found.append(Known(fills=False))
            else:
                found.append(admission.verify(item, community) or item)
        return found


def _is_held(reader: Rows, record: bytes, raw: RawRecord) -> bool:
    entry = lanes.entry_of(reader, record)
    return entry is not None and reader.raw(entry.number) == raw
