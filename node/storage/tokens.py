"""How text becomes tokens of the search index, and how words become a query on it.

Rules: both sides are normalised alike (NFKC, case folded, accents off). Chinese, Japanese and
Korean have no spaces to rely on, so a run of such letters becomes its pairs of neighbours and its
last letter: any part of a run, even one letter, is then a phrase or a prefix. Other words stand
whole and are found by their beginning. Whole short runs stand once more behind a mark, so that
exact words can be told from parts of words.

Every word of a query must occur. Pure: no I/O. Whoever changes the tokens must raise
TOKENS_VERSION, so that indexes are made anew.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from node.protocol.limits import (
    SEARCH_QUERY_MAX_CHARACTERS,
    SEARCH_WORD_MAX_CHARACTERS,
    SEARCH_WORDS_MAX_COUNT,
)

TOKENS_VERSION: Final = f"1/{unicodedata.unidata_version}"
"""Normalisation depends on the Unicode of this Python: another one makes other tokens."""

_WHOLE: Final = "\ue000"  # private use: no run has it
_CJK: Final = (
    "\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN: Final = re.compile(f"[{_CJK}]+|[^\\W_{_CJK}]+")
_CJK_START: Final = re.compile(f"[{_CJK}]")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")


def _runs(text: str) -> list[str]:
    """Normalised runs of letters and digits, CJK apart from the rest."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", plain))
    return _RUN.findall(unicodedata.normalize("NFC", bare))


def index_tokens(text: str) -> str:
    """The tokens of a text, separated by spaces."""
    tokens: list[str] = []
    for run in _runs(text):
        if _CJK_START.match(run) is None:
            tokens.append(run)
            continue
        if len(run) <= SEARCH_WORD_MAX_CHARACTERS:
            tokens.append(_WHOLE + run)
        tokens.extend(run[at : at + 2] for at in range(len(run) - 1))
        tokens.append(run[-1])
    return " ".join(tokens)


@dataclass(frozen=True, slots=True)
class Match:
    """FTS5 queries: what must occur, and the same as exact words (None: no such thing)."""

    part: str
    exact: str | None


def query_match(words: str) -> Match | None:
    """The query for what somebody typed; None if it has no letter and no digit."""
    runs = _runs(words[:SEARCH_QUERY_MAX_CHARACTERS])[:SEARCH_WORDS_MAX_COUNT]
    if not runs:
        return None
    exact = [_exact(run) for run in runs]
    return Match(
        " ".join(_part(run) for run in runs),
        None if None in exact else " ".join(filter(None, exact)),
    )


def _part(run: str) -> str:
    if _CJK_START.match(run) is None or len(run) == 1:
        return f'"{run}" *'
    pairs = " ".join(run[at : at + 2] for at in range(len(run) - 1))
    return f'"{pairs}"'


def _exact(run: str) -> str | None:
    if _CJK_START.match(run) is None:
        return f'"{run}"'
    return f'"{_WHOLE}{run}"' if len(run) <= SEARCH_WORD_MAX_CHARACTERS else None
