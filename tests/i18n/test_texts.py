"""Looking up sentences, choosing a language, writing amounts, and showing what others wrote."""

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.i18n import (
    LANGUAGES,
    amount_text,
    catalogue,
    clean_for_display,
    match_language,
    negotiate_language,
    pick_language,
    placeholders,
    problem_text,
    text,
)


def test_a_sentence_is_filled_in_the_asked_language() -> None:
    assert text("peers.count", "ko", count=3) == "이어진 이웃: 3"
    assert text("peers.count", "zh", count=3) == "已连接的邻居：3"
    assert text("peers.count", "en", count=3) == "Neighbours connected: 3"


def test_an_unknown_language_gets_english() -> None:
    assert text("place.market", "fr") == "Market"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_key_is_an_error(language: str) -> None:
    with pytest.raises(KeyError):
        text("place.nowhere", language)


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        text("peers.count", "en")


def test_braces_in_a_value_are_not_filled_again() -> None:
    assert text("problem.not-found", "en", what="{code}") == "That was not found: {code}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_problem_is_told_even_when_its_sentence_cannot_be(language: str) -> None:
    assert "no-such-code" in problem_text("no-such-code", language)
    assert "port-taken" in problem_text("port-taken", language)
    assert "8765" in problem_text("port-taken", language, port=8765)


def test_a_catalogue_cannot_be_changed_by_its_readers() -> None:
    with pytest.raises(TypeError):
        catalogue("en")["place.me"] = "You"  # type: ignore[index]


def test_placeholders_are_found() -> None:
    assert placeholders("{a} and {b}, {{not}} this") == {"a", "b"}


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("ko", "ko"),
        ("ko-KR", "ko"),
        ("zh_CN.UTF-8", "zh"),
        ("ZH-Hant-TW", "zh"),
        ("en.UTF-8", "en"),
        ("C.UTF-8", None),
        ("korean", None),
        ("", None),
        (None, None),
    ],
)
def test_language_tags_are_recognised(tag: str | None, language: str | None) -> None:
    assert match_language(tag) == language


def test_the_members_choice_comes_before_the_environment() -> None:
    assert pick_language("zh", {"LANG": "ko_KR.UTF-8"}) == "zh"
    assert pick_language(None, {"LANG": "ko_KR.UTF-8"}) == "ko"
    assert pick_language("tlh", {"LC_ALL": "C", "LANGUAGE": "fr:zh_CN:en"}) == "zh"
    assert pick_language(None, {"WETALK_LANGUAGE": "ko", "LC_ALL": "en_US"}) == "ko"
    assert pick_language(None, {}) == "en"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("fr, zh;q=0.3, en;q=0.2", "zh"),
        ("en;q=0.1, zh-CN", "zh"),
        ("ko;q=0, en", "en"),
        ("ko;q=nonsense, zh;q=0.1", "zh"),
        ("*", "en"),
        ("", "en"),
    ],
)
def test_the_best_accepted_language_is_chosen(header: str, language: str) -> None:
    assert negotiate_language(header) == language


def test_a_header_without_a_language_of_ours_gives_the_default() -> None:
    assert negotiate_language("fr, de", default="ko") == "ko"


@pytest.mark.parametrize(
    ("amount_units", "decimals", "written"),
    [
        (0, 2, "0.00"),
        (5, 2, "0.05"),
        (-5, 2, "-0.05"),
        (123_456_789, 2, "1,234,567.89"),
        (1_500, 0, "1,500"),
        (-1_234_567, 3, "-1,234.567"),
    ],
)
def test_amounts_are_written_as_people_do(amount_units: int, decimals: int, written: str) -> None:
    assert amount_text(amount_units, decimals) == written


@given(st.integers(-(2**53), 2**53), st.integers(0, 6))
def test_written_amounts_are_exact(amount_units: int, decimals: int) -> None:
    read_back = Decimal(amount_text(amount_units, decimals).replace(",", ""))
    assert read_back.scaleb(decimals) == amount_units


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("김치 세 포기", "김치 세 포기"),
        ("ali\u200bce", "alice"),
        ("\u202emoc.live", "moc.live"),
        ("a\u2066b\u2069c\u061cd", "abcd"),
        ("\u3164\u115fname", "name"),
        ("\x1b[31mred\x07", "[31mred"),
        ("가\u200d나", "가나"),
        ("\u200d👩", "👩"),
        ("👩🏽\u200d💻 ok", "👩🏽\u200d💻 ok"),
        ("❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"),
        ("one\r\ntwo\u2028three\tfour", "one\ntwo\nthree four"),
        ("half\ud800pair", "halfpair"),
    ],
)
def test_what_deceives_is_not_shown(written: str, shown: str) -> None:
    assert clean_for_display(written) == shown


def test_a_name_stays_on_one_line() -> None:
    assert clean_for_display("Kim\nYou have won", one_line=True) == "Kim You have won"


@given(st.text())
def test_shown_text_holds_no_controls_and_is_stable(written: str) -> None:
    shown = clean_for_display(written)
    hidden = [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs"}]
    assert set(hidden) <= {"\n", "\u200d"}
    assert clean_for_display(shown) == shown
    assert set(shown) <= {*written, "\n", " "}
