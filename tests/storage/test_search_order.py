"""The index keeps no text, and still answers as one that does: tokens, ranks, revisions, order."""

import random
import re
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.limits import SEARCH_WORD_MAX_CHARACTERS
from node.storage import tokens
from node.storage.documents import Document
from node.storage.query import PriceCap, SearchQuery, SearchReader
from node.storage.search import SearchIndex
from node.storage.tokens import query_match, tokens_of

CJK = tokens._CJK
RUN = re.compile(f"[{CJK}]+|[^\\W_{CJK}]+")
VOCABULARY = (
    *("사과", "사과나무", "사과밭", "배", "배추", "김치", "김", "자전거", "전기자전거를", "나눔"),
    *("苹果", "苹果园招工", "自行车", "二手自行车转让", "合作社", "bread", "breadboard", "Brot"),
    *("café", "LED전등", "iPhone15", "abc中文"),
)


def plain_tokens(text: str) -> tuple[Counter[str], Counter[str]]:
    """Words and wholes as the rules say, one step after the other."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    bare = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFD", plain))
    words, wholes = Counter[str](), Counter[str]()
    for run in RUN.findall(unicodedata.normalize("NFC", bare)):
        if re.match(f"[{CJK}]", run) is None:
            words[run] += 1
            continue
        words.update([*(run[at : at + 2] for at in range(len(run) - 1)), run[-1]])
        if len(run) <= SEARCH_WORD_MAX_CHARACTERS:
            wholes[run] += 1
    return words, wholes


ANY = st.characters(codec="utf-8", max_codepoint=0x2FFFF)
ODD = st.sampled_from(
    "가나다 라마，。!？ＡＢ\u3000\u0301éÉßİıΣς㈱ﬁｶﾞカ\u3099ガ中文字\u115f\u1161\u11abn_-'\n7①½𠮷"
)


@given(st.text(st.one_of(ANY, ODD), max_size=60))
def test_tokens_are_those_of_the_rules(text: str) -> None:
    words, wholes = plain_tokens(text)
    for _ in range(2):  # the second time they may be kept ones
        made = tokens_of(text)
        assert Counter(made.words.split()) == words
        assert Counter(made.wholes.split()) == wholes
        assert made.size == words.total() + wholes.total()
        assert made.words.count(" ") == words.total()


def test_few_tokens_are_kept_and_none_after_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "KEPT_MAX_COUNT", 10)
    for number in range(95):
        tokens_of(f"말{number} " + "가나다라" * 20)
        assert len(tokens._kept) <= 10
    tokens.forget()
    assert len(tokens._kept) == 0


def some_text(chance: random.Random) -> str:
    return " ".join(chance.choices(VOCABULARY, k=chance.randrange(1, 12)))


def document(chance: random.Random, number: int) -> Document:
    listing = chance.random() < 0.5
    return Document(
        id=random.Random(f"id {number}").randbytes(32),
        kind="listing" if listing else "post",
        listing_kind=chance.choice(("goods", "gift")) if listing else None,
        room=None if listing else chance.choice(("well", "kitchen")),
        language=chance.choice(("ko", "zh", None)),
        region=chance.choice(("KR-11", "KR", "KRX", None)) if listing else None,
        unit=chance.choice(("credit", "", None)) if listing else None,
        amount=chance.randrange(100) if listing else None,
        time=number,
        until=chance.choice((None, 10, 20)) if listing else None,
        text=some_text(chance),
    )


QUERIES = (
    *(SearchQuery(word) for word in (*VOCABULARY, "사", "과밭", "b", "자전거 나눔", "배 bread")),
    SearchQuery("사과", kind="post"),
    SearchQuery("사과", listing_kind="gift", region="KR"),
    SearchQuery("自行车", room="well", language="zh"),
    SearchQuery("bread", max_price=PriceCap("credit", 50, 6), now_ms=15),
    SearchQuery("", kind="listing"),
)


def answers(path: Path, *, newest: bool) -> list[list[bytes]]:
    """All hits of all queries, page after page."""
    reader, found = SearchReader(path), list[list[bytes]]()
    for query in QUERIES:
        hits: list[bytes] = []
        asked: SearchQuery | None = replace(query, newest=newest, limit=7)
        while asked is not None:
            page = reader.query(asked)
            hits += [hit.id for hit in page.hits]
            asked = None if page.cursor is None else replace(asked, cursor=page.cursor)
        found.append(hits)
    reader.close()
    return found


class Written:
    """An index that saw a history of changes, and what is left of it in order of arrival."""

    def __init__(self, folder: Path, seed: int) -> None:
        chance = random.Random(seed)
        self.path = folder / "changed.db"
        self.live: dict[bytes, Document] = {}
        self.index = SearchIndex.open(self.path, b"database", 10**6)
        count = 0
        for step in range(30):
            found: dict[bytes, Document | None] = {}
            for _ in range(chance.randrange(1, 9)):
                count += 1
                new = document(chance, count)
                found[new.id] = new
            for record in chance.sample(sorted(self.live), min(3, len(self.live))):
                old, change = self.live[record], chance.randrange(4)
                found[record] = (
                    None if change == 0
                    else replace(old, until=30) if change == 1
                    else replace(old, text=some_text(chance))
                )  # fmt: skip
            self.index.take(found.items(), step)
            for record, now in found.items():
                if now is None:
                    self.live.pop(record, None)
                else:
                    self.live[record] = now

    def fresh(self, folder: Path) -> Path:
        """An index of what is left alone."""
        path = folder / "fresh.db"
        index = SearchIndex.open(path, b"database", 10**6)
        index.take(self.live.items(), 0)
        index.close()
        return path


@pytest.fixture(params=range(4))
def written(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Written]:
    made = Written(tmp_path, request.param)
    yield made
    made.index.close()


@pytest.mark.parametrize("stale_most", [1, 1_000])
def test_after_any_changes_the_answers_are_those_of_a_fresh_index(
    tmp_path: Path, stale_most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.storage.search.SEARCH_STALE_MAX_COUNT", stale_most)
    monkeypatch.setattr("node.storage.search.STALE_LEAST_COUNT", stale_most)
    for seed in range(4):
        folder = tmp_path / str(seed)
        folder.mkdir()
        written = Written(folder, seed)
        fresh = written.fresh(folder)
        assert answers(written.path, newest=True) == answers(fresh, newest=True)
        by_rank = answers(written.path, newest=False), answers(fresh, newest=False)
        assert [set(hits) for hits in by_rank[0]] == [set(hits) for hits in by_rank[1]]
        if stale_most == 1:  # nothing is out of order, so nothing counts twice
            assert by_rank[0] == by_rank[1]
        assert written.index.count() == len(written.live)
        written.index.close()


def numbers(data: bytes) -> list[int]:
    """SQLite's numbers of variable length, as FTS5 writes its sums."""
    found, number = list[int](), 0
    for byte in data:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            found.append(number)
            number = 0
    return found


