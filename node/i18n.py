"""The words people read: one catalogue for the command line, the local API and the web client.

Rules: every sentence stands in `text/{ko,zh,en}.toml` under the same key with the same
placeholders, those of one part (the command line) in a folder below; a missing translation falls
back to English, an unknown key is a programmer's error.
Text written by others is cleaned before it is shown, so that it cannot reorder or hide what stands
beside it, nor steer a terminal.

Left to others: which language a member prefers is kept by the home; dates and times are laid out
where they are shown.
"""

import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, cast

Language: TypeAlias = Literal["ko", "zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("ko", "zh", "en")
FALLBACK: Final[Language] = "en"
_BY_TAG: Final[Mapping[str, Language]] = {"ko": "ko", "zh": "zh", "en": "en"}

# What a POSIX system asks before LANG; our own variable comes first.
LANGUAGE_VARIABLES: Final = ("WETALK_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANGUAGE", "LANG")

_FOLDER: Final = Path(__file__).parent / "text"
_JOINER: Final = "\u200d"
_EMOJI_STYLE: Final = "\ufe0f"
_LINE_ENDS: Final = "\r\n\x0b\x0c\x85\u2028\u2029"
# Letters that look like nothing, and so could make two names look alike.
_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u17b4\u17b5\u3164\uffa0\u034f\u2800")


@cache
def catalogue(language: Language, /) -> Mapping[str, str]:
    """All texts of a language, `key → template`, keys dotted (`problem.over-limit`)."""
    texts: dict[str, str] = {}
    for path in (_FOLDER / f"{language}.toml", *sorted(_FOLDER.glob(f"*/{language}.toml"))):
        with path.open("rb") as file:
            texts.update(_flatten(tomllib.load(file)))
    return MappingProxyType(texts)


def _flatten(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, str):
            yield prefix + name, value
        else:
            yield from _flatten(cast(Mapping[str, object], value), f"{prefix}{name}.")


def text(key: str, language: str, /, **values: object) -> str:
    """The sentence of `key` with `values` in its placeholders; English where a language lacks it.

    Raises KeyError for a key that no catalogue has and for a placeholder without a value.
    """
    template = catalogue(match_language(language) or FALLBACK).get(key)
    if template is None:
        template = catalogue(FALLBACK)[key]
    return template.format_map(values)


def joined(sentences: Iterable[str], language: str) -> str:
    """Sentences one after the other; Chinese puts no space between them."""
    return ("" if match_language(language) == "zh" else " ").join(sentences)


def problem_text(code: str, language: str, /, **values: object) -> str:
    """What an error code tells the user: what happened and what to do. Never raises.

    A code without a sentence, or without the values its sentence needs, gets a general sentence
    that names the code: an error must not hide behind another one.
    """
    key = f"problem.{code}"
    if key in catalogue(FALLBACK) and placeholders(catalogue(FALLBACK)[key]) <= values.keys():
        return text(key, language, **values)
    return text("problem.unexpected", language, code=code)


def placeholders(template: str) -> set[str]:
    """The names in the braces of a template."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def match_language(tag: str | None) -> Language | None:
    """The language of ours that a tag such as `ko-KR`, `zh_CN.UTF-8` or `en` means, if any."""
    primary = (tag or "").strip().lower().replace("_", "-").split(".")[0].split("-")[0]
    return _BY_TAG.get(primary)


def pick_language(preferred: str | None, environ: Mapping[str, str]) -> Language:
    """The member's own choice, else what the environment asks for, else English."""
    asked = [preferred or ""]
    for variable in LANGUAGE_VARIABLES:
        asked += environ.get(variable, "").split(":")
    for tag in asked:
        language = match_language(tag)
        if language is not None:
            return language
    return FALLBACK


def negotiate_language(accepted: str, default: Language = FALLBACK) -> Language:
    """The best of our languages for an `Accept-Language` header (RFC 9110, section 12.5.4)."""
    ranked: list[tuple[float, int, Language]] = []
    for position, part in enumerate(accepted.split(",")):
        tag, _, parameter = part.partition(";")
        language = match_language(tag)
        weight = _weight(parameter)
        if language is not None and weight > 0:
            ranked.append((-weight, position, language))
    return min(ranked)[2] if ranked else default


def _weight(parameter: str) -> float:
    name, _, number = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return min(float(number), 1.0)
    except ValueError:
        return 0.0


def amount_text(amount_units: int, decimals: int) -> str:
    """An exact amount in minor units as people write it in all three languages: `-1,234.50`."""
    sign = "-" if amount_units < 0 else ""
    whole, part = divmod(abs(amount_units), 10**decimals)
    return f"{sign}{whole:,}.{part:0{decimals}d}" if decimals else f"{sign}{whole:,}"


def clean_for_display(written: str, /, *, one_line: bool = False) -> str:
    """Text of others without what could deceive the reader or steer a terminal.

    Gone are control characters, bidirectional controls, zero-width characters and letters that
    look like nothing; a joiner stays where it holds an emoji together. Line ends become `\\n`, or
    a space with `one_line` (names, titles).
    """
    line_end = " " if one_line else "\n"
    written = written.replace("\r\n", "\n")
    shown: list[str] = []
    for index, character in enumerate(written):
        if character in _LINE_ENDS:
            shown.append(line_end)
        elif character == "\t":
            shown.append(" ")
        elif character == _JOINER:
            if _joins_emoji(shown, written, index):
                shown.append(character)
        elif not _deceives(character):
            shown.append(character)
    return "".join(shown)


def _deceives(character: str) -> bool:
    # Cc: control; Cf: format (bidirectional, zero-width, tags); Cs: half of a pair.
    if character in _BLANK_LETTERS:
        return True
    return unicodedata.category(character) in {"Cc", "Cf", "Cs"}


def _joins_emoji(before: list[str], written: str, index: int) -> bool:
    previous = next((character for character in reversed(before) if character != _EMOJI_STYLE), "")
    following = written[index + 1 : index + 2]
    pictures = {"So", "Sk"}
    return all(
        character and unicodedata.category(character) in pictures
        for character in (previous, following)
    )
