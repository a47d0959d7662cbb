"""Export and import: everything a home holds of its community, as lines of text in a file.

Rules: a file holds all records with their signatures and, where held, their bodies; its first line
names the community and carries the genesis document, so that a home can be made from the file
alone. Import admits lines like records of a neighbour, in any order: what a line waits for may
follow later, or in another file; until then it waits on disk. Memory is bounded by a chunk, and a
bad line harms nobody but itself. A file of another community is refused as a whole.

Left to others: asking, progress on a screen; backups of keys (`wallet.backup`).
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# The stubs of trio that come with libp2p do not know their own types.

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import trio

from node.protocol import lanes, portable
from node.protocol.errors import LocalFault, Reject, RemoteFault, WetalkError
from node.protocol.limits import EXPORT_HEAD_MAX_BYTES
from node.protocol.ports import Clock
from node.services.core import Core, now_ms
from node.services.homes.keyless import keyless_core
from node.services.incoming.checks import Verified
from node.services.incoming.intake import Begun, Intake, Outcome
from node.services.members.setup import note_met
from node.storage.home import Home, create_private, publish

CHUNK_LINES_COUNT: Final = 2_048  # one writer job; a few megabytes of text at most
CHUNKS_AHEAD_COUNT: Final = 2  # read while the writer is busy: neither waits for the other
PAGE_RECORDS_COUNT: Final = 1_024  # read at once for an export
RESUME_GROUNDS_COUNT: Final = 100_000  # ids looked up when an import starts: 3 MB

Line = str | bytes


@dataclass(slots=True)
class Report:
    """What became of a file. `accepted` includes void records, and lines of earlier files that
    waited for this one; `deferred` counts all lines that wait on disk in the end."""

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    void: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])
    deferred: int = 0
    size_bytes: int = 0  # of the lines read so far: for a progress bar

    def add(self, outcome: Outcome) -> None:
        """Count a chunk."""
        self.accepted += outcome.accepted
        self.duplicate += outcome.duplicate
        self.void += outcome.void
        self.rejected.update(outcome.rejected)

    def as_json(self) -> dict[str, int | dict[str, int]]:
        """The object that `import --json` prints."""
        return {
            "read": self.read,
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "void": self.void,
            "rejected": dict(sorted(self.rejected.items())),
            "deferred": self.deferred,
        }


Progress = Callable[[Report], None]


def export_lines(core: Core) -> Iterator[str]:
    """First line, then a line a record held now, in order of arrival: what each stands on is before
    it. Lines have no line ends."""
    yield portable.encode_head(core.community, core.home.genesis.read_bytes())
    end, last = core.reader.next_number(), -1
    while page := core.reader.records_after(last, PAGE_RECORDS_COUNT):
        for number, raw in page:
            if number >= end:
                return
            yield portable.encode_line(raw)
        last = page[-1][0]


def export_file(core: Core, path: Path, progress: Callable[[int], None] = lambda n: None) -> int:
    """Write an export file for its owner alone; returns the number of records.

    Raises LocalFault file-exists, home-not-writable, StorageFault.
    """
    if path.exists():
        raise LocalFault("file-exists", path=str(path))
    temporary = path.with_name(f"{path.name}.part")
    count = -1  # the first line is no record
    try:
        create_private(temporary)
        with temporary.open("w", encoding="ascii", newline="\n") as file:
            file.truncate()
            for line in export_lines(core):
                file.write(line + "\n")
                count += 1
                if count % PAGE_RECORDS_COUNT == 0:
                    progress(count)
        publish(temporary, path)
    except OSError as problem:
        raise LocalFault("home-not-writable", str(problem), path=str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)
    progress(count)
    return count


def read_lines(path: Path) -> Iterator[bytes]:
    """Lines of a file, of bounded length: what is longer is cut, and refused when it is decoded.

    Raises LocalFault file-missing, file-unreadable.
    """
    most = EXPORT_HEAD_MAX_BYTES + 2  # the longest line, and one byte that shows it is too long
    try:
        with path.open("rb") as file:
            while line := file.readline(most):
                rest = line
                while len(rest) == most and not rest.endswith(b"\n"):
                    rest = file.readline(most)
                yield line
    except FileNotFoundError:
        raise LocalFault("file-missing", path=str(path)) from None
    except OSError as problem:
        raise LocalFault("file-unreadable", str(problem), path=str(path)) from None


def core_from_export(home: Home, first_line: Line, *, clock: Clock = now_ms) -> Core:
    """A new home without a member, of the community that a file's first line tells of.

    Raises LocalFault file-format (no genesis document, or none that is one), version, home-exists.
    """
    document = genesis_of(first_line)
    if document is None:
        raise LocalFault("file-format", path="")
    return keyless_core(home, document, clock=clock)


def genesis_of(first_line: Line, name: str = "") -> bytes | None:
    """The genesis document in a file's first line, None where it has none. Raises as above."""
    try:
        return portable.decode_genesis(first_line)
    except RemoteFault as fault:
        raise _head_fault(fault, name) from None


def _head_fault(fault: RemoteFault, name: str) -> LocalFault:
    if fault.code == Reject.VERSION:
        return LocalFault(fault.code, fault.detail)
    return LocalFault("file-format", fault.code, path=name)


