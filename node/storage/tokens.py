"""How text becomes tokens of the search index, and how words become a query on it.

Rules: both sides are normalised alike (NFKC, case folded, accents off). Chinese, Japanese and
Korean have no spaces to rely on, so a run of such letters becomes its pairs of neighbours and its
last letter: any part of a run, even one letter, is then a phrase or a prefix. Other words stand
whole and are found by their beginning. Short runs are told apart from parts of runs by a list of
their own, of what stands whole in a text.

Every word of a query must occur. What lies between two spaces becomes the same tokens wherever it
stands, and people use few words often: so these tokens are kept for a while. No I/O. Whoever
changes the tokens must raise TOKENS_VERSION, so that indexes are made anew.
"""

import re
import sys
import unicodedata
from array import array
from dataclasses import dataclass
from operator import add
from typing import Final, NamedTuple

from node.protocol.limits import (
    SEARCH_QUERY_MAX_CHARACTERS,
    SEARCH_WORD_MAX_CHARACTERS,
    SEARCH_WORDS_MAX_COUNT,
)

TOKENS_VERSION: Final = f"2/{unicodedata.unidata_version}"
"""Normalisation depends on the Unicode of this Python: another one makes other tokens."""

KEPT_MAX_COUNT: Final = 8_192  # words whose tokens are kept, 3 MB at most
KEPT_MAX_CHARACTERS: Final = 16  # of such a word; what is longer is hardly met twice

_CJK: Final = (
    "\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN: Final = re.compile(f"[{_CJK}]+|[^\\W_{_CJK}]+")
_NO_CJK: Final = re.compile(f"[^{_CJK}]+")
_OTHER: Final = re.compile(f"[^\\W_{_CJK}]+")
_NO_PAIR: Final = re.compile("\n[^ ] ")
_CJK_START: Final = re.compile(f"[{_CJK}]")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")
# Hangul, kana, Chinese characters, ASCII and their punctuation: none of them, case folded and in
# NFKC, has an accent or is changed by what stands beside it.
_BARE: Final = re.compile(
    "[\x00-\x7f\u2018-\u201f\u3001-\u3029\u3041-\u3096\u30a1-\u30fa\u30fc-\u30fe"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]*"
)
# ASCII: letters and digits, the letters small, anything else a space.
_ASCII: Final = bytes(
    ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else ord(" ")
    for code in range(256)
)
_LETTER: Final = "I" if array("I").itemsize == 4 else "L"  # four bytes
_CODEC: Final = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
_SPACE: Final = array(_LETTER, " ".encode(_CODEC))


def _plain(text: str) -> str:
    """NFKC, case folded, without accents."""
    if text.isascii():
        return text.lower()
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    folded = text.casefold()
    if _BARE.fullmatch(folded):
        return folded
    plain = unicodedata.normalize("NFKC", folded)
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", plain))
    return unicodedata.normalize("NFC", bare)


def _runs(text: str) -> list[str]:
    """Normalised runs of letters and digits, CJK apart from the rest."""
    return _RUN.findall(_plain(text))


class Tokens(NamedTuple):
    """What the index keeps of a text. A space follows each token."""

    words: str
    wholes: str  # the short runs of CJK letters, in any order
    size: int  # how many of both, repetitions included: the length that ranking compares


class _Kept(dict[str, tuple[str, str]]):
    """(words, wholes) of what stands between two spaces, made when first asked for; all are
    forgotten when they are too many."""

    def __missing__(self, word: str) -> tuple[str, str]:
        if len(word) > KEPT_MAX_CHARACTERS:
            return _of_long(_plain(word))
        if len(self) >= KEPT_MAX_COUNT:
            self.clear()
        made = self[word] = _of_short(_plain(word))
        return made


_kept: Final = _Kept()


def _of_short(plain: str) -> tuple[str, str]:
    """Words and wholes of a normalised text, run by run."""
    words = wholes = ""
    for run in _RUN.findall(plain):
        if _CJK_START.match(run) is not None:
            if len(run) <= SEARCH_WORD_MAX_CHARACTERS:
                wholes += f"{run} "
            for pair in map(add, run, run[1:]):
                words += f"{pair} "
            run = run[-1]
        words += f"{run} "
    return words, wholes


def _of_long(plain: str) -> tuple[str, str]:
    """The same for many letters at once, CJK first: all pairs of neighbours are made by copying
    every letter to its two places. A pair that begins between two runs is none; one that ends there
    is a last letter."""
    between = _NO_CJK.sub("\n", plain) + "\n"
    letters = array(_LETTER, between.encode(_CODEC))
    pairs = _SPACE * (3 * len(letters) - 3)
    pairs[0::3], pairs[1::3] = letters[:-1], letters[1:]
    words = _NO_PAIR.sub("", pairs.tobytes().decode(_CODEC))
    for other in _OTHER.findall(plain):
        words += f"{other} "
    short = [run for run in between.split() if len(run) <= SEARCH_WORD_MAX_CHARACTERS]
    return words, "".join([f"{run} " for run in short])


def tokens_of(text: str) -> Tokens:
    """The tokens of a text. Not for several threads at once."""
    if text.isascii():
        found = text.encode().translate(_ASCII).split()
        return Tokens(b" ".join([*found, b""]).decode(), "", len(found))
    found = [_kept[word] for word in text.split()]
    words, wholes = "".join([made[0] for made in found]), "".join([made[1] for made in found])
    return Tokens(words, wholes, words.count(" ") + wholes.count(" "))


def index_tokens(text: str) -> str:
    """The tokens of a text, separated by spaces, wholes left out."""
    return tokens_of(text).words


def forget() -> None:
    """Give back the memory of kept tokens."""
    _kept.clear()


@dataclass(frozen=True, slots=True)
class Match:
    """FTS5 queries. A text has the words exactly iff it has `part`, and `exact` and `whole` where
    there are such (None, None: no text counts as exact)."""

    part: str  # what must occur, on words
    exact: str | None  # words that are no CJK, without their continuations; on words
    whole: str | None  # runs of CJK letters; on wholes


def query_match(words: str) -> Match | None:
    """The query for what somebody typed; None if it has no letter and no digit."""
    runs = _runs(words[:SEARCH_QUERY_MAX_CHARACTERS])[:SEARCH_WORDS_MAX_COUNT]
    if not runs:
        return None
    part = " ".join(_part(run) for run in runs)
    cjk = [run for run in runs if _CJK_START.match(run)]
    if any(len(run) > SEARCH_WORD_MAX_CHARACTERS for run in cjk):
        return Match(part, None, None)
    exact = " ".join(f'"{run}"' for run in runs if run not in cjk)
    whole = " ".join(f'"{run}"' for run in cjk)
    return Match(part, exact or None, whole or None)


def _part(run: str) -> str:
    if _CJK_START.match(run) is None or len(run) == 1:
        return f'"{run}" *'
    pairs = " ".join(map(add, run, run[1:]))
    return f'"{pairs}"'
