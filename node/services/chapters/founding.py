"""Founding a community by plan: chapters, officers and relays, from a file that people write.

Rules: the plan is TOML and says in words what the founding document says in bytes; every fault in
it has a sentence of its own, found before anything is made. What is left out has a safe default.
`me` is the founder among officers, and the founder's own computer among relays.

Left to others: the document's own rules (`node.protocol.genesis`), making the home (`setup`).
"""

import re
import secrets
import tomllib
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from node.protocol import genesis as documents
from node.protocol import limits
from node.protocol.errors import LocalFault
from node.protocol.genesis import Chapter, CreditUnit, Genesis
from node.services import written

T = TypeVar("T")

ME: Final = "me"
ALL_LANGUAGES: Final = ("en", "ko", "zh")
DECIMALS_USUAL_COUNT: Final = 2
PLAN_SIZE_MAX_BYTES: Final = 262_144  # the largest founding document, in hex, with comments
COMMUNITY_FIELDS: Final = frozenset({"name", "languages", "unit", "decimals", "chapter"})
CHAPTER_FIELDS: Final = frozenset(
    {"name", "officers", "k", "witnesses", "q", "default_limit", "limit_max", "treasury"}
)
LANGUAGES_MAX_COUNT: Final = 16
LINE_DOTS_MAX_COUNT: Final = 512  # two amounts a chapter; a key of many parts takes minutes to read
_KEY: Final = re.compile(r"[0-9a-f]{64}")
_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)$")  # else: at the end
_AMOUNT: Final = re.compile(r"(\d{1,15})(?:\.(\d{1,6}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a chapter's relays bear (R17): so many may be down, so many may lie."""

    down: int
    lie: int


def tolerance(relays: int, quorum: int) -> Tolerance:
    """Of n relays of which q must confirm."""
    return Tolerance(relays - quorum, max(0, 2 * quorum - relays - 1))


@dataclass(frozen=True, slots=True)
class PlannedChapter:
    """A chapter as planned. Members and relays: 64 hex digits, or `me`; limits in minor units."""

    name: str
    officers: tuple[str, ...]
    k: int
    witnesses: tuple[str, ...]
    q: int
    default_limit: int
    limit_max: int
    treasury: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole and valid plan, but for who `me` is."""

    name: str
    languages: tuple[str, ...]
    unit: str
    decimals: int
    chapters: tuple[PlannedChapter, ...]

    @property
    def names_this_computer(self) -> bool:
        """True iff the founder's computer shall be a relay."""
        return any(ME in chapter.witnesses for chapter in self.chapters)

    def chapter_of(self, founder: bytes) -> str:
        """Name of the first chapter whose officer the founder (32 bytes) is."""
        names = (ME, founder.hex())
        return next(c.name for c in self.chapters if any(o in names for o in c.officers))

    def document(self, founder: bytes, own_relay: bytes | None) -> bytes:
        """The founding document, new each time (its salt). `own_relay`: this computer's key.

        Raises LocalFault plan-founder, plan-twice, plan-size.
        """
        chapters = [self._chapter(chapter, founder, own_relay) for chapter in self.chapters]
        if not any(founder in chapter.officers for chapter in chapters):
            raise LocalFault("plan-founder")
        document = Genesis(
            chapters=chapters,
            languages=list(self.languages),
            name=self.name,
            rules=limits.RULES_VERSION,
            salt=secrets.token_bytes(limits.SALT_SIZE_BYTES),
            unit=CreditUnit(code=self.unit, decimals=self.decimals),
        )
        try:
            return documents.encode(document)
        except ValueError:  # everything but its size was checked before
            raise LocalFault("plan-size") from None

    def _chapter(self, planned: PlannedChapter, founder: bytes, own_relay: bytes | None) -> Chapter:
        def keys(named: tuple[str, ...], me: bytes | None) -> list[bytes]:
            found = [me if one == ME and me is not None else bytes.fromhex(one) for one in named]
            _refuse_twice([key.hex() for key in found], planned.name)
            return found

        treasury = None if planned.treasury is None else keys((planned.treasury,), founder)[0]
        return Chapter(
            default_limit=planned.default_limit,
            k=planned.k,
            limit_max=planned.limit_max,
            name=planned.name,
            officers=keys(planned.officers, founder),
            q=planned.q,
            treasury=treasury,
            witnesses=sorted(keys(planned.witnesses, own_relay)),
        )


def plan_of_one(name: str, unit: str, chapter: str, limits_units: tuple[int, int]) -> Plan:
    """A community that one member starts: one chapter, no relays, two decimals.

    `limits_units`: what a new member may owe, and the most that officers may grant. Raises
    LocalFault name-invalid, unit-invalid.
    """
    word = written.line(unit)
    if not 1 <= len(word) <= limits.WORD_SIZE_MAX_BYTES // 3:
        raise LocalFault("unit-invalid")
    default, most = limits_units
    only = PlannedChapter(written.name(chapter), (ME,), 1, (), 0, default, most, None)
    return Plan(written.name(name), ALL_LANGUAGES, word, DECIMALS_USUAL_COUNT, (only,))


def read_plan(text: str) -> Plan:
    """A plan as typed. Raises LocalFault plan-…: which field, and what to do."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > LINE_DOTS_MAX_COUNT:
            raise LocalFault("plan-line", line=number)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise LocalFault("plan-line", str(problem), line=_line_of(problem, text)) from None
    except (ValueError, RecursionError) as problem:  # a number too long, or too many brackets
        raise LocalFault("plan-syntax", str(problem)) from None
    _refuse_unknown(found, COMMUNITY_FIELDS)
    decimals = _number(found, "decimals", 2, 0, limits.DECIMALS_MAX_COUNT)
    tables = _list(found, "chapter")
    if not 1 <= len(tables) <= limits.CHAPTERS_MAX_COUNT:
        raise LocalFault("plan-field", field="[[chapter]]")
    if not all(isinstance(table, dict) for table in tables):
        raise LocalFault("plan-field", field="[[chapter]]")
    chapters = tuple(_chapter(table, decimals) for table in tables)
    _refuse_twice([chapter.name for chapter in chapters], "[[chapter]]")
    return Plan(
        name=_name(found, "name"),
        languages=_languages(found),
        unit=_word(found, "unit"),
        decimals=decimals,
        chapters=chapters,
    )


def _chapter(table: dict[str, Any], decimals: int) -> PlannedChapter:
    _refuse_unknown(table, CHAPTER_FIELDS)
    name = _name(table, "name")
    officers = _keys(table, "officers", [], limits.OFFICERS_MAX_COUNT, name)
    if not officers:
        raise LocalFault("plan-officers", chapter=name)
    k = _number(table, "k", 1, 1, limits.OFFICERS_MAX_COUNT)
    if k > len(officers):
        raise LocalFault("plan-approvals", chapter=name, k=k, officers=len(officers))
    witnesses = _keys(table, "witnesses", [], limits.WITNESSES_MAX_COUNT, name)
    if set(witnesses) & set(officers) - {ME}:
        raise LocalFault("plan-relay-member", chapter=name)
    n = len(witnesses)
    q = _number(table, "q", n // 2 + 1 if n else 0, 0, limits.WITNESSES_MAX_COUNT)
    if n == 0 and q:
        raise LocalFault("plan-no-relays", chapter=name, q=q)
    if n and not n < 2 * q <= 2 * n:
        raise LocalFault("plan-quorum", chapter=name, q=q, relays=n, least=n // 2 + 1)
    default = _amount(table, "default_limit", "100", decimals)
    most = _amount(table, "limit_max", "1000", decimals)
    if default > most:
        raise LocalFault("plan-limits", chapter=name)
    treasury = table.get("treasury")
    if treasury is not None:
        treasury = _keys({"treasury": [treasury]}, "treasury", [], 1, name)[0]
    return PlannedChapter(name, officers, k, witnesses, q, default, most, treasury)


def _line_of(problem: tomllib.TOMLDecodeError, text: str) -> int:
    """The line that cannot be read, counted from 1. The library says it in its message alone."""
    found = _LINE.search(str(problem))
    return int(found[1]) if found else text.rstrip().count("\n") + 1


def _refuse_unknown(table: dict[str, Any], known: frozenset[str]) -> None:
    for field in table:
        if field not in known:
            raise LocalFault("plan-unknown", field=field, known=", ".join(sorted(known)))


def _refuse_twice(values: list[str], where: str) -> None:
    for value in values:
        if values.count(value) > 1:
            raise LocalFault("plan-twice", value=value, where=where)


def _value(table: dict[str, Any], field: str, kind: type[T], default: T | None = None) -> T:
    found = table.get(field, default)
    if found is None:
        raise LocalFault("plan-missing", field=field)
    if not isinstance(found, kind) or isinstance(found, bool):
        raise LocalFault("plan-field", field=field)
    return found


def _list(table: dict[str, Any], field: str, default: list[Any] | None = None) -> list[Any]:
    return cast(list[Any], _value(table, field, list, default))  # pyright: ignore


def _number(table: dict[str, Any], field: str, default: int, least: int, most: int) -> int:
    found = _value(table, field, int, default)
    if not least <= found <= most:
        raise LocalFault("plan-range", field=field, least=least, most=most)
    return found


def _name(table: dict[str, Any], field: str) -> str:
    try:
        return written.name(_value(table, field, str))
    except LocalFault as fault:
        if fault.code != "name-invalid":
            raise
        raise LocalFault("plan-field", field=field) from None


def _word(table: dict[str, Any], field: str) -> str:
    found = written.line(_value(table, field, str))
    if not 1 <= len(found) <= limits.WORD_SIZE_MAX_BYTES:
        raise LocalFault("plan-field", field=field)
    return found


def _languages(table: dict[str, Any]) -> tuple[str, ...]:
    found = _list(table, "languages")
    if not 1 <= len(found) <= LANGUAGES_MAX_COUNT or not all(isinstance(t, str) for t in found):
        raise LocalFault("plan-field", field="languages")
    tags = [written.language(tag) for tag in found]
    _refuse_twice(tags, "languages")
    return tuple(tags)


def _keys(
    table: dict[str, Any], field: str, default: list[Any], most: int, chapter: str
) -> tuple[str, ...]:
    """Members or relays as typed: 64 hex digits, or `me`."""
    found = _list(table, field, default)
    if len(found) > most:
        raise LocalFault("plan-many", field=field, most=most, chapter=chapter)
    keys = [one.strip().lower() if isinstance(one, str) else "" for one in found]
    for typed, key in zip(found, keys, strict=True):
        if key != ME and _KEY.fullmatch(key) is None:
            value = typed[:80] if isinstance(typed, str) else type(typed).__name__
            raise LocalFault("plan-key", field=field, value=value, chapter=chapter)
    _refuse_twice(keys, chapter)
    return tuple(keys)


def _amount(table: dict[str, Any], field: str, default: str, decimals: int) -> int:
    """Minor units of a sum typed as a whole number, or in quotes as a decimal (`"100.50"`)."""
    found = table.get(field, default)
    whole = isinstance(found, int) and not isinstance(found, bool)
    if whole and abs(found) > limits.SUM_MAX_UNITS:  # before it is written out
        raise LocalFault("plan-amount", field=field)
    typed = _AMOUNT.fullmatch(str(found).strip()) if whole or isinstance(found, str) else None
    part = (typed[2] or "") if typed else ""
    if typed is None or len(part) > decimals:
        raise LocalFault("plan-amount", field=field)
    units = int(typed[1]) * 10**decimals + int(part.ljust(decimals, "0") or "0")
    if units > limits.SUM_MAX_UNITS:
        raise LocalFault("plan-amount", field=field)
    return units