async def import_lines(
    core: Core,
    intake: Intake,
    lines: Iterable[Line],
    progress: Progress = lambda report: None,
    *,
    name: str = "",
) -> Report:
    """Admit the records of an export; `name` is what errors call the file.

    Raises LocalFault file-format, version, other-community before anything is stored, and
    StorageFault; what was committed before that stays.
    """
    source = iter(lines)
    first = await trio.to_thread.run_sync(next, source, b"")  # it may have to wait for a client
    try:
        community = portable.decode_head(first)
    except RemoteFault as fault:
        raise _head_fault(fault, name) from None
    if community not in (None, core.community):
        raise LocalFault("other-community")
    report = Report(size_bytes=len(first))
    await _resume(core, intake, report)
    await _Importer(intake, source, report, progress).run()
    report.deferred = core.reader.deferred.count()
    note_met(core)
    progress(report)
    return report


async def _resume(core: Core, intake: Intake, report: Report) -> None:
    """Take up what an import that was interrupted left waiting for something that is held."""
    with core.reading() as reader:
        waited = reader.deferred.missing(RESUME_GROUNDS_COUNT)
        grounds = [ground for ground in waited if lanes.ENTRY.has(reader, ground)]
    outcome = Outcome()
    await intake.resume(grounds, outcome)
    report.add(outcome)


@dataclass(slots=True)
class _Chunk:
    """Some lines: how many, how long, those that are not blank, and what was found in them."""

    lines: int = 0
    read: int = 0  # blank lines are none
    size_bytes: int = 0
    texts: list[bytes] = field(default_factory=list[bytes])
    found: list[Verified] = field(default_factory=list[Verified])
    verified: trio.Event = field(default_factory=trio.Event)


_Begun = tuple[_Chunk, Outcome, Begun]
"""A chunk that the writer has, and what becomes of it."""


def _bytes(line: Line) -> bytes:
    """A line as bytes; what is no text stays none, and is refused when it is decoded."""
    return line if isinstance(line, bytes) else line.encode(errors="surrogatepass")


class _Importer:
    """Reads and verifies chunks while the writer stores those before them."""

    def __init__(
        self, intake: Intake, lines: Iterator[Line], report: Report, progress: Progress
    ) -> None:
        self._intake = intake
        self._lines = lines
        self._report = report
        self._progress = progress
        self._fault: WetalkError | None = None

    async def run(self) -> None:
        """Import everything. Raises what stopped it."""
        send, receive = trio.open_memory_channel[_Chunk](CHUNKS_AHEAD_COUNT)
        begun_send, begun = trio.open_memory_channel[_Begun](0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._feed, send, nursery)
            nursery.start_soon(self._begin, receive, begun_send, nursery.cancel_scope)
            try:
                async for chunk, outcome, job in begun:
                    await self._intake.finish(job)
                    self._note(chunk, outcome)
            except WetalkError as fault:
                self._stop(fault, nursery.cancel_scope)
        if self._fault is not None:
            raise self._fault

    def _stop(self, fault: WetalkError, scope: trio.CancelScope) -> None:
        self._fault = self._fault or fault
        scope.cancel()

    async def _feed(self, send: "trio.MemorySendChannel[_Chunk]", nursery: trio.Nursery) -> None:
        async with send:
            try:
                while (chunk := await trio.to_thread.run_sync(self._next)).lines:
                    nursery.start_soon(self._verify, chunk, nursery.cancel_scope)
                    await send.send(chunk)
            except WetalkError as fault:
                self._stop(fault, nursery.cancel_scope)

    async def _verify(self, chunk: _Chunk, scope: trio.CancelScope) -> None:
        """The next chunk begins before this one is done: no verifier waits for another."""
        try:
            chunk.found = await self._intake.verified_lines(chunk.texts)
        except WetalkError as fault:
            self._stop(fault, scope)
        chunk.texts.clear()
        chunk.verified.set()

    def _next(self) -> _Chunk:
        """The next lines."""
        chunk = _Chunk()
        for line in islice(self._lines, CHUNK_LINES_COUNT):
            chunk.lines += 1
            chunk.size_bytes += len(line)
            if not line.strip():
                continue
            chunk.read += 1
            chunk.texts.append(_bytes(line))
        return chunk

    async def _begin(
        self,
        chunks: "trio.MemoryReceiveChannel[_Chunk]",
        send: "trio.MemorySendChannel[_Begun]",
        scope: trio.CancelScope,
    ) -> None:
        """Hand verified chunks to the writer, two at a time: it goes on with the second one while
        the end of the first is told."""
        async with send:
            try:
                async for chunk in chunks:
                    await chunk.verified.wait()
                    outcome = Outcome()
                    job = self._intake.begin(chunk.found, outcome)
                    try:
                        await send.send((chunk, outcome, job))
                    except trio.Cancelled:
                        job.future.cancel()  # unless it has started
                        raise
            except WetalkError as fault:
                self._stop(fault, scope)

    def _note(self, chunk: _Chunk, outcome: Outcome) -> None:
        self._report.read += chunk.read
        self._report.size_bytes += chunk.size_bytes
        self._report.add(outcome)
        self._progress(self._report)
