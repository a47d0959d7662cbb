"""What the API keeps in memory between requests is what it would read anew."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from node.api.counted import Counted
from node.api.shaping import iso_time
from node.services.core import Committed, open_core
from node.storage.home import Home
from tests.api.house import make_home, running

LAST_MS = int(datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC).timestamp() * 1_000)


async def test_names_and_counts_are_those_of_the_last_commit(tmp_path: Path) -> None:
    async with running(make_home(tmp_path)) as house:
        before = (await house.do(lambda client: client.status()))["records"]
        await house.do(lambda client: client.say("마당", "안녕하세요"))

        async def name() -> str:
            page = await house.do(lambda client: client.posts("마당"))
            return page["items"][0]["author"]["name"]

        assert await name() == await name() == "순희"
        await house.do(lambda client: client.set_profile("영희"))
        assert await name() == "영희"
        member = (await house.do(lambda client: client.identity()))["member"]
        await house.do(lambda client: client.put_contact(member, "나"))
        assert await name() == "나"
        after = (await house.do(lambda client: client.status()))["records"]
        assert after == before + 2


def test_records_are_counted_anew_when_some_may_have_been_dropped(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    now = 1_000
    core = open_core(Home(home.path), clock=lambda: now)
    try:
        counted, held = Counted(core), core.reader.record_count()
        assert counted.records(core.reader) == held

        def drop(number: int) -> None:
            query = f"DELETE FROM records WHERE number = {number}"
            core.writer.run_sync(lambda state: state.connection.execute(query))

        drop(0)
        assert counted.records(core.reader) == held  # nothing told of it
        core.tell(Committed("own", (), (("device.revoked", bytes(32)),)))
        assert counted.records(core.reader) == held - 1
        drop(1)
        assert counted.records(core.reader) == held - 1
        now += 600_000
        assert counted.records(core.reader) == held - 2
    finally:
        core.close()


@pytest.mark.parametrize(
    "time_ms", [0, 1, 999, 86_399_999, 86_400_000, 1_764_034_123_456, LAST_MS - 1, LAST_MS]
)
def test_times_are_written_as_the_calendar_has_them(time_ms: int) -> None:
    moment = datetime.fromtimestamp(time_ms // 1_000, UTC).replace(
        microsecond=time_ms % 1_000 * 1_000
    )
    expected = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert iso_time(time_ms) == expected


def test_what_no_calendar_holds_is_its_last_day() -> None:
    assert iso_time(LAST_MS + 1) == iso_time(2**53 - 1) == "9999-12-31T23:59:59.999Z"
