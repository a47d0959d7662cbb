"""Members trade through the API: real homes, records handed over as neighbours do."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from node.client import ApiProblem, Client
from tests.api.house import House, serving
from tests.support.homes import Person, town

Neighbourhood = list[tuple[Person, House]]


@pytest.fixture
async def people(tmp_path: Path) -> AsyncGenerator[Neighbourhood]:
    """An officer, Amina and Baraka, all granted, each with an API."""
    persons = await town(tmp_path, "officer", "amina", "baraka")
    async with AsyncExitStack() as stack:
        yield [(one, await stack.enter_async_context(serving(one.core))) for one in persons]
    for one in persons:
        one.close()


async def spread(people: Neighbourhood) -> None:
    """Everybody gives everybody all, and does their duties, until nothing is left to do."""
    for _ in range(6):
        for person, _ in people:
            await person.hand_to(*(other for other, _ in people if other is not person))
        if sum([await person.duties() for person, _ in people]) == 0:
            return
    raise AssertionError("duties never end")


async def trade(house: House, trade: str) -> dict[str, Any]:
    return await house.do(lambda client: client.trade(trade))


async def test_a_payment_from_proposal_to_receipt(people: Neighbourhood) -> None:
    (_, _), (amina, a), (baraka, b) = people
    await a.do(lambda client: client.put_contact(baraka.id.hex(), "바라카"))
    made = await a.do(lambda c: c.propose("pay", baraka.id.hex(), 2_500, "김치 두 통"))
    shown = await trade(a, made["id"])
    assert (shown["state"], shown["for"], shown["next_steps"]) == (
        "proposed",
        "김치 두 통",
        ["release"],
    )
    assert shown["partner"] == {"id": baraka.id.hex(), "name": "바라카"}
    assert (shown["amount"], shown["unit"], shown["decimals"]) == (2_500, "credit", 2)
    await amina.hand_to(baraka)
    asked = await trade(b, made["id"])
    assert asked["next_steps"] == ["accept", "decline"]
    assert (asked["state"], asked["for"]) == ("proposed", None)  # the note stays with its writer
    assert shown["state_text"] == "waiting for the other side"
    assert asked["state_text"] == "waiting for your answer"
    await b.do(lambda client: client.step(made["id"], "accept"))
    await spread(people)
    assert (await trade(a, made["id"]))["state"] == "settled"
    mine = await a.do(lambda client: client.balance())
    assert (mine["book"], mine["spendable"], mine["limit"]) == (-2_500, 7_500, 10_000)
    theirs = await a.do(lambda client: client.balance(baraka.id.hex()))
    assert (theirs["book"], theirs["spendable"]) == (2_500, None)
    receipt = await a.do(lambda client: client.receipt(made["id"], order=True))
    assert receipt["trade"] == made["id"]
    assert (await trade(b, made["id"]))["next_steps"] == ["rate", "refund"]
    await b.do(lambda client: client.rate(made["id"], 4, "고마워요"))
    await spread(people)
    assert (await trade(b, made["id"]))["next_steps"] == ["refund"]  # rated once, and that is all
    assert (await trade(a, made["id"]))["next_steps"] == ["rate"]
    seen = await b.do(lambda client: client.member(amina.id.hex()))
    assert (seen["ratings"], seen["stars"]) == (1, 4.0)


async def test_an_invoice_its_refund_and_the_statement(people: Neighbourhood) -> None:
    (_, _), (amina, a), (baraka, b) = people
    made = await b.do(lambda client: client.propose("invoice", amina.id.hex(), 1_000, "전등"))
    await baraka.hand_to(amina)
    await a.do(lambda client: client.step(made["id"], "accept"))
    await spread(people)
    back = await b.do(lambda client: client.refund(made["id"], 400))
    assert back["id"] != made["id"]
    await baraka.hand_to(amina)
    await a.do(lambda client: client.step(back["id"], "accept"))
    await spread(people)
    statement = await a.do(lambda client: client.statement("2026-09"))
    assert [line["amount"] for line in statement["movements"]] == [-1_000, 400]
    assert (statement["opening"], statement["closing"]) == (0, -600)
    listed = await a.do(lambda client: list(client.trades(partner=baraka.id.hex())))
    assert {one["id"] for one in listed} == {made["id"], back["id"]}
    settled = await a.do(lambda client: list(client.trades(state="proposed")))
    assert settled == []
    rest = await b.do(lambda client: client.refund(made["id"]))
    assert (await trade(b, rest["id"]))["amount"] == 600  # what is not given back yet


async def test_refusals_say_why(people: Neighbourhood) -> None:
    (officer, o), (amina, a), (baraka, _) = people
    partner = baraka.id.hex()

    async def refused(house: House, call: Any) -> ApiProblem:
        with pytest.raises(ApiProblem) as caught:
            await house.do(call)
        return caught.value

    problem = await refused(a, lambda client: client.propose("pay", partner, 10_001))
    assert (problem.status, problem.code) == (409, "over-limit")
    problem = await refused(a, lambda client: client.propose("pay", amina.id.hex(), 1))
    assert problem.code == "partner-self"
    problem = await refused(a, lambda client: client.admit("마을", partner))
    assert problem.status in (403, 409)
    problem = await refused(a, lambda client: client.propose("pay", partner, 0))
    assert problem.code == "request-invalid"
    await o.do(lambda client: client.suspend("마을", partner))
    await officer.hand_to(amina)
    problem = await refused(a, lambda client: client.propose("pay", partner, 5))
    assert problem.code == "suspended"
    shown = await a.do(lambda client: client.member(partner))
    assert (shown["membership"], shown["alerts"]) == ("suspended", ["suspended"])
    assert shown["alert_texts"][0].startswith("The chapter")


async def test_account_records_wait_for_the_neighbours_unless_told_otherwise(
    people: Neighbourhood,
) -> None:
    (_, _), (amina, a), (baraka, _) = people
    amina.core.echo_wanted = True
    partner = baraka.id.hex()
    identity = await a.do(Client.identity)
    assert identity["waiting_for_echo"]
    with pytest.raises(ApiProblem) as caught:
        await a.do(lambda client: client.propose("pay", partner, 5))
    assert (caught.value.status, caught.value.code) == (409, "not-echoed")
    await a.do(lambda client: client.propose("pay", partner, 5, anyway=True))
    assert any(hint["code"] == "echo" for hint in (await a.do(Client.status))["next"])


async def test_members_are_paged_and_filtered(people: Neighbourhood) -> None:
    (_, o), *_ = people
    page = await o.do(lambda client: client.get("/members", limit=2))
    rest = await o.do(lambda client: client.get("/members", limit=2, cursor=page["next"]))
    ids = [one["id"] for one in page["items"] + rest["items"]]
    assert ids == sorted(ids)
    assert len(ids) == 3
    assert rest["next"] is None
    officers = await o.do(lambda client: list(client.members(state="officer")))
    assert len(officers) == 1
