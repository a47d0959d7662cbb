"""Routes about records as files: export and import, line by line, in bounded memory."""

# pyright: reportUnknownMemberType=false
# The stubs of trio that come with libp2p do not know their own types.

import secrets
from collections.abc import AsyncIterator, Iterator
from itertools import chain, islice

import trio
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from node.api.context import Api
from node.api.models.node import BackupIn, ImportReport
from node.api.routing import Route, get, write
from node.api.security import JSON_LINES, OCTETS
from node.protocol.limits import EXPORT_HEAD_MAX_BYTES
from node.services.homes import backups, portability

LINES_AT_ONCE_COUNT = 256
PIECE_BYTES = 65_536


class LineReader:
    """Lines of a body as it arrives. A line that is too long is cut, and refused when decoded."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._kept = b""
        self._lines: list[bytes] = []
        self._ended = False

    async def next(self) -> bytes | None:
        """The next line without its end, or None."""
        while not self._lines and not self._ended:
            await self._more()
        return self._lines.pop() if self._lines else None

    async def _more(self) -> None:
        piece = await anext(self._pieces, None)
        if piece is None:
            self._ended = True
            self._lines = [self._kept] if self._kept else []
            return
        *lines, rest = (self._kept + piece).split(b"\n")
        self._kept = rest[: EXPORT_HEAD_MAX_BYTES + 1]
        self._lines = lines[::-1]

    def from_thread(self) -> Iterator[bytes]:
        """All further lines, for a worker thread."""
        while (line := trio.from_thread.run(self.next)) is not None:
            yield line


class RecordRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def take(self, request: Request) -> ImportReport:
        """Admit the lines of an export file (`application/x-ndjson`), in any order."""
        lines = LineReader(request.stream())
        first = await lines.next()
        report = await portability.import_lines(
            self._api.core,
            self._api.intake,
            chain([] if first is None else [first], lines.from_thread()),
        )
        return ImportReport(**report.as_json())  # type: ignore[arg-type]

    async def give(self) -> Response:
        """All records held, as lines of text: the first names the community."""
        lines = portability.export_lines(self._api.core)

        async def pieces() -> AsyncIterator[bytes]:
            while piece := await trio.to_thread.run_sync(
                lambda: "".join(line + "\n" for line in islice(lines, LINES_AT_ONCE_COUNT))
            ):
                yield piece.encode()

        name = 'attachment; filename="wetalk-records.jsonl"'
        headers = {"content-disposition": name}
        return StreamingResponse(pieces(), media_type=JSON_LINES, headers=headers)

    async def back_up(self, body: BackupIn) -> Response:
        """Everything of this member that is worth keeping, sealed under a password, as a file.

        It never holds a device key; with the 24 words it brings the member back.
        """
        core = self._api.core
        path = core.home.path / f"{secrets.token_hex(8)}.backup"

        def write() -> None:
            with core.reading() as reader:
                document = core.home.genesis.read_bytes()
                backups.write(path, body.password, core.member, document, reader)

        try:
            await trio.to_thread.run_sync(write)
            file = path.open("rb")  # goes on being read when its name is gone
        finally:
            path.unlink(missing_ok=True)

        async def pieces() -> AsyncIterator[bytes]:
            with file:
                while piece := await trio.to_thread.run_sync(file.read, PIECE_BYTES):
                    yield piece

        headers = {"content-disposition": 'attachment; filename="wetalk.backup"'}
        return StreamingResponse(pieces(), media_type=OCTETS, headers=headers)


def routes(api: Api) -> list[Route]:
    """The table."""
    records = RecordRoutes(api)
    return [
        write(
            "POST",
            "/records/import",
            records.take,
            ImportReport,
            "admin",
            once=False,
            takes=JSON_LINES,
        ),
        write("POST", "/backup", records.back_up, None, "admin", once=False, media=OCTETS),
        get("/records/export", records.give, None, media=JSON_LINES),
    ]
