"""Months (UTC), the periods that statements, closes and audits speak of: `2026-10`, in acts 202610.

Rules: a month starts with its first millisecond and ends before that of the next one.
"""

import re
from datetime import UTC, datetime, timedelta

from node.protocol import statements
from node.protocol.errors import LocalFault


def month_bounds(month: str) -> tuple[int, int]:
    """(first ms, first ms of the next month), UTC. Raises LocalFault `month-invalid`."""
    return statements.period_bounds(period_of(month))


def period_of(month: str) -> int:
    """yyyymm of `YYYY-MM`. Raises LocalFault `month-invalid`."""
    found = re.fullmatch(r"([0-9]{4})-([0-9]{2})", month)
    period = 0 if found is None else int(found[1] + found[2])
    if not statements.is_period(period):
        raise LocalFault("month-invalid", month=month)
    return period


def month_of(period: int) -> str | None:
    """The month that yyyymm names; None where it names none."""
    return f"{period // 100:04}-{period % 100:02}" if statements.is_period(period) else None


def last_month(now_ms: int) -> str:
    """The month before the running one."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC)
    return f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"
