"""Who trades with whom: both directions together, months apart, what is contested left out."""

from pathlib import Path

import pytest
from pytest_trio import trio_fixture

from node.services.books.ties import Month, Tie, ties
from tests.services.test_audit import OCTOBER_MS
from tests.services.test_closes import clock_of, sell
from tests.support.homes import Clock, Person, town


@trio_fixture
async def people(tmp_path: Path):  # type: ignore[no-untyped-def]
    people = await town(tmp_path, "officer", "amina", "baraka", clock=Clock())
    yield people
    for person in people:
        person.close()


@pytest.mark.trio
async def test_ties_are_counted_both_ways_and_by_month(people: list[Person]) -> None:
    officer, amina, baraka = people
    nothing = ties(officer.core, 0)
    assert (nothing.ties, nothing.count, nothing.months) == ((), 0, ())
    await sell(people, 1, 2, 700)
    await sell(people, 2, 1, 200)
    clock_of(officer).now = OCTOBER_MS
    await sell(people, 1, 0, 300)
    for person in people:
        found = ties(person.core, 0)
        assert found.ties == (
            Tie(min(amina.id, baraka.id), max(amina.id, baraka.id), 2),
            Tie(min(officer.id, amina.id), max(officer.id, amina.id), 1),
        )
        assert found.count == 2
        assert found.months == (Month("2026-09", 2, 900), Month("2026-10", 1, 300))
