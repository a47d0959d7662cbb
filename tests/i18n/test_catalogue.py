"""The three catalogues say the same things, in the manner each language asks for."""

import ast
import re
import string
from functools import cache
from pathlib import Path

import pytest

from node.i18n import FALLBACK, LANGUAGES, Language, catalogue, placeholders
from node.protocol.errors import Reject, Void
from tests.tidy import parse, python_files

OTHERS = [language for language in LANGUAGES if language != FALLBACK]
READERS = {"text": "", "problem_text": "problem."}


def literal_keys() -> set[str]:
    """Every key that our code asks for by a literal: `text("place.me", …)`."""
    keys: set[str] = set()
    for path in python_files():
        calls = [item for item in ast.walk(parse(path)) if isinstance(item, ast.Call) and item.args]
        for call in calls:
            prefix = READERS.get(call.func.id) if isinstance(call.func, ast.Name) else None
            first = call.args[0]
            if prefix is None or not isinstance(first, ast.Constant) or path.parts[0] == "tests":
                continue
            keys.add(f"{prefix}{first.value}")
    return keys


@pytest.mark.parametrize("language", OTHERS)
def test_the_same_keys_stand_in_every_language(language: Language) -> None:
    assert catalogue(language).keys() == catalogue(FALLBACK).keys()


@pytest.mark.parametrize("language", OTHERS)
def test_the_same_placeholders_stand_in_every_language(language: Language) -> None:
    theirs = {key: placeholders(text) for key, text in catalogue(language).items()}
    assert theirs == {key: placeholders(text) for key, text in catalogue(FALLBACK).items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_plain_names(language: Language) -> None:
    parts = [
        part for text in catalogue(language).values() for part in string.Formatter().parse(text)
    ]
    names = [name for _, name, _, _ in parts if name is not None]
    assert [name for name in names if not re.fullmatch(r"[a-z][a-z_]*", name)] == []
    assert [part for part in parts if part[2] or part[3]] == []


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_untranslated(language: Language) -> None:
    english = catalogue(FALLBACK)
    same = [key for key, text in catalogue(language).items() if text == english[key]]
    assert [key for key in same if re.search(r"[A-Za-z]", re.sub(r"{\w+}", "", english[key]))] == []


@cache
def class_definitions() -> list[ast.ClassDef]:
    trees = [parse(path) for path in python_files() if path.parts[0] == "node"]
    return [item for tree in trees for item in ast.walk(tree) if isinstance(item, ast.ClassDef)]


def base_names(definition: ast.ClassDef) -> set[str]:
    return {base.id for base in definition.bases if isinstance(base, ast.Name)}


def listed_codes() -> set[str]:
    """The members of every enumeration of codes: `Reject`, `Void`, and a package's `Problem`."""
    return {
        item.value.value
        for definition in class_definitions()
        if definition.name in {"Reject", "Void", "Problem"} and "StrEnum" in base_names(definition)
        for item in definition.body
        if isinstance(item, ast.Assign)
        and isinstance(item.value, ast.Constant)
        and isinstance(item.value.value, str)
    }


def raised_codes() -> set[str]:
    """The literal codes with which members of our family of errors are made."""
    family = {"WetalkError"}
    for _ in range(4):  # as deep as the family goes
        family |= {found.name for found in class_definitions() if family & base_names(found)}
    calls = [
        item
        for path in python_files()
        if path.parts[0] in {"node", "cli.py"}
        for item in ast.walk(parse(path))
        if isinstance(item, ast.Call) and item.args and isinstance(item.func, ast.Name)
    ]
    return {
        first.value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in family
        for first in call.args[:1]
        if isinstance(first, ast.Constant) and isinstance(first.value, str)
    }


def test_every_code_of_a_refusal_or_error_has_a_sentence() -> None:
    listed = listed_codes()
    assert listed
    codes = {*Reject, *Void} | listed | raised_codes()
    assert sorted(code for code in codes if f"problem.{code}" not in catalogue(FALLBACK)) == []


def test_every_key_that_the_code_asks_for_exists() -> None:
    keys = literal_keys()
    assert "problem.unexpected" in keys
    assert keys - catalogue(FALLBACK).keys() == set()


def test_korean_sentences_are_polite() -> None:
    """Whatever ends in a full stop ends in 요: no order, no bookish 다."""
    texts = catalogue("ko").items()
    blunt = [
        key for key, text in texts if re.search(r"[가-힣]\.(?:\s|$)", text) and "요." not in text
    ]
    tallies = {"import.done"}
    assert set(blunt) - tallies == set()


# What else a thing was called before it had one word; a reader takes two words for two things.
SECOND_WORDS = {
    "ko": r"\}님|\((?:가|를|는)\)|낱말로 새|계좌|노드|데이터|환불|WeTalk|보여줘|알려줘",
    "zh": r"限额|会员|密钥|节点|中继(?!站)|账单(?<!对账单)|婉拒|理事|WeTalk",
}


@pytest.mark.parametrize("language", OTHERS)
def test_one_thing_has_one_word(language: Language) -> None:
    """Also: a name stands apart from 님, and no particle is left to the reader to choose."""
    second = re.compile(SECOND_WORDS[language])
    assert {key for key, text in catalogue(language).items() if second.search(text)} == set()


def test_chinese_addresses_the_reader_with_respect() -> None:
    assert [key for key, text in catalogue("zh").items() if "你" in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_problems_are_whole_sentences(language: Language) -> None:
    texts = {key: text for key, text in catalogue(language).items() if key.startswith("problem.")}
    assert [key for key, text in texts.items() if len(text) < 6 or "\n" in text] == []


def test_the_words_of_the_five_places_are_those_of_the_design() -> None:
    places = ["talk", "market", "trade", "community", "me"]
    seen = {language: [catalogue(language)[f"place.{p}"] for p in places] for language in LANGUAGES}
    assert seen["ko"] == ["이야기", "장터", "거래", "공동체", "나"]
    assert seen["zh"] == ["聊天", "集市", "交易", "社区", "我"]
    assert seen["en"] == ["Talk", "Market", "Trade", "Community", "Me"]


def test_the_catalogues_stand_beside_the_code() -> None:
    folder = Path(__file__).parents[2] / "node" / "text"
    assert {path.stem for path in folder.glob("*.toml")} == set(LANGUAGES)
