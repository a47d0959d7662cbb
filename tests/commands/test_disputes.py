"""A case played by command line, in Korean, by everybody it concerns; what each of them reads."""

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import trio

from node.commands import root
from node.commands.base import DONE, REFUSED
from node.i18n import text
from tests.api.house import serving
from tests.support.court import Court, hold

pytestmark = pytest.mark.trio


class Shells:
    """Command lines of everybody in a town, each talking to the API over their own home."""

    def __init__(self, court: Court, capsys: pytest.CaptureFixture[str]) -> None:
        self._court = court
        self._capsys = capsys

    async def says(self, name: str, *arguments: str, code: int = DONE) -> str:
        """What a command prints for a person."""
        home = self._court[name].person.core.home.path
        command = ["--home", str(home), "--language", "ko", *arguments]
        found = await trio.to_thread.run_sync(root.run, command)
        shown = self._capsys.readouterr()
        assert found == code, shown.out + shown.err
        await self._court.spread()
        return shown.out if code == DONE else shown.err

    async def tells(self, name: str, *arguments: str) -> Any:
        """The document that it prints for a program."""
        return json.loads(await self.says(name, "--json", *arguments))


@pytest.fixture
async def court(tmp_path: Path) -> Any:
    found = await hold(tmp_path)
    async with AsyncExitStack() as stack:
        for one in found.people.values():
            house = await stack.enter_async_context(serving(one.person.core))
            url = {"url": f"http://127.0.0.1:{house.port}"}
            home = one.person.core.home
            (home.path / "api.json").write_text(json.dumps(url))
            home.device_key.touch()  # a home with a member, to the command line
        yield found
    found.close()


@pytest.fixture
def shells(court: Court, capsys: pytest.CaptureFixture[str]) -> Shells:
    return Shells(court, capsys)


async def test_a_case_is_played_from_the_first_word_to_the_payment(
    court: Court, shells: Shells
) -> None:
    trade = (await court.trade(1_000)).hex()
    said = await shells.says("amina", "dispute", "open", trade[:8], "--text", "하루 만에 꺼졌어요")
    assert "도움을 청했어요" in said
    (listed,) = (await shells.tells("baraka", "dispute", "list"))["items"]
    case, short = listed["id"], listed["id"][:8]
    status = await shells.tells("baraka", "status")
    assert [one["command"] for one in status["next"] if one["code"] == "disputes"] == [
        "wetalk dispute list"
    ]
    shown = await shells.says("baraka", "dispute", "show", short)
    assert "하루 만에 꺼졌어요" in shown
    assert f"wetalk dispute say {short}" in shown
    assert f"wetalk refund {trade[:8]}" in shown
    await shells.says("baraka", "dispute", "say", short, "--text", "배선이 낡았어요")
    order = [court.of(bytes.fromhex(one["member"]["id"])).name for one in listed["mediators"]]
    until = listed["until"][:10]
    (coming,) = (await shells.tells(order[0], "dispute", "list"))["items"]
    assert (coming["stage"], coming["waits"]) == ("agreeing", False)
    too_early = await shells.says(order[0], "dispute", "take", short, code=REFUSED)
    assert text("problem.dispute-good-faith", "ko", until=until) in too_early
    court.later(31)
    for name in order[:3]:
        shown = await shells.says(name, "dispute", "show", case)
        assert f"wetalk dispute take {short}" in shown
        await shells.says(name, "dispute", "take", short)
    assert await shells.says(order[3], "dispute", "list") == text("dispute.none", "ko") + "\n"
    shown = await shells.says(order[0], "dispute", "show", short)
    assert "하루 만에 꺼졌어요" in shown
    assert "배선이 낡았어요" in shown
    await shells.says(order[0], "dispute", "vote", short, "payer", "6.00", "--note", "반반이에요")
    shown = await shells.says(order[0], "dispute", "show", short)
    assert text("dispute.you_vote_again", "ko") in shown
    assert "6.00 나눔" in shown
    await shells.says(order[1], "dispute", "vote", short, "payer", "6.00")
    assert text("dispute.now_owed", "ko") in await shells.says("amina", "dispute", "show", short)
    shown = await shells.says("chest", "dispute", "show", short)
    assert f"wetalk dispute pay {short}" in shown
    assert text("dispute.sealed", "ko") in shown  # the keeper pays and reads nothing
    paid = (await shells.tells("chest", "dispute", "pay", short))["id"]
    shown = await shells.says("amina", "dispute", "show", short)
    assert f"wetalk accept {paid[:8]}" in shown
    await shells.says("amina", "accept", paid[:8])
    (done,) = (await shells.tells("amina", "dispute", "list"))["items"]
    assert (done["stage"], done["outcome"]["amount"], done["waits"]) == ("paid", 600, False)


