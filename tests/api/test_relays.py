"""What members are told about relays: the seller's line, contradictions, what to do next."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from node.client import Client
from tests.api.house import serving
from tests.support.homes import Person, device_key
from tests.support.village import Village, come_back, head_of, lie, two_histories, village_of


@pytest.fixture
async def village(tmp_path: Path) -> AsyncGenerator[Village]:
    """Four relays, three of whom must confirm."""
    found = await village_of(tmp_path, 4, 3)
    yield found
    for person in found.everybody:
        person.close()


async def asked(person: Person, *paths: str, language: str = "en") -> list[Any]:
    """What the API of a home answers."""
    async with serving(person.core) as house:

        def ask(_: Client) -> list[Any]:
            client = house.client(language)
            return [client.get(path) for path in paths]

        return await house.do(ask)


async def test_a_seller_is_told_to_wait_and_then_that_it_is_final(village: Village) -> None:
    trade = await village.agreed(village.amina, village.baraka, 2_500)
    path = f"/trades/{trade.hex()}"
    (shown,) = await asked(village.baraka, path, language="ko")
    assert (shown["state"], shown["goods"]) == ("settled", "wait")
    assert "기다려" in shown["goods_text"]
    assert shown["confirmations"] == {"given": 0, "needed": 3, "relays": 4}
    await village.spread(*village.relays[2:])
    (shown,) = await asked(village.baraka, path)
    assert shown["confirmations_text"] == "2 of 4 relays have confirmed; 3 are needed."
    assert shown["goods"] == "wait"
    await village.spread()
    (page,) = await asked(village.baraka, "/trades")
    (shown,) = page["items"]
    assert (shown["state"], shown["goods"], shown["level"]) == ("secured", "confirmed", "L3")


async def test_a_relay_says_what_it_has_confirmed(village: Village) -> None:
    (before,) = await asked(village.relays[0], "/status")
    assert (before["relay"]["confirmations"], before["relay"]["last"]) == (0, None)
    await village.agreed(village.amina, village.baraka, 2_500)
    await village.spread()
    (after,) = await asked(village.relays[0], "/status")
    assert after["relay"]["key"] == device_key("w0").hex()
    assert (after["relay"]["confirmations"], after["relay"]["convicted"]) == (1, False)
    assert after["relay"]["chapters"] == ["마을"]
    assert after["relay"]["last"] is not None
    (other,) = await asked(village.amina, "/status")
    assert other["relay"] is None


async def test_members_are_told_of_a_relay_that_contradicted_itself(village: Village) -> None:
    first, second = two_histories(village)
    liar = village.relays[3]
    await village.agreed(first, village.baraka, 100)
    await village.agreed(second, village.officer, 200)
    for home in (first, second):
        await home.hand_to(liar)
        await lie(liar, head_of(home))
    second.close()
    await liar.hand_to(village.officer)
    status, community = await asked(village.officer, "/status", "/community")
    assert "relay-liar" in [hint["code"] for hint in status["next"]]
    (chapter,) = community["chapters"]
    assert chapter["convicted"] == [device_key("w3").hex()]
    (told,) = chapter["convicted_texts"]
    assert device_key("w3").hex()[:8] in told
    assert chapter["relay_texts"] == [
        "Relays that confirm: 4. Needed for a payment: 3. May be down: 1. May lie: 1."
    ]
    (status,) = await asked(liar, "/status")
    assert "relay-convicted" in [hint["code"] for hint in status["next"]]
    assert status["relay"]["convicted"]


async def test_a_member_is_told_of_confirmed_records_that_a_restore_missed(
    village: Village,
) -> None:
    old = village.amina
    await village.agreed(old, village.baraka, 1_000)
    await village.spread(village.officer)
    again = await come_back(village, " second", village.officer)
    (before,) = await asked(again, "/status")
    assert "left-behind" not in [hint["code"] for hint in before["next"]]
    await village.relays[0].hand_to(again)
    (after,) = await asked(again, "/status")
    (hint,) = [hint for hint in after["next"] if hint["code"] == "left-behind"]
    assert hint["command"] == "wetalk device renew"
    old.close()
