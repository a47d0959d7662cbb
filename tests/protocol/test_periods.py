"""Months of statements: one begins where the one before it ends, and each is as long as it is."""

from datetime import UTC, datetime
from itertools import pairwise

from node.protocol import limits
from node.protocol.statements import PERIOD_MAX, period_bounds

MONTHS = [100 * year + month for year in (1999, 2023, 2024, 2100) for month in range(1, 13)]


def first_ms(period: int) -> int:
    return int(datetime(period // 100, period % 100, 1, tzinfo=UTC).timestamp() * 1_000)


def test_a_month_begins_and_ends_where_the_calendar_says() -> None:
    for period, following in pairwise(MONTHS):
        if following - period in (1, 89):
            assert period_bounds(period) == (first_ms(period), first_ms(following))
    assert period_bounds(202412) == (first_ms(202412), first_ms(202501))
    assert period_bounds(202502)[1] - period_bounds(202502)[0] == 28 * 86_400_000


def test_the_last_month_holds_all_that_no_calendar_does() -> None:
    first, end = period_bounds(PERIOD_MAX)
    assert first == first_ms(PERIOD_MAX)
    assert end == limits.TIME_MAX_MS + 1
