"""The primitives that bound the figures, measured once a run: what the bare library calls reach.

Signatures and inserts over records of the corpus; streams between two processes on loopback.
"""

from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import primitives, workloads
from bench.ingest import machine
from node.protocol import portable
from node.services.homes.portability import read_lines


def run() -> dict[str, Any]:
    """Rates a second; MB (10^6 bytes) a second for streams."""
    with TemporaryDirectory(prefix="wetalk-bounds-") as name:
        path = Path(name) / "corpus.jsonl"
        workloads.write_corpus(path, count=2 * primitives.VERIFY_RECORDS_COUNT)
        lines = read_lines(path)
        community = portable.decode_head(next(lines))
        assert community is not None
        some = islice(lines, primitives.VERIFY_RECORDS_COUNT)
        bare: dict[str, Any] = primitives.measure([*map(portable.decode_line, some)], community)
    streams = getattr(primitives, "stream_mb_per_s", None)
    if streams is not None:
        bare |= streams()
    return {"bench": "primitives", **bare, "machine": machine()}
