"""A backup through the API: sealed, whole, good to come back from, and nothing left behind."""

from pathlib import Path

import pytest

from node.client import ApiProblem
from node.services.homes import backups
from tests.api.house import House

PASSWORD = "갈매기 셋, 돛 하나"


async def test_a_backup_holds_what_was_said_and_leaves_nothing_behind(
    house: House, tmp_path: Path
) -> None:
    before = {path.name for path in house.home.path.iterdir()}
    await house.do(lambda c: c.say("마당", "worth keeping"))
    data = await house.do(lambda c: c.backup(PASSWORD))
    assert {path.name for path in house.home.path.iterdir()} == before
    file = tmp_path / "wetalk.backup"
    file.write_bytes(data)
    head = backups.read_head(file, PASSWORD)
    assert head.member.hex() == (await house.do(lambda c: c.identity()))["member"]
    assert b"worth keeping" not in data
    key = house.home.device_key.read_bytes()
    assert key not in data


@pytest.mark.parametrize("password", ["", "x" * 5000])
async def test_a_password_that_seals_nothing_is_refused(house: House, password: str) -> None:
    with pytest.raises(ApiProblem) as caught:
        await house.do(lambda c: c.backup(password))
    assert caught.value.code == "request-invalid"


async def test_a_token_without_the_right_gets_no_backup(house: House) -> None:
    made = await house.do(lambda c: c.make_token("bot", ("read", "talk", "trade"), 1))
    client = house.client(token=made["token"])
    with pytest.raises(ApiProblem) as caught:
        await house.do(lambda _: client.backup(PASSWORD))
    assert caught.value.code == "scope-missing"
