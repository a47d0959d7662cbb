"""From what services return to the shapes of the API: ids as hex, times as ISO 8601, texts beside
codes.

Rules: whatever others wrote goes out as they wrote it; clients show it as text and clean it for
display. Sentences come from the catalogue in the language of the request.
"""

from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from node import i18n
from node.ledger.positions import TRADE
from node.protocol.account import CREDIT
from node.protocol.errors import LocalFault
from node.services.chapters.founding import tolerance
from node.services.core import Core
from node.services.members.late import Surfaced
from node.services.trading import units
from node.services.trading.relays import OwnRelay

DAY_MS: Final = 86_400_000
DAY_ZERO: Final = date(1970, 1, 1).toordinal()
DAYS_LAST: Final = date(9999, 12, 31).toordinal() - DAY_ZERO
SHORT_ID_CHARACTERS: Final = 12  # as `wetalk device list` shows them


def iso_time(time_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`. What no calendar holds is shown as its last
    day."""
    day, part = divmod(time_ms, DAY_MS)
    if day > DAYS_LAST:
        day, part = DAYS_LAST, DAY_MS - 1
    seconds, milliseconds = divmod(part, 1_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_date(day)}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z"


@lru_cache(1_024)
def _date(day: int) -> str:
    """The date so many days after 1970-01-01."""
    return date.fromordinal(DAY_ZERO + day).isoformat()


def time_ms(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time with a zone. Raises LocalFault
    request-invalid."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.year < 1970:
        raise LocalFault("request-invalid", detail="time: 2026-09-22T04:53:20Z")
    return int(moment.timestamp() * 1_000)


def credit_decimals(core: Core) -> int:
    """Decimals of the community's credit."""
    return core.rules.genesis.unit.decimals


def decimals_of(core: Core, unit: str) -> int:
    """How many of an amount's digits stand behind the point."""
    return units.decimals_of(unit, core.rules.genesis.unit)


def amount_shown(core: Core, amount: int, unit: str, language: str) -> str:
    """An amount with its unit, as people write it."""
    return units.shown(amount, unit, core.rules.genesis.unit, language)


def texts(table: str, codes: tuple[str, ...], language: str) -> list[str]:
    """The sentences of codes that stand in a table of the catalogue."""
    known = i18n.catalogue(i18n.FALLBACK)
    keys = [f"{table}.{code.replace('-', '_')}" for code in codes]
    return [i18n.text(key, language) if key in known else key.split(".")[1] for key in keys]


def late_told(core: Core, found: Surfaced) -> tuple[str, dict[str, object]]:
    """What to say of payments that became known later: a key of the catalogue, and its values."""
    rows = [TRADE.must(core.reader, trade) for trade in found.payments]
    amount = sum(row.amount for row in rows if row.unit == CREDIT)
    key = "late.left" if found.left else "late.asked" if rows else "late.nothing_paid"
    return key, {
        "device": found.device.hex()[:SHORT_ID_CHARACTERS],
        "count": len(rows),
        "amount": i18n.amount_text(amount, credit_decimals(core)),
    }


def relay_fields(relay: OwnRelay) -> dict[str, Any]:
    """What a relay has done, as JSON."""
    return {
        "key": relay.key.hex(),
        "chapters": list(relay.chapters),
        "confirmations": relay.stamps,
        "last": None if relay.last is None else iso_time(relay.last),
        "convicted": relay.convicted,
    }


def relay_texts(relays: int, quorum: int, language: str) -> list[str]:
    """What a chapter's relays bear, in words; and the advice where they bear no lie."""
    if not relays:
        return [i18n.text("relays.none", language)]
    bears = tolerance(relays, quorum)
    counts = {"relays": relays, "needed": quorum, "down": bears.down, "lie": bears.lie}
    told = [i18n.text("relays.tolerance", language, **counts)]
    return told if bears.lie else [*told, i18n.text("relays.advice", language)]
