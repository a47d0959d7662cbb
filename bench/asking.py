"""A client that costs little: prepared requests on kept-alive connections.

What is measured is the node, so the bytes of a request are made beforehand, and of an answer only
the status, the length and the body are looked at. Any other client is slower.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

CHUNK_BYTES: Final = 262_144
ANSWER_MAX_S: Final = 30.0


class Connection:
    """One kept-alive connection to the API of a node."""

    def __init__(self, home: Path) -> None:
        told = json.loads((home / "api.json").read_text(encoding="utf-8"))
        address = urlsplit(told["url"])
        self._host = address.netloc
        self._address = (address.hostname, address.port)
        self._token = (home / "token").read_text(encoding="ascii").strip()
        self._socket = self._open()

    def _open(self) -> socket.socket:
        opened = socket.create_connection(self._address, ANSWER_MAX_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def request(self, method: str, target: str, body: Any = None, key: str | None = None) -> bytes:
        """The bytes of a request, for `ask`. `target`: below `/v1`, escaped."""
        lines = [f"{method} /v1{target} HTTP/1.1", f"Host: {self._host}"]
        lines.append(f"Authorization: Bearer {self._token}")
        data = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        if key is not None:
            lines.append(f"Idempotency-Key: {key}")
        return "\r\n".join([*lines, "", ""]).encode() + data

    def ask(self, request: bytes) -> bytes:
        """The body of the answer. Raises RuntimeError for one that is no success."""
        self._socket.sendall(request)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        head, body = data[:end].lower(), data[end + 4 :]
        status = int(head[9:12])
        length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        if not length:
            raise RuntimeError(f"an answer without a length: {head!r}")
        parts, left = [body], int(length) - len(body)
        while left > 0:
            parts.append(self._more())
            left -= len(parts[-1])
        answer = b"".join(parts)
        if b"connection: close" in head:  # hypercorn ends a connection after a thousand requests
            self._socket.close()
            self._socket = self._open()
        if status >= 300:
            raise RuntimeError(f"{status}: {answer[:200]!r}")
        return answer

    def _more(self) -> bytes:
        data = self._socket.recv(CHUNK_BYTES)
        if not data:
            raise RuntimeError("the node closed the connection")
        return data

    def close(self) -> None:
        """Close it."""
        self._socket.close()


def in_parallel(
    home: Path, connections: int, count: int, make: Callable[[Connection, int], bytes]
) -> tuple[float, list[float]]:
    """(requests a second, ms of every request) of `count` requests over so many connections.

    `make` gives the bytes of a request by the connection and its number.
    """
    links = [Connection(home) for _ in range(connections)]
    share = count // connections
    prepared = [
        [make(link, place * share + number) for number in range(share)]
        for place, link in enumerate(links)
    ]
    times: list[list[float]] = [[] for _ in links]
    faults: list[BaseException] = []
    threads = [
        threading.Thread(target=_ask_all, args=(*one, faults))
        for one in zip(links, prepared, times, strict=True)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    for link in links:
        link.close()
    if faults:
        raise faults[0]
    return share * connections / seconds, [one for found in times for one in found]


def _ask_all(
    link: Connection, requests: Sequence[bytes], times: list[float], faults: list[BaseException]
) -> None:
    try:
        for request in requests:
            began = time.perf_counter()
            link.ask(request)
            times.append((time.perf_counter() - began) * 1_000)
    except (OSError, RuntimeError) as fault:
        faults.append(fault)
