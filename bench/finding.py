"""Text search over 100,000 listings, and what the search index costs.

The documents of the search measurement are given to the index directly: made-up listings with texts
of about 400 bytes in three languages, into which Korean words of two syllables are planted, so that
about 1 % and about 20 % of all listings have them. What the index costs is measured on the fixed
corpus, through the follower, as the program does it.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench import stages, words, workloads
from bench.measure import figure, percentile, progress, times_ms
from node.protocol.account import CREDIT
from node.services.core import open_core
from node.services.homes.portability import genesis_of, read_lines
from node.storage.documents import Document, document_of
from node.storage.home import Home
from node.storage.query import SearchQuery, SearchReader
from node.storage.reader import SqliteReader
from node.storage.search import SearchIndex

DOCUMENTS_COUNT: Final = 100_000
CORPUS_COUNT: Final = workloads.CORPUS_RECORDS_COUNT
BATCH_COUNT: Final = 500
PAGE_COUNT: Final = 50
CALLS_COUNT: Final = 10  # of a round, for each word
PLANTED: Final = {1: ("꽃게", "누룩", "보리"), 20: ("호박", "들깨", "수박")}
"""Words by the percentage of listings that have them; no workload has them."""


def search(folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """Medians over all words of a share, in ms; what was found is counted, too."""
    progress(f"query: {count} documents")
    path = folder / "search.db"
    filled = _fill(path, count)
    found: dict[str, Any] = {"documents": count, **filled}
    reader = SearchReader(path)
    try:
        progress("query: text search")
        for share, planted in PLANTED.items():
            found[f"words_{share}_percent"] = _of_words(reader, planted, count, rounds)
    finally:
        reader.close()
    return found


def _of_words(
    reader: SearchReader, planted: tuple[str, ...], count: int, rounds: int
) -> dict[str, Any]:
    def ask(word: str, *, newest: bool) -> int:
        query = SearchQuery(word, newest=newest, now_ms=workloads.START_MS, limit=PAGE_COUNT)
        return len(reader.query(query).hits)

    def rounds_of(name: str, *, newest: bool) -> dict[str, Any]:
        return figure(name, [
            percentile(
                [
                    ms
                    for word in planted
                    for ms in times_ms(lambda word=word: ask(word, newest=newest), CALLS_COUNT)
                ],
                0.5,
            )
            for _ in range(rounds)
        ])  # fmt: skip

    shares = [_matching(reader, word) / count for word in planted]
    return {
        "words": list(planted),
        "share_of_listings": [round(share, 4) for share in shares],
        "shown": ask(planted[0], newest=False),
        **rounds_of("by_rank_ms", newest=False),
        **rounds_of("newest_ms", newest=True),
    }


def _matching(reader: SearchReader, word: str) -> int:
    """How many documents have a word: pages until the last."""
    query, count = SearchQuery(word, newest=True, limit=100), 0
    while True:
        page = reader.query(query)
        count += len(page.hits)
        if page.cursor is None:
            return count
        query = SearchQuery(word, newest=True, limit=100, cursor=page.cursor)


def _fill(path: Path, count: int) -> dict[str, Any]:
    index = SearchIndex.open(path, b"bench", count)
    cpu_s, text_bytes, seen = 0.0, 0, 0
    try:
        batch: list[Document] = []
        for document in _documents(count):
            batch.append(document)
            text_bytes += len(document.text.encode())
            if len(batch) == BATCH_COUNT:
                seen += len(batch)
                cpu_s += _take(index, batch, seen)
                batch = []
        cpu_s += _take(index, batch, seen + len(batch))
    finally:
        index.close()
    return {
        "cpu_us_per_document": round(cpu_s / count * 1e6, 1),
        "index_bytes_per_text_byte": round(path.stat().st_size / text_bytes, 3),
    }


def _take(index: SearchIndex, batch: list[Document], seen: int) -> float:
    """CPU seconds that the index needed for some documents."""
    began = time.thread_time()
    index.take([(document.id, document) for document in batch], seen)
    return time.thread_time() - began


def _documents(count: int) -> Iterator[Document]:
    """Listings, the same every time."""
    chance = random.Random("wetalk finding")
    for number in range(count):
        language = words.pick_language(chance)
        text = words.text(chance, language)
        for share, planted in PLANTED.items():
            for word in planted:
                if chance.random() < share / 100:
                    text = _planted(chance, text, word)
        tags = " ".join(sorted({words.words(chance, language, 1) for _ in range(3)}))
        title = words.words(chance, language, 4)
        yield Document(
            id=chance.randbytes(32),
            kind="listing",
            listing_kind=chance.choice(workloads.KINDS),
            room=None,
            language=language,
            region=chance.choice(workloads.REGIONS),
            unit=CREDIT,
            amount=chance.randrange(100, 50_000) * 10_000,
            time=workloads.START_MS + number,
            until=workloads.START_MS + chance.randrange(1, 90) * 86_400_000,
            text="\n".join((title, text, tags)),
        )


def _planted(chance: random.Random, text: str, word: str) -> str:
    """A text with one more word, somewhere between two others."""
    gaps = [place for place, letter in enumerate(text) if letter in " 。"] or [len(text)]
    place = chance.choice(gaps)
    return f"{text[:place]} {word} {text[place:].lstrip()}"


def index(folder: Path, count: int) -> dict[str, Any]:
    """The index of the fixed corpus: how long it lags behind an import, CPU microseconds a
    document, bytes beside those of the raw records."""
    progress(f"query: the index of {count} records")
    path, home = folder / "corpus.jsonl", folder / "corpus"
    workloads.write_corpus(path, count=count)
    lines = read_lines(path)
    first = next(lines)
    document = genesis_of(first)
    assert document is not None
    stages.make_member(home, document)
    taken = stages.fill(home, stages.again(first, lines))
    core = open_core(Home(home))
    try:
        raw = stages.raw_bytes(core)
        with core.reading() as reader:
            began = time.thread_time()
            found = [(record, document_of(reader, record)) for record in _touched(reader, count)]
            read_s = time.thread_time() - began
    finally:
        core.close()
    size = Home(home).search.stat().st_size
    take_s = _take_all(folder / "again.db", found)
    return {
        "records": taken.records,
        "documents": len(found),
        "import_s": round(taken.seconds, 2),
        "drain_s": round(taken.drain_s, 2),
        "read_cpu_us_per_document": round(read_s / len(found) * 1e6, 1),
        "take_cpu_us_per_document": round(take_s / len(found) * 1e6, 1),
        "index_bytes_per_record": round(size / taken.records),
        "raw_bytes_per_record": round(raw / taken.records),
        "share_of_raw": round(size / raw, 3),
    }


def _touched(reader: SqliteReader, count: int) -> Iterator[bytes]:
    """Ids of all that the follower has looked at."""
    for _, entry in reader.touched.after(0, 10 * count):
        record = reader.id_at(entry) if isinstance(entry, int) else entry
        if record is not None:
            yield record


def _take_all(path: Path, found: list[tuple[bytes, Document | None]]) -> float:
    """CPU seconds of a fresh index for all documents."""
    fresh = SearchIndex.open(path, b"bench", len(found))
    began = time.thread_time()
    try:
        for start in range(0, len(found), BATCH_COUNT):
            fresh.take(found[start : start + BATCH_COUNT], start)
        return time.thread_time() - began
    finally:
        fresh.close()