async def test_texts_come_from_files_and_are_erased(
    court: Court, shells: Shells, tmp_path: Path
) -> None:
    trade = (await court.trade()).hex()
    letter = tmp_path / "letter.txt"
    letter.write_text("긴 편지\n둘째 줄", encoding="utf-8")
    case = (await shells.tells("amina", "dispute", "open", trade, "--file", str(letter)))["id"]
    shown = await shells.says("baraka", "dispute", "show", case)
    assert "    긴 편지\n    둘째 줄\n" in shown
    letter.write_bytes(b"\xff\xd8\xff\xe0")
    refused = await shells.says(
        "baraka", "dispute", "say", case, "--file", str(letter), code=REFUSED
    )
    assert "글로 적어 주세요" in refused
    (said,) = (await shells.tells("amina", "dispute", "show", case))["said"]
    await shells.says("amina", "dispute", "erase", case, said["id"][:8])
    assert (await shells.tells("baraka", "dispute", "show", case))["said"] == []
    await shells.says("amina", "dispute", "close", case)
    assert (await shells.tells("baraka", "dispute", "show", case))["stage"] == "closed"


async def test_refunds_are_offered_and_asked_for_and_both_see_what_is_left(
    court: Court, shells: Shells
) -> None:
    trade = (await court.trade(1_000)).hex()
    assert "3.00 나눔" in await shells.says("baraka", "refund", trade[:8], "3.00")
    asked = await shells.says("amina", "refund", trade[:8], "2.00")
    assert "돌려 달라고 한 금액: " in asked
    both = [
        await shells.tells(name, "trade", "list", "--state", "proposed")
        for name in ("amina", "baraka")
    ]
    offered, wanted = both[0]["items"][1]["id"], both[0]["items"][0]["id"]
    assert "accept" in both[0]["items"][1]["next_steps"]  # amina takes what is offered
    assert "accept" in both[1]["items"][0]["next_steps"]  # baraka gives what is asked
    await shells.says("amina", "accept", offered)
    await shells.says("baraka", "decline", wanted)
    for name in ("amina", "baraka"):
        found = await shells.tells(name, "trade", "show", trade)
        assert (found["given_back"], found["giving_back"], found["left"]) == (300, 0, 700)
        assert sorted(one["state"] for one in found["refunded_by"]) == ["declined", "settled"]
        shown = await shells.says(name, "receipt", "show", trade)
        assert text("refund.given", "ko", amount="3.00 나눔") in shown
    refused = await shells.says("baraka", "refund", trade, "7.01", code=REFUSED)
    assert text("problem.refund-exceeds", "ko") in refused
    await shells.says("baraka", "refund", trade)  # all that is left
    found = await shells.tells("amina", "trade", "show", trade)
    assert (found["given_back"], found["giving_back"], found["left"]) == (300, 700, 0)
    assert "refund" not in (await shells.tells("baraka", "trade", "show", trade))["next_steps"]
    refused = await shells.says("baraka", "refund", trade, code=REFUSED)
    assert text("problem.refund-exceeds", "ko") in refused
    statement = await shells.says("amina", "statement", "--month", "2026-09")
    assert text("refund.line", "ko", trade=trade[:8]) in statement


async def test_ratings_are_shown_with_what_they_rest_on(court: Court, shells: Shells) -> None:
    trade = (await court.trade(1_000)).hex()
    await shells.says("amina", "rate", trade, "4", "--text", "친절해요")
    again = await shells.says("amina", "rate", trade, "1", code=REFUSED)
    assert text("problem.rating", "ko") in again
    baraka = court["baraka"].id.hex()
    shown = await shells.says("o0", "community", "member", baraka[:8])
    assert "★4 1건" in shown
    assert "활동 중인 회원 1명" in shown
    assert "친절해요" in shown
    back = (await shells.tells("baraka", "refund", trade, "5.00"))["id"]
    await shells.says("amina", "accept", back)
    await court["o0"].person.community.suspend(None, court["amina"].id)
    await court.spread()
    found = await shells.tells("o0", "community", "member", baraka)
    reputation = found["reputation"]
    assert (reputation["raters"], reputation["good_raters"]) == (1, 0)
    assert (reputation["trades"], reputation["partners"], reputation["volume"]) == (1, 1, 500)
    assert (reputation["refunded"], reputation["contested"]) == (1, 0)
    (said,) = found["said"]
    assert (said["given_back"], said["in_good_standing"]) == (500, False)
