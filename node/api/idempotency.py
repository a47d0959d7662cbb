"""Writes that can be repeated: the same key and request within a day get the same answer.

How: the answer is noted in the very transaction that does the work, by a rider on the writer's
job, so that there is no moment at which the work is done but its key is not known. A repetition
that comes while the first is under way waits for it.

Rules: keys belong to a token, so clients do not share them; another request under a used key is
refused; a failed write leaves nothing behind and may be tried again under its key. Answers that
hold a secret are never kept: those routes do not take part.
"""

import string
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import msgspec
import trio
from starlette.requests import Request
from starlette.responses import Response

from node.api.tokens import Access
from node.protocol import limits
from node.protocol.errors import LocalFault
from node.services.core import Core
from node.storage.kept.access import Answer
from node.storage.state import WriterState
from node.storage.writer import riding

KEPT_MS: Final = limits.IDEMPOTENCY_KEPT_HOURS * 3_600_000
HEADER: Final = "idempotency-key"
REPLAYED: Final = "idempotency-replayed"
_ALLOWED: Final = frozenset(string.ascii_letters + string.digits + "-_.:~+/=")
_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(slots=True)
class _Gate:
    """Requests under one key pass one by one."""

    lock: trio.Lock
    waiting: int = 0


class Idempotency:
    """Answers writes once."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._gates: dict[str, _Gate] = {}

    async def answer(
        self, request: Request, status: int, handle: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """The kept answer to a request, or what `handle` answers, then kept.

        `status` is that of a success. Raises LocalFault `idempotency-conflict`, `request-invalid`.
        """
        given = request.headers.get(HEADER)
        if given is None:
            return await handle(request)
        if not 0 < len(given) <= limits.IDEMPOTENCY_KEY_MAX_CHARACTERS or set(given) - _ALLOWED:
            raise LocalFault("request-invalid", detail="Idempotency-Key")
        access: Access = request.state.access
        key = sha256(access.hash + given.encode()).hexdigest()
        asked = await _fingerprint(request)
        async with self._alone(key):
            kept = self._kept(key)
            if kept is None:
                return await self._handle(request, key, asked, status, handle)
            if kept.request != asked:
                raise LocalFault("idempotency-conflict")
            headers = {REPLAYED: "true", "content-type": "application/json"}
            return Response(kept.response, kept.status, headers)

    def _kept(self, key: str) -> Answer | None:
        kept = self._core.reader.idempotency.get(key)
        if kept is None or kept.created < self._core.clock() - KEPT_MS:
            return None
        return kept

    async def _handle(
        self,
        request: Request,
        key: str,
        asked: bytes,
        status: int,
        handle: Callable[[Request], Awaitable[Response]],
    ) -> Response:
        noted: list[bytes] = []

        def note(state: WriterState, result: Any) -> None:
            """In the transaction that did the work: what the answer will be."""
            if noted:
                return
            now = self._core.clock()
            body = _encode(made(result))
            state.idempotency.trim(now - KEPT_MS)
            state.idempotency.put(key, Answer(asked, status, body, now))
            noted.append(body)

        with riding(note):
            response = await handle(request)
        if response.status_code < 300 and noted != [response.body]:
            final = Answer(asked, response.status_code, bytes(response.body), self._core.clock())
            await self._core.writer.run(lambda state: state.idempotency.amend(key, final))
        return response

    @asynccontextmanager
    async def _alone(self, key: str) -> AsyncGenerator[None]:
        gate = self._gates.setdefault(key, _Gate(trio.Lock()))
        gate.waiting += 1
        try:
            async with gate.lock:
                yield
        finally:
            gate.waiting -= 1
            if gate.waiting == 0:
                del self._gates[key]


def made(result: object) -> dict[str, str]:
    """The answer to a write by what its job returned: the id of what it made, if it made something.

    A publisher's job returns its result and the appender; a list ends with what was asked for.
    """
    if isinstance(result, tuple) and result:
        result = result[0]  # type: ignore[reportUnknownVariableType]
    if isinstance(result, list) and result:
        result = result[-1]  # type: ignore[reportUnknownVariableType]
    return {"id": result.hex()} if isinstance(result, bytes) else {}


async def _fingerprint(request: Request) -> bytes:
    """SHA-256 of all that makes a request what it is."""
    target = f"{request.method} {request.url.path}?{request.url.query}\n"
    return sha256(target.encode() + await request.body()).digest()
