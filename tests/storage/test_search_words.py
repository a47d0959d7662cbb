"""All that has the words is found, in Korean, Chinese and English, and exact words come first."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.storage.documents import Document
from node.storage.query import SearchQuery, SearchReader
from node.storage.search import WORDS_TABLE, SearchIndex
from node.storage.tokens import index_tokens, query_match

CORPUS = (
    # Korean: particles are glued to words, words to words.
    "봄나물을 캐러 같이 가실 분 계신가요? 토요일 아침 여덟 시",  # 0
    "고장 난 선풍기를 고쳐 드립니다. 부품값만 받아요",  # 1
    "한국어와 중국어를 서로 가르쳐 주는 모임이에요",  # 2
    "할머니 손맛 된장, 한 통에 만 오천 원",  # 3
    "아이돌봄 품앗이를 시작하려고 해요",  # 4
    "유모차 빌려 드려요. 깨끗이 써 주세요",  # 5
    "전기자전거를 팔아요, 배터리는 새것",  # 6
    "병원에 같이 가 주실 분을 찾습니다",  # 7
    "김장 김치 나눔합니다. 김치통을 가져오세요",  # 8
    "LED전등 3개 교체, iPhone15 충전기도 있음",  # 9
    # Chinese, simplified and traditional, without spaces.
    "出租温馨小屋，靠近地铁站，月租可以用积分支付",  # 10
    "免费赠送婴儿衣服和玩具，需要的邻居请联系我",  # 11
    "修理手机屏幕与笔记本电脑",  # 12
    "周末一起包饺子，老人小孩都欢迎",  # 13
    "代購韓國化妝品，每週四出發",  # 14
    "教太極拳，清晨六點在公園集合",  # 15
    "二手自行车转让，九成新",  # 16
    "合作社分红说明会改到星期三",  # 17
    "𠮷野家的兼職工作介紹",  # 18
    # English, with its endings, accents and hyphens.
    "Sourdough bread, baked every Friday morning",  # 19
    "Looking for somebody to repair an old radio",  # 20
    "Résumé writing help for job seekers",  # 21
    "Pick-up point for parcels near the co-operative",  # 22
    "Used baby stroller, folds flat, two small wheels",  # 23
    "English-Korean conversation over coffee (커피 모임)",  # 24
    "FULL WIDTH ＡＢＣ letters and ｶﾀｶﾅ words",  # 25
    "Breadmaker for rent by the day",  # 26
    "Straße 5, Ecke Görlitzer Straße: Fahrradwerkstatt",  # 27
)
QUERIES: tuple[tuple[str, set[int]], ...] = (
    ("봄나물", {0}),
    ("나물", {0}),
    ("토요일 나물", {0}),
    ("선풍기", {1}),
    ("부품", {1}),
    ("모임", {2, 24}),
    ("중국어", {2}),
    ("된장", {3}),
    ("돌봄", {4}),
    ("품앗이", {4}),
    ("유모차", {5}),
    ("자전거", {6}),
    ("병원", {7}),
    ("분", {0, 7}),
    ("김치", {8}),
    ("김", {8}),
    ("전등", {9}),
    ("iphone", {9}),
    ("3개", {9}),
    ("LED전등", {9}),
    ("지하철", set()),
    ("地铁", {10}),
    ("温馨小屋", {10}),
    ("积分 月租", {10}),
    ("玩具", {11}),
    ("邻居", {11}),
    ("手机", {12}),
    ("电脑 修理", {12}),
    ("饺子", {13}),
    ("老人", {13}),
    ("韓國", {14}),
    ("化妝品", {14}),
    ("太極拳", {15}),
    ("公園", {15}),
    ("自行车", {16}),
    ("车", {16}),
    ("合作社", {17}),
    ("星期三", {17}),
    ("𠮷野家", {18}),
    ("bread", {19, 26}),
    ("BREAD friday", {19}),
    ("repair", {20}),
    ("radio old", {20}),
    ("resume", {21}),
    ("RÉSUMÉ", {21}),
    ("co-op", {22}),
    ("pick up", {22}),
    ("wheel", {23}),
    ("stroll", {23}),
    ("coffee 커피", {24}),
    ("korean", {24}),
    ("abc", {25}),
    ("カタカナ", {25}),
    ("strasse", {27}),
    ("gorlitz", {27}),
    ("read", set()),  # English words are found by their beginning only
)


def plain(number: int, text: str) -> Document:
    record = number.to_bytes(32, "big")
    return Document(record, "post", None, "room", None, None, None, None, number, None, text)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("search") / "search.db"
    opened = SearchIndex.open(path, b"database", 0)
    documents = [plain(number, text) for number, text in enumerate(CORPUS)]
    opened.take([(one.id, one) for one in documents], 0)
    yield path
    opened.close()


@pytest.fixture
def reader(index: Path) -> Iterator[SearchReader]:
    opened = SearchReader(index)
    yield opened
    opened.close()


def found(reader: SearchReader, words: str, *, newest: bool = False) -> list[int]:
    page = reader.query(SearchQuery(words, newest=newest, limit=100))
    return [int.from_bytes(hit.id, "big") for hit in page.hits]


@pytest.mark.parametrize("newest", [False, True])
def test_all_that_has_the_words_is_found_and_nothing_else(
    reader: SearchReader, newest: bool
) -> None:
    wrong = {
        words: (expected, hits)
        for words, expected in QUERIES
        if (hits := set(found(reader, words, newest=newest))) != expected
    }
    assert wrong == {}
    assert len(QUERIES) >= 50


def test_exact_words_come_before_parts_of_words(reader: SearchReader) -> None:
    assert found(reader, "bread") == [19, 26]
    assert found(reader, "bread", newest=True) == [26, 19]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (("사과나무를 심어요 사과밭에", "사과 팔아요"), "사과"),
        (("苹果园招工,苹果树苗", "新鲜 苹果 一箱"), "苹果"),
        (("집들이 집밥 우리집", "집 구해요"), "집"),
        (("bakery bakers baking", "bake bread"), "bake"),
    ],
)
def test_an_exact_word_wins_over_more_parts(
    tmp_path: Path, texts: tuple[str, str], words: str
) -> None:
    opened = SearchIndex.open(tmp_path / "search.db", b"database", 0)
    opened.take([(plain(n, text).id, plain(n, text)) for n, text in enumerate(texts)], 0)
    reader = SearchReader(tmp_path / "search.db")
    order = found(reader, words)
    assert order == [1, 0]
    reader.close()
    opened.close()


@pytest.mark.parametrize("words", ["!?", "—", "...", '"', "*", "\ue000", "́"])
def test_words_without_letters_match_nothing(reader: SearchReader, words: str) -> None:
    assert found(reader, words) == []


@pytest.mark.parametrize(
    "words",
    ['"', 'a" OR "b', "NEAR(a b)", "text:bread", "-bread", "a*b", "' OR 1=1 --", "AND", "(", "\0"],
)
def test_signs_of_the_query_language_are_only_letters(reader: SearchReader, words: str) -> None:
    found(reader, words)  # raises nothing


def test_without_words_the_newest_come_first(reader: SearchReader) -> None:
    assert found(reader, "") == list(reversed(range(len(CORPUS))))
    assert found(reader, "  ") == list(reversed(range(len(CORPUS))))


def found_among(texts: list[str], words: str) -> set[int]:
    """Which of the texts a query finds, in an index of their own."""
    match = query_match(words)
    assert match is not None
    connection = sqlite3.connect(":memory:")
    connection.execute(WORDS_TABLE)
    rows = [(number, index_tokens(text)) for number, text in enumerate(texts)]
    connection.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", rows)
    found = "SELECT rowid FROM words WHERE words MATCH ?"
    part = {row[0] for row in connection.execute(found, (match.part,))}
    if match.exact is not None:
        assert {row[0] for row in connection.execute(found, (match.exact,))} <= part
    connection.close()
    return part


SCRIPTS = st.characters(
    codec="utf-8", categories=["L", "N", "P", "S", "Z"], max_codepoint=0xD7A3
).filter(lambda sign: not 0x0500 <= ord(sign) < 0x0E00 and not 0x1200 <= ord(sign) < 0x3000)


@given(st.text(SCRIPTS, max_size=60))
def test_any_text_is_found_by_its_own_first_words(text: str) -> None:
    if query_match(text) is None:
        assert index_tokens(text) == ""
    else:
        assert found_among([text], text) == {0}


@given(st.text(max_size=300))
def test_no_text_breaks_the_query_language(text: str) -> None:
    if query_match(text) is not None:
        found_among(["bread"], text)


WORDS = st.text(alphabet="가나다라사과苹果树abcé1 ", min_size=1, max_size=12)


@given(st.lists(WORDS, min_size=1, max_size=8), st.data())
def test_any_part_of_a_text_finds_it(texts: list[str], data: st.DataObject) -> None:
    """The promise in general: a run of CJK by any part of it, another word by its beginning."""
    number = data.draw(st.integers(min_value=0, max_value=len(texts) - 1))
    words = texts[number].split()
    runs = [run for run in words if run.isascii() or min(run) >= "一"]
    if runs:
        run = data.draw(st.sampled_from(runs))
        start = 0 if run.isascii() else data.draw(st.integers(0, len(run) - 1))
        part = run[start : start + data.draw(st.integers(1, len(run)))]
        assert number in found_among(texts, part)
