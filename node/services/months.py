"""Months (UTC), the periods that statements, closes and audits speak of: `2026-10`, in acts 202610.

Rules: a month starts with its first millisecond and ends before that of the next one.
"""

import re
from datetime import UTC, datetime, timedelta

from node.protocol.errors import LocalFault


def month_bounds(month: str) -> tuple[int, int]:
    """(first ms, first ms of the next month), UTC. Raises LocalFault `month-invalid`."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}", month, re.ASCII) is None:
            raise ValueError(month)
        start = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
        following = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    except ValueError:
        raise LocalFault("month-invalid", month=month) from None
    return int(start.timestamp() * 1000), int(following.timestamp() * 1000)


def period_of(month: str) -> int:
    """The number by which an act names a month. Raises LocalFault `month-invalid`."""
    month_bounds(month)
    return int(month.replace("-", ""))


def month_of(period: int) -> str | None:
    """The month that an act's number names; None where it names none."""
    month = f"{period // 100:04}-{period % 100:02}"
    try:
        month_bounds(month)
    except LocalFault:
        return None
    return month


def last_month(now_ms: int) -> str:
    """The month before the running one."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC)
    return f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"
