"""Times as paper shows them, and programs that read it: UTC."""

from datetime import UTC, datetime
from typing import Final

DAY_LAST_MS: Final = 253_402_300_799_999  # the end of 9999, the last year of our calendars


def utc(time_ms: int) -> str:
    """`2026-09-22 04:53 UTC`; what no calendar holds is shown as its last day."""
    moment = datetime.fromtimestamp(min(time_ms, DAY_LAST_MS) // 1000, tz=UTC)
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def iso(time_ms: int) -> str:
    """`2026-09-22T04:53:20.000Z`, for programs."""
    moment = datetime.fromtimestamp(min(time_ms, DAY_LAST_MS) // 1000, tz=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{time_ms % 1000:03}Z"


def utc_day(time_ms: int) -> str:
    """`2026-09-22`, in UTC."""
    return utc(time_ms)[:10]
