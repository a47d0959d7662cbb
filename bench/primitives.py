"""What the machine does with the bare library calls: the yardstick beside every measurement.

Rules: the same records as the measurement, in the same minute; medians of several runs.
"""

import sqlite3
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from node.protocol import crypto, record
from node.protocol.record import RawRecord

VERIFY_RECORDS_COUNT = 4_000
INSERT_RECORDS_COUNT = 20_000
INSERT_BATCH_COUNT = 1_000
RUNS_COUNT = 3


def measure(raws: Sequence[RawRecord], community: bytes) -> dict[str, int]:
    """Signatures and inserts a second."""
    some = raws[:VERIFY_RECORDS_COUNT]
    checks = [
        (record.parse_header(raw.header).signer, crypto.record_id(community, raw.header), raw)
        for raw in some
    ]
    many = (raws * (INSERT_RECORDS_COUNT // len(raws) + 1))[:INSERT_RECORDS_COUNT]
    return {
        "verify_per_s_1_thread": _rate(len(some), lambda: _verify(checks)),
        "verify_per_s_2_threads": _rate(len(some), lambda: _verify_twofold(checks)),
        "sqlite_inserts_per_s": _rate(len(many), lambda: _insert(many)),
        "parse_per_s": _rate(len(some), lambda: _parse(some, community)),
    }


def stream_mb_per_s() -> dict[str, float]:
    """MB (10^6 bytes) a second between two processes on loopback: plain TCP, and a libp2p stream
    of the node's own host. Medians."""
    from bench import streams

    ways = {
        "tcp_stream_mb_per_s": streams.tcp_mb_per_s,
        "libp2p_stream_mb_per_s": streams.libp2p_mb_per_s,
    }
    return {
        name: round(statistics.median(way() for _ in range(RUNS_COUNT)), 1)
        for name, way in ways.items()
    }


def _rate(count: int, work: Callable[[], None]) -> int:
    seconds: list[float] = []
    for _ in range(RUNS_COUNT):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return round(count / statistics.median(seconds))


def _verify(checks: Sequence[tuple[bytes, bytes, RawRecord]]) -> None:
    for signer, record_id, raw in checks:
        assert crypto.verify(signer, crypto.record_message(record_id), raw.signature)


def _verify_twofold(checks: Sequence[tuple[bytes, bytes, RawRecord]]) -> None:
    half = len(checks) // 2
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_verify, (checks[:half], checks[half:])))


def _parse(raws: Sequence[RawRecord], community: bytes) -> None:
    for raw in raws:
        record.parse(raw, community)


def _insert(raws: Sequence[RawRecord]) -> None:
    """Plain rows, no index, every batch safe on disk."""
    with TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE records (number INTEGER PRIMARY KEY, h, b, s)")
        for start in range(0, len(raws), INSERT_BATCH_COUNT):
            connection.execute("BEGIN")
            connection.executemany(
                "INSERT INTO records (h, b, s) VALUES (?, ?, ?)",
                raws[start : start + INSERT_BATCH_COUNT],
            )
            connection.execute("COMMIT")
        connection.close()
