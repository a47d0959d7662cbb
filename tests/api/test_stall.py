"""Notes through the API: members trade with no network between their nodes."""

import json
import random
import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import segno

from node.api.routes_stall import QR_MARGIN_MODULES, draw
from node.client import ApiProblem
from node.protocol import limits, parts
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


async def invoice(seller: House, buyer: Person) -> str:
    made = await seller.do(lambda c: c.propose("invoice", buyer.id.hex(), 1_250, "김치 두 통"))
    return made["id"]


async def test_a_trade_by_two_notes(people: Neighbourhood) -> None:
    _, (amina, a), (baraka, b) = people
    trade = await invoice(b, amina)
    given = await b.do(lambda client: client.note(trade, part_characters=600))
    assert len(given["parts"]) > 1 == len(given["trades"])
    assert all(len(part) <= 600 for part in given["parts"])
    assert given["partner"]["id"] == amina.id.hex()
    assert (given["trades"][0]["standing"], given["trades"][0]["final"]) == ("asked", False)
    taken = await a.do(lambda client: client.take_note(given["parts"][::-1]))
    assert (taken["sender"]["id"], taken["own"], taken["answer"]) == (baraka.id.hex(), False, None)
    (told,) = taken["trades"]
    assert (told["trade"]["for"], told["trade"]["next_steps"]) == (
        "김치 두 통",
        ["accept", "decline"],
    )
    assert told["text"].startswith("Nothing is paid yet")
    await a.do(lambda client: client.step(trade, "accept"))
    paid = await a.do(lambda client: client.note(trade))
    done = await b.do(lambda client: client.take_note(paid["parts"]))
    assert (done["trades"][0]["standing"], done["answer"]) == ("paid", None)
    assert (await b.do(lambda client: client.trade(trade)))["state"] == "settled"
    again = await b.do(lambda client: client.take_note(paid["parts"]))
    assert (again["accepted"], again["text"]) == (0, "All of this was here already.")


async def test_a_payment_settles_and_answers(people: Neighbourhood) -> None:
    _, (amina, a), (baraka, b) = people
    amina.core.echo_wanted = True
    made = await a.do(lambda c: c.propose("pay", baraka.id.hex(), 5, "빵", anyway=True))
    note = await a.do(lambda client: client.note(made["id"]))
    await b.do(lambda client: client.take_note(note["parts"]))
    await b.do(lambda client: client.step(made["id"], "accept"))
    back = await b.do(lambda client: client.note(made["id"]))
    waits = await a.do(lambda client: client.take_note(back["parts"]))
    assert waits["unsettled"] == [made["id"]]
    assert waits["unsettled_text"].startswith("No neighbour has confirmed")
    done = await a.do(lambda client: client.take_note(back["parts"], anyway=True, drawn=True))
    assert (done["settled"], done["unsettled"], done["unsettled_text"]) == ([made["id"]], [], None)
    assert len(done["answer"]["codes"]) == len(done["answer"]["parts"]) == 1
    last = await b.do(lambda client: client.take_note(done["answer"]["parts"]))
    assert last["trades"][0]["standing"] == "paid"


async def test_a_greeting_is_for_anybody(people: Neighbourhood) -> None:
    _, (amina, a), (_, b) = people
    greeting = await a.do(lambda client: client.note())
    assert (greeting["partner"], greeting["trades"], greeting["codes"]) == (None, [], [])
    taken = await b.do(lambda client: client.take_note(greeting["parts"]))
    assert (taken["sender"]["id"], taken["trades"]) == (amina.id.hex(), [])
    own = await a.do(lambda client: client.take_note(greeting["parts"]))
    assert own["own"]


async def test_refusals_say_what_to_do(people: Neighbourhood) -> None:
    _, (amina, a), (_, b) = people
    trade = await invoice(b, amina)
    given = await b.do(lambda client: client.note(trade, part_characters=300))

    async def refused(house: House, call: Any) -> ApiProblem:
        with pytest.raises(ApiProblem) as caught:
            await house.do(call)
        return caught.value

    problem = await refused(a, lambda client: client.take_note(given["parts"][2:]))
    assert (problem.status, problem.code, problem.values["missing"]) == (422, "note-parts", "1, 2")
    assert problem.detail.endswith("Scan these as well: 1, 2")
    problem = await refused(a, lambda client: client.take_note(["rice"]))
    assert (problem.status, problem.code) == (422, "note-invalid")
    receipt = parts.split(b"rice", "receipt", 300)
    assert (await refused(a, lambda client: client.take_note(receipt))).code == "note-kind"
    problem = await refused(a, lambda client: client.note(trade))  # not known here
    assert (problem.status, problem.code) == (404, "trade-unknown")
    problem = await refused(b, lambda client: client.note(trade, part_characters=3))
    assert problem.code == "request-invalid"


async def test_as_much_as_a_note_may_be_comes_through_the_gate(people: Neighbourhood) -> None:
    _, (_, a), _ = people
    noise = random.Random(1).randbytes(limits.NOTE_SIZE_MAX_BYTES)
    largest = parts.split(noise, "note", 1_000)
    with pytest.raises(ApiProblem) as caught:
        await a.do(lambda client: client.take_note(largest))
    assert caught.value.code == "note-invalid"
    body = json.dumps({"parts": ["A" * 4_000] * 140}).encode()
    assert len(body) > limits.NOTE_REQUEST_MAX_BYTES
    answer = await a.ask("POST", "/v1/trades/notes", body=body)
    assert answer.status == 413


def test_a_drawn_code_is_the_code() -> None:
    text = parts.split(b"rice " * 20, "note", 400)[0]
    drawn = draw(text)
    matrix = segno.make(text, error="l", micro=False).matrix
    assert drawn.size == len(matrix) + 2 * QR_MARGIN_MODULES
    dark = {
        (int(x) + n, int(y))
        for x, y, length in re.findall(r"M(\d+) (\d+)\.5h(\d+)", drawn.path)
        for n in range(int(length))
    }
    margin = QR_MARGIN_MODULES
    expected = {
        (x + margin, y + margin)
        for y, row in enumerate(matrix)
        for x, module in enumerate(row)
        if module
    }
    assert dark == expected
