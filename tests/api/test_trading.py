"""Members trade through the API: real homes, records handed over as neighbours do."""

import json
import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import trio

from node.client import ApiProblem, Client
from node.commands import root
from node.commands.base import DONE
from node.services.books.receipt_check import verify_receipt
from node.services.books.statements import verify_statement
from node.services.paper import files
from tests.api.house import House, serving
from tests.support.homes import (
    Clock,
    Person,
    genesis_for,
    introduce,
    move_in,
    seed_of,
    town,
)

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


async def test_receipts_and_statements_come_as_files(people: Neighbourhood) -> None:
    (_, _), (amina, a), (baraka, b) = people
    made = await b.do(lambda client: client.propose("invoice", amina.id.hex(), 1_000, "전등"))
    await baraka.hand_to(amina)
    await a.do(lambda client: client.step(made["id"], "accept"))
    await spread(people)
    receipt, month = f"/v1/receipts/{made['id']}?format=", "/v1/statements?month=2026-09&format="
    for path, kinds in (
        (receipt, {"json": b"{", "msgpack": b"\x85", "html": b"<!DOCTYPE", "pdf": b"%PDF-1.7"}),
        (month, {"json": b"{", "csv": b"time,trade", "html": b"<!DOCTYPE", "pdf": b"%PDF-1.7"}),
    ):
        for kind, start in kinds.items():
            answer = await a.ask("GET", f"{path}{kind}&paper=80mm")
            assert answer.status == 200
            assert answer.body.startswith(start)
            assert answer.headers["content-type"] == files.MEDIA[kind]
            named = re.fullmatch(
                r'attachment; filename="(receipt|statement-2026-09)-[0-9a-f]{8}\.(\w+)"',
                answer.headers["content-disposition"],
            )
            assert named is not None
            assert named[2] == kind
            assert answer.headers["cache-control"] == "no-store"
    packed = await b.do(lambda client: client.receipt_file(made["id"], "msgpack", order=True))
    assert "전등".encode() in packed
    assert verify_receipt(packed).level == "L2"
    signed = await b.do(lambda client: client.statement_file("2026-09", "json"))
    assert verify_statement(signed).ok
    theirs = await b.ask("GET", f"{month}json&member={amina.id.hex()}")
    found = verify_statement(theirs.body).statement
    assert found is not None
    assert (found.author, found.member, found.closing) == (baraka.id, amina.id, -1_000)
    for wrong in ("exe", "HTML", "../json", ""):
        for path in (receipt, month):
            assert (await a.ask("GET", path + wrong)).status in (400, 422)


async def test_a_printed_page_is_in_the_language_of_the_request(people: Neighbourhood) -> None:
    _, (_, a), _ = people
    for language, title in (("ko", "거래 명세서"), ("zh", "对账单"), ("en", "Statement")):
        headers = [*a.honest(None), ("Accept-Language", language)]
        page = await a.ask("GET", "/v1/statements?month=2026-09&format=html", headers)
        assert f"<h1>{title} 2026-09</h1>" in page.body.decode()


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


async def next_of(house: House) -> dict[str, dict[str, Any]]:
    return {hint["code"]: hint for hint in (await house.do(Client.status))["next"]}


async def test_the_status_counts_what_waits_for_an_answer(people: Neighbourhood) -> None:
    (_, _), (amina, a), (baraka, b) = people
    offers = [
        (await a.do(lambda client, k=kind: client.propose(k, baraka.id.hex(), 100)))["id"]
        for kind in ("pay", "invoice", "pay")
    ]
    assert "trades" not in await next_of(b)
    await amina.hand_to(baraka)
    hint = (await next_of(b))["trades"]
    assert (hint["command"], hint["text"][-1]) == ("wetalk trade list", "3")
    assert "trades" not in await next_of(a)  # who offers waits for the other side
    await b.do(lambda client: client.step(offers[0], "accept"))
    await b.do(lambda client: client.step(offers[1], "decline"))
    assert (await next_of(b))["trades"]["text"][-1] == "1"
    await a.do(lambda client: client.step(offers[2], "release"))
    await amina.hand_to(baraka)
    assert "trades" not in await next_of(b)


