"""The local API: small requests a second through a real node on loopback, one by one and beside
each other.

The node lives in a home of a few hundred records. Each kind of request is asked over one kept-alive
connection and over eight; the client is one that costs little (`bench/asking.py`), but it shares
the machine with the node. A post that is written is signed, judged, folded, and safe on the disk
when its answer comes.
"""

import secrets
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import nodes, stages
from bench.asking import Connection, in_parallel
from bench.ingest import machine
from bench.measure import figure, percentile, progress

LISTINGS_COUNT: Final = 300
REQUESTS_COUNT: Final = 800  # of a round
ROUNDS_COUNT: Final = 3
CONNECTIONS: Final = (1, 8)
ROOM: Final = "마당"
TEXT: Final = "안녕하세요, 이웃 여러분! 오늘 김치를 담갔어요."

Make = Callable[[Connection, int], bytes]
"""The bytes of a request, by its connection and number."""


def run(
    full: bool = False, *, requests: int = REQUESTS_COUNT, rounds: int = ROUNDS_COUNT
) -> dict[str, Any]:
    """Measure; requests a second, and ms of the median and the slowest hundredth. `full`: more."""
    if full:
        requests, rounds = 5 * requests, 2 * rounds
    found: dict[str, Any] = {"bench": "api", "requests": requests}
    with TemporaryDirectory(prefix="wetalk-api-") as name:
        home = Path(name) / "home"
        document, lines = stages.market_lines(LISTINGS_COUNT)
        stages.make_member(home, document)
        stages.fill(home, lines)
        with nodes.running(home) as node:
            listing = next(iter(node.client.listings()))["id"]
            for kind, make in _kinds(listing).items():
                in_parallel(home, 1, 50, make)  # the first ones import and prepare
                for count in CONNECTIONS:
                    progress(f"api: {kind}, {count} at once")
                    done = [in_parallel(home, count, requests, make) for _ in range(rounds)]
                    found[f"{kind}_{count}"] = _summary(done)
    return {**found, "machine": machine()}


def _kinds(listing: str) -> dict[str, Make]:
    def written(link: Connection, number: int) -> bytes:
        body = {"room": ROOM, "text": f"{TEXT} {number}", "language": "ko"}
        return link.request("POST", "/posts", body, key=secrets.token_hex(16))

    return {
        "status": lambda link, number: link.request("GET", "/status"),
        "listing": lambda link, number: link.request("GET", f"/listings/{listing}"),
        "post": written,
    }


def _summary(done: list[tuple[float, list[float]]]) -> dict[str, Any]:
    return {
        **figure("requests_per_s", [rate for rate, _ in done], 1),
        **figure("p50_ms", [percentile(times, 0.5) for _, times in done]),
        **figure("p99_ms", [percentile(times, 0.99) for _, times in done]),
    }