def test_what_is_put_in_order_has_no_token_too_many(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.storage.search.SEARCH_STALE_MAX_COUNT", 1)
    last = next(reversed(written.live))
    written.index.take([(last, None)], 99)
    del written.live[last]
    connection = written.index._connection
    for table in ("words", "wholes"):
        connection.execute(
            f"CREATE VIRTUAL TABLE temp.{table}_there USING fts5vocab (main, {table}, instance)"
        )
        there = connection.execute(f"SELECT doc, term FROM {table}_there").fetchall()
        texts = connection.execute("SELECT number, id FROM documents").fetchall()
        made = [(n, tokens_of(written.live[record].text)) for n, record in texts]
        given = [(n, t) for n, one in made for t in getattr(one, table).split()]
        if table == "wholes":
            there, given = sorted(set(there)), sorted(set(given))
        assert Counter(there) == Counter(given)
    for table in ("gone", "revised", "revised_wholes"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    marks = dict(connection.execute("SELECT name, value FROM marks").fetchall())
    assert marks["inserted"] == marks["live"] == len(written.live)
    assert marks["live_size"] == sum(tokens_of(d.text).size for d in written.live.values())
    averages = connection.execute("SELECT block FROM words_data WHERE id = 1").fetchone()[0]
    assert [marks["inserted"], marks["inserted_size"]] == numbers(averages)
    names = {row[0] for row in connection.execute("SELECT name FROM names")}
    assert names <= {"goods", "gift", "well", "kitchen", "ko", "zh", "KR-11", "KR", "KRX"} | {
        "credit",
        "",
    }


def test_ranks_are_those_of_bm25_over_all_tokens(tmp_path: Path) -> None:
    chance = random.Random("ranks")
    texts = [f"{some_text(chance)} {'김장 ' * chance.randrange(4)}" for _ in range(90)]
    whole = sqlite3.connect(":memory:")
    whole.execute("CREATE VIRTUAL TABLE words USING fts5 (text, tokenize='ascii')")
    index = SearchIndex.open(tmp_path / "search.db", b"database", 0)
    for number, text in enumerate(texts, start=1):
        record = number.to_bytes(32, "big")
        post = Document(record, "post", None, "r", None, None, None, None, 0, None, text)
        index.take([(record, post)], 0)
        made = tokens_of(text)
        marked = " ".join(f"\ue000{one}" for one in made.wholes.split())
        whole.execute("INSERT INTO words VALUES (?)", (f"{made.words} {marked}",))
    reader = SearchReader(tmp_path / "search.db")
    for words in ("사과", "김장", "bread", "자전거 나눔", "배 苹果"):
        match = query_match(words)
        assert match is not None
        ranks = "SELECT rowid, rank FROM words WHERE words MATCH ?"
        expected = dict(whole.execute(ranks, (match.part,)).fetchall())
        page = reader.query(SearchQuery(words, limit=100))
        hits = [int.from_bytes(hit.id, "big") for hit in page.hits]
        assert set(hits) == set(expected)
        tier = [n for n in hits if set(words.split()) <= set(texts[n - 1].split())]
        assert hits[: len(tier)] == tier  # the exact ones are first
        for part in (tier, hits[len(tier) :]):
            scores = [expected[number] for number in part]
            assert scores == pytest.approx(sorted(scores), rel=1e-12)
    reader.close()
    index.close()
    whole.close()


def test_free_pages_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.storage.search.SPARE_PAGES_COUNT", 1)
    monkeypatch.setattr("node.storage.search.SEARCH_STALE_MAX_COUNT", 1)
    path = tmp_path / "search.db"
    index = SearchIndex.open(path, b"database", 0)
    chance = random.Random("pages")
    documents = [document(chance, number) for number in range(1, 2_000)]
    index.take([(one.id, one) for one in documents], 0)
    index.take([(one.id, None) for one in documents], 0)
    pages = index._execute("PRAGMA page_count").fetchone()[0]
    index.tidy()
    assert index._execute("PRAGMA page_count").fetchone()[0] < pages / 2
    assert index._execute("PRAGMA freelist_count").fetchone()[0] == 0
    index.close()