async def test_who_asks_to_join_is_told_to_wait_and_the_officer_that_they_do(
    people: Neighbourhood, tmp_path: Path
) -> None:
    (officer, o), *_ = people
    carol = move_in(tmp_path, "carol", genesis_for("officer"), Clock())
    await introduce(carol, seed_of("carol device "))
    async with serving(carol.core) as c:
        assert (await next_of(c))["apply"]["command"] == "wetalk chapter apply"
        for written in ("", "옆집 캐럴이에요"):
            await c.do(lambda client, t=written: client.apply("마을", t))
        told = await next_of(c)
        assert "admission" in told
        assert "apply" not in told
        await carol.hand_to(officer)
        hint = (await next_of(o))["applications"]
        assert (hint["command"], hint["text"][-1]) == ("wetalk chapter requests", "1")
        shown = list(await o.do(lambda client: client.requests("마을")))
        assert [one["text"] for one in shown] == ["옆집 캐럴이에요"]
        await o.do(lambda client: client.admit("마을", carol.id.hex()))
        assert "applications" not in await next_of(o)
        await officer.hand_to(carol)
        assert "admission" not in await next_of(c)
    carol.close()


async def test_a_suspended_member_is_told_and_signs_no_payment(people: Neighbourhood) -> None:
    (officer, o), (amina, a), (baraka, b) = people
    bill = await b.do(lambda client: client.propose("invoice", amina.id.hex(), 100))
    await baraka.hand_to(amina)
    assert (await a.do(Client.balance))["notice"] is None
    await o.do(lambda client: client.suspend("마을", amina.id.hex()))
    await officer.hand_to(amina)
    assert "suspended" in await next_of(a)
    assert "suspended" in (await a.do(Client.balance))["notice"]
    records = (await a.do(Client.status))["records"]
    for call in (
        lambda client: client.propose("pay", baraka.id.hex(), 5),
        lambda client: client.step(bill["id"], "accept"),
    ):
        with pytest.raises(ApiProblem) as caught:
            await a.do(call)
        assert (caught.value.status, caught.value.code) == (409, "suspended-self")
    assert (await a.do(Client.status))["records"] == records
    await o.do(lambda client: client.admit("마을", amina.id.hex()))
    await officer.hand_to(amina)
    assert (await a.do(Client.balance))["notice"] is None


async def test_the_only_officer_does_not_suspend_themselves(people: Neighbourhood) -> None:
    (officer, o), *_ = people
    with pytest.raises(ApiProblem) as caught:
        await o.do(lambda client: client.suspend("마을", officer.id.hex()))
    assert (caught.value.status, caught.value.code) == (409, "only-officer")
    assert "suspended" not in await next_of(o)


async def test_the_members_are_listed_on_the_command_line(
    people: Neighbourhood, capsys: pytest.CaptureFixture[str]
) -> None:
    (officer, o), (amina, _), _ = people
    o.home.device_key.write_bytes(seed_of("officer device "))
    o.home.api.write_text(json.dumps({"url": f"http://127.0.0.1:{o.port}"}), encoding="utf-8")
    await o.do(lambda client: client.put_contact(amina.id.hex(), "아미나"))
    await o.do(lambda client: client.suspend("마을", amina.id.hex()))
    words = ["--home", str(o.home.path), "--language", "en", "community", "show"]
    for more in ([], ["--members"]):
        assert await trio.to_thread.run_sync(root.run, [*words, *more]) == DONE
        lines = capsys.readouterr().out.splitlines()
        row = [line for line in lines if amina.id.hex()[:12] in line]
        assert len(row) == len(more)
    assert "아미나" in row[0]
    assert "suspended" in row[0]
    assert any(officer.id.hex()[:12] in line and "officer" in line for line in lines)
