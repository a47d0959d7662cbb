"""Stories of lost, stolen, copied and doubled devices, as everybody concerned reads them on their
screen: the owner, their partner, the officer, and a bystander, in Korean and in English.
"""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import trio
from nacl.signing import SigningKey
from pytest_trio import trio_fixture

from node.ledger import alerts, book
from node.ledger.positions import POSITION
from node.protocol import lanes
from node.protocol.admission import stored_body
from node.protocol.identity import Lane
from node.protocol.office import CreditGrant, WitnessStamp
from node.protocol.portable import decode_invitation
from node.runtime.bridge import NEIGHBOURS_SETTING
from node.services.publish import Draft
from node.views import members
from tests.support.homes import Person, introduce, move_in, seed_of
from tests.support.stories import Neighbour, Village, balances, spread, village

pytestmark = pytest.mark.trio
QUIET = {"confirm-words", "neighbours"}


@trio_fixture
async def place(tmp_path: Path) -> AsyncGenerator[Village]:
    async with village(tmp_path) as found:
        yield found


async def four(place: Village) -> tuple[Neighbour, Neighbour, Neighbour, Neighbour]:
    """An officer, the owner of the story, a partner, a bystander; all with a limit of 100."""
    sunhee = await place.founder("sunhee")
    amina = await place.newcomer("amina", sunhee)
    baraka = await place.newcomer("baraka", sunhee)
    cho = await place.newcomer("cho", sunhee)
    await spread(sunhee, amina, baraka, cho)
    return sunhee, amina, baraka, cho


async def paid(payer: Neighbour, payee: Neighbour, amount: str, *others: Neighbour) -> str:
    """A payment that both sides agreed to, known to these others too."""
    trade = await payer.pay(payee, amount)
    await payer.person.hand_to(payee.person)
    await payee.screen("accept", trade)
    await spread(payer, payee, *others)
    return trade


async def spendable(one: Neighbour) -> int:
    found = await one.told("balance")
    return int(found["spendable"])


def grant_of(officer: Neighbour, one: Neighbour) -> CreditGrant:
    """The grant in force for a member's own account."""
    core = officer.person.core
    opened = lanes.at_seq(core.reader, _head(one), 0)
    current = members.current_act(core.reader, opened, core.rules)
    assert current is not None
    return stored_body(core.reader, lanes.ENTRY.must(core.reader, current[0]).number, CreditGrant)


def _head(one: Neighbour) -> lanes.Entry:
    core = one.person.core
    lane_key = one.person.id + core.own.public_key + bytes((Lane.ACCOUNT,))
    (head,) = lanes.heads_of(core.reader, lane_key)
    return lanes.ENTRY.must(core.reader, head.id)


# --- lost -----------------------------------------------------------------------------------------
async def test_a_lost_device_without_a_backup(place: Village) -> None:
    """Words on paper, and what the neighbours hold: that is all it takes."""
    sunhee, amina, baraka, cho = await four(place)
    bread = await paid(amina, baraka, "10", sunhee, cho)
    lost = amina.device
    await amina.leave()  # the computer is gone

    amina = await place.back("amina", "amina's new computer", amina.words, baraka)
    await spread(amina, sunhee, baraka, cho)
    assert balances(amina, baraka) == [-1_000, 1_000]
    ko, en = await amina.both("balance")
    assert "You can spend: 90.00" in en
    assert "쓸 수 있는 나눔: 90.00" in ko
    _, en = await amina.both("device", "list")
    row = next(line for line in en.splitlines() if line.startswith(lost[:12]))
    assert "shut out" in row
    for neighbour in (amina, baraka, sunhee, cho):
        assert "agreed" in await neighbour.screen("trade", "show", bread)
        assert set(await neighbour.hints()) <= QUIET
    milk = await paid(amina, baraka, "5", sunhee, cho)
    assert "agreed" in await baraka.screen("trade", "show", milk)
    assert balances(amina, baraka) == [-1_500, 1_500]


async def a_computer_that_knew_more(
    place: Village,
) -> tuple[Neighbour, Neighbour, Neighbour, Neighbour, str, str]:
    """Before it broke, Amina's computer paid Cho 30 and offered 5, and Cho paid her 20. Only Cho
    heard of it, and was away while she came back and paid 8 more. Now Cho is here again."""
    sunhee, amina, baraka, cho = await four(place)
    await paid(amina, baraka, "10", sunhee, cho)
    late = await paid(amina, cho, "30")
    offer = await amina.pay(cho, "5")
    await amina.person.hand_to(cho.person)
    await paid(cho, amina, "20")
    await amina.leave()

    amina = await place.back("amina", "amina's new computer", amina.words, baraka)
    await spread(amina, sunhee, baraka)
    assert await spendable(amina) == 9_000
    await paid(amina, baraka, "8", sunhee)
    await spread(amina, sunhee, baraka, cho)
    return sunhee, amina, baraka, cho, late, offer


async def test_payments_that_surface_later_count_once_their_owner_says_so(place: Village) -> None:
    sunhee, amina, baraka, cho, late, offer = await a_computer_that_knew_more(place)
    old = next(one for one in (await amina.told("device", "list"))["items"] if one["revoked"])
    assert balances(amina, baraka, cho) == [-1_800 + 2_000, 1_800, -2_000]
    assert await spendable(amina) == 10_000 - 1_800 + 2_000  # Cho's payment is hers in any case

    # what each screen says while it is in doubt
    assert "Were they yours?" in (await amina.hints("en"))["late"]
    assert "직접 보내셨나요?" in (await amina.hints("ko"))["late"]
    ko, en = await amina.both("device", "list")
    for shown in (ko, en):
        assert f"wetalk device recognise {old['device'][:12]}" in shown
        assert late[:12] in shown
    assert "in doubt" in await amina.screen("trade", "list")
    ko, en = await cho.both("trade", "show", late)
    assert "Ask amina before you deliver anything" in en
    assert "물건을 건네기 전에 amina 님에게 물어보세요" in ko
    assert "In doubt, and not counted: 30.00 (trades: 1)" in await cho.screen("balance")
    assert "amina has shut out the device" in await sunhee.screen("trade", "show", late)

    # it was her
    await amina.with_words("device", "recognise", old["device"][:12])
    await spread(amina, sunhee, baraka, cho)
    assert balances(amina, baraka, cho) == [-2_800, 1_800, 1_000]
    assert await spendable(amina) == 10_000 - 2_800 - 500  # the offer is still set aside
    await amina.screen("release", offer)
    assert await spendable(amina) == 10_000 - 2_800
    await spread(amina, sunhee, baraka, cho)
    for one in (amina, cho, baraka, sunhee):
        assert "In doubt" not in await one.screen("balance")
        assert set(await one.hints()) <= QUIET
    assert "agreed" in await cho.screen("trade", "show", late)
    await paid(amina, cho, "72", sunhee, baraka)  # all that is left, and no more
    assert balances(amina, baraka, cho) == [-10_000, 1_800, 8_200]
    refused = await amina.screen("pay", cho.id, "0.01", "--yes", code=1)
    assert "more than" in refused


async def test_payments_that_were_not_hers_stay_in_doubt(place: Village) -> None:
    sunhee, amina, baraka, cho, late, _ = await a_computer_that_knew_more(place)
    old = next(one for one in (await amina.told("device", "list"))["items"] if one["revoked"])
    await amina.screen("device", "recognise", old["device"][:12], "--not-mine")
    assert "late" not in await amina.hints()
    assert "stay in doubt" in await amina.screen("device", "list")
    await spread(amina, sunhee, baraka, cho)
    assert balances(amina, cho) == [200, -2_000]
    ko, en = await cho.both("trade", "show", late)
    assert "in doubt" in en
    assert "{" not in ko + en


async def test_a_device_is_recognised_up_to_a_trade(place: Village) -> None:
    sunhee, amina, baraka, cho, late, offer = await a_computer_that_knew_more(place)
    old = next(one for one in (await amina.told("device", "list"))["items"] if one["revoked"])
    await amina.with_words("device", "recognise", old["device"][:12], "--through", late)
    await spread(amina, sunhee, baraka, cho)
    assert balances(amina, cho) == [-2_800, 1_000]
    found = await amina.told("device", "list")
    asked = [one["late"] for one in found["items"] if one["late"] is not None]
    assert [one["payments"] for one in asked] == [[]]  # the offer alone is beyond the cut now
    shown = await amina.told("trade", "show", offer)
    assert (shown["state"], shown["next_steps"]) == ("proposed", [])  # her own, but not carried


# --- stolen ---------------------------------------------------------------------------------------
async def test_a_stolen_device_without_relays(place: Village) -> None:
    """The thief pays Cho, who suspects nothing, and Baraka. What the owner says was not theirs
    counts for nobody; an officer decides how she goes on."""
    sunhee, amina, baraka, cho = await four(place)
    bread = await paid(amina, baraka, "10", sunhee, cho)
    thief = amina  # from here on, somebody else sits at it
    first = await paid(thief, cho, "20", sunhee, baraka)
    await paid(thief, baraka, "30", sunhee, cho)
    await thief.leave()

    amina = await place.back("amina", "new", amina.words, sunhee, more=("--since", first[:12]))
    await spread(amina, sunhee, baraka, cho)
    assert balances(amina, baraka, cho) == [-1_000, 1_000, 0]
    assert "agreed" in await baraka.screen("trade", "show", bread)
    assert "late" not in await amina.hints()  # she has just said that it was not she

    ko, en = await amina.both("trade", "show", first)
    assert "You have shut out the device that signed this" in en
    assert "이 거래에 서명한 기기를 막으셨기 때문에" in ko
    for payee, amount in ((cho, "20.00"), (baraka, "30.00")):
        ko, en = await payee.both("balance")
        assert f"In doubt, and not counted: {amount} (trades: 1)" in en
        assert f"미심쩍어서 셈하지 않은 금액: {amount} (거래 1건)" in ko
        assert "in-doubt" in await payee.hints()
        month = await payee.screen("statement", "--month", "2026-09")
        assert "In doubt, and not counted:" in month
    ko, en = await sunhee.both("chapter", "requests")
    assert "payments of it are in doubt. Ask what happened" in en
    assert "무슨 일인지 물어봐 주세요" in ko
    assert first in en
    assert "renewals" in await sunhee.hints()
    assert "an officer decides about your new limit" in (await amina.hints())["limit-awaited"]
    refused = await amina.screen("pay", baraka.id, "1", "--yes", code=1)
    assert "has not given you a limit" in refused

    await sunhee.screen("chapter", "grant", amina.id[:12], "50")
    await spread(amina, sunhee, baraka, cho)
    assert await spendable(amina) == 4_000
    assert "limit-awaited" not in await amina.hints()
    assert "No" in await sunhee.screen("chapter", "requests")

    thief = await place.open("amina", amina.words, "thief")
    await cho.person.hand_to(thief.person)
    assert "shut out" in await thief.screen("pay", cho.id, "1", "--yes", code=1)
    assert "shut-out" in await thief.hints()


async def test_a_stolen_device_with_relays(place: Village, tmp_path: Path) -> None:
    """What the chapter's relays confirmed before is never in doubt."""
    relay_key = _relay_key()
    (sunhee,) = await place.founders("sunhee", relays=(relay_key,))
    relay = move_in(tmp_path, "relay", place.genesis, place.clock)
    await introduce(relay, seed_of("relay device "))
    await relay.community.apply(None, "", None)
    await relay.hand_to(sunhee.person)
    await sunhee.person.community.admit(None, relay.id)
    people = [await _joined(place, sunhee, name) for name in ("amina", "baraka", "cho")]
    amina, baraka, cho = people
    await spread(sunhee, *people)

    await _confirmed(await paid(amina, baraka, "10", sunhee, cho), relay, sunhee, *people)
    first = await paid(amina, cho, "20", sunhee, baraka)  # the thief's, and not noticed yet
    await _confirmed(first, relay, sunhee, *people)
    second = await paid(amina, baraka, "30", sunhee, cho)
    await amina.leave()

    amina = await place.back("amina", "new", amina.words, sunhee, more=("--since", first[:12]))
    await relay.hand_to(amina.person)
    await spread(amina, sunhee, baraka, cho)
    assert balances(amina, baraka, cho) == [-3_000, 1_000, 2_000]
    for one in (amina, cho, sunhee, baraka):
        ko, en = await one.both("trade", "show", first)
        assert "confirmed by the chapter" in en
        assert "지부가 확인했어요" in ko
        assert "in doubt" not in en
    assert "Ask amina before you deliver" in await baraka.screen("trade", "show", second)
    assert "in-doubt" not in await cho.hints()
    renewal = (await sunhee.told("chapter", "requests"))["renewals"]
    assert [(one["reason"], one["contested"]) for one in renewal] == [("contested", [second])]
    await sunhee.screen("chapter", "grant", amina.id[:12], "100")
    await spread(amina, sunhee, baraka, cho)
    assert await spendable(amina) == 10_000 - 3_000
    relay.close()


def _relay_key() -> bytes:
    return bytes(SigningKey(seed_of("relay device ")).verify_key)


async def _joined(place: Village, officer: Neighbour, name: str) -> Neighbour:
    link = await trio.to_thread.run_sync(lambda: officer.house.client().invite(code=True))
    return await place.join(name, decode_invitation(link["link"]), officer)


async def _confirmed(trade: str, relay: Person, *people: Neighbour) -> None:
    """The relay stamps a payment (R36), and everybody hears of it."""
    await people[0].person.hand_to(relay)
    reader = relay.core.reader
    commit = next(book.commits_of(reader, bytes.fromhex(trade)))
    key = relay.core.own.public_key
    assert alerts.may_stamp(reader, key, commit, relay.core.rules)
    stamp = WitnessStamp(head=commit, open=POSITION.must(reader, commit).open)
    await relay.publisher.publish(Draft("witness.stamp", stamp))
    await relay.hand_to(people[0].person)
    await spread(*people)


async def test_a_device_that_talks_takes_over_from_a_stolen_one(place: Village) -> None:
    """Amina's tablet only talked; with her words it shuts the phone out, and pays from then on."""
    sunhee, amina, baraka, cho = await four(place)
    tablet = await place.back("amina", "tablet", amina.words, sunhee, beside=True)
    await spread(tablet, amina, sunhee, baraka, cho)
    stolen = await paid(amina, cho, "25", sunhee, baraka)
    phone = amina.device
    await spread(tablet, sunhee, baraka, cho)
    await tablet.with_words("device", "revoke", phone[:12], "--since", stolen)
    await tablet.with_words("device", "renew")
    await spread(tablet, sunhee, baraka, cho)
    assert balances(tablet, cho) == [0, 0]
    await sunhee.screen("chapter", "grant", tablet.id[:12], "100")
    await spread(tablet, sunhee, baraka, cho)
    await paid(tablet, baraka, "7", sunhee, cho)
    assert balances(tablet, baraka, cho) == [-700, 700, 0]


# --- copied ---------------------------------------------------------------------------------------
async def both_copies_pay(
    place: Village,
) -> tuple[Neighbour, Neighbour, Neighbour, Neighbour, Neighbour, Neighbour]:
    """Amina copied her folder to a second computer and uses both: one pays Baraka 60, the other Cho
    60. Then everybody meets."""
    sunhee, amina, baraka, cho = await four(place)
    dan = await place.newcomer("dan", sunhee)
    await spread(sunhee, amina, baraka, cho, dan)
    await amina.leave()
    place.copy("amina", "copy")
    amina = await place.open("amina", amina.words)
    copy = await place.open("copy", amina.words, "copy")
    await paid(amina, baraka, "60")
    await paid(copy, cho, "60")
    for _ in range(2):
        people = (sunhee, amina, copy, baraka, cho, dan)
        for giver in people:
            await giver.person.hand_to(*(one.person for one in people if one is not giver))
    return sunhee, amina, copy, baraka, cho, dan


async def test_a_copied_home_and_the_way_back(place: Village) -> None:
    sunhee, amina, copy, baraka, cho, dan = await both_copies_pay(place)
    for one in (amina, copy):
        assert "wetalk device renew" in (await one.hints("en"))["home-copied"]
        assert "wetalk device renew" in (await one.hints("ko"))["home-copied"]
        refused = await one.screen("pay", dan.id, "1", "--yes", code=1)
        assert "Another copy of this data has signed" in refused
    for payee in (baraka, cho):
        hints = await payee.hints("en")
        assert "amina signed two different histories with one key" in hints["exposed"]
        assert "Your trades with them that are not final: 1 (60.00)" in hints["exposed"]
        assert "서로 다른 두 기록에 서명했어요" in (await payee.hints("ko"))["exposed"]
    assert "makes a new key with the 24 words" in (await sunhee.hints())["exposed-officer"]
    assert "exposed" not in await dan.hints()  # it concerns others; the member's page says it
    for one in (sunhee, baraka, cho, dan):
        seen = await _member_page(one, amina)
        assert seen == ["This member's records contradict each other. Do not trade for now."]

    await amina.with_words("device", "renew", "--both")
    everybody = (amina, sunhee, baraka, cho, dan)
    await spread(*everybody)
    assert balances(amina, baraka, cho) == [-12_000, 6_000, 6_000]  # both count, each once
    assert "once signed two different histories" in (await amina.hints())["limit-awaited"]
    assert "The grant will name that fork" in await sunhee.screen("chapter", "requests")
    await sunhee.screen("chapter", "grant", amina.id[:12], "100")
    await spread(*everybody)
    grant = grant_of(sunhee, amina)
    assert grant.proof is not None
    assert lanes.ENTRY.has(sunhee.person.core.reader, grant.proof)
    assert await spendable(amina) == -2_000  # two limits were spent; they are to be earned back
    assert "more than" in await amina.screen("pay", dan.id, "1", "--yes", code=1)
    await paid(dan, amina, "30", sunhee, baraka, cho)
    await paid(amina, dan, "10", sunhee, baraka, cho)
    assert balances(amina, dan) == [-10_000, -2_000]
    for one in everybody:
        assert set(await one.hints()) <= QUIET
        assert await _member_page(one, amina) == []
    await amina.person.hand_to(copy.person)
    assert "shut-out" in await copy.hints()


async def _member_page(one: Neighbour, other: Neighbour) -> list[str]:
    client = one.house.client("en")
    found = await trio.to_thread.run_sync(lambda: client.member(other.id))
    return list(found["alert_texts"])


async def test_a_stolen_copy_is_not_recognised(place: Village) -> None:
    sunhee, amina, _, baraka, cho, _ = await both_copies_pay(place)
    await amina.with_words("device", "renew")
    await spread(amina, sunhee, baraka, cho)
    assert balances(amina, baraka, cho) == [-6_000, 6_000, 0]
    assert "in-doubt" in await cho.hints()
    assert "in-doubt" not in await baraka.hints()
    await sunhee.screen("chapter", "grant", amina.id[:12], "100")
    await spread(amina, sunhee, baraka, cho)
    assert await spendable(amina) == 4_000


async def test_a_disk_image_set_back(place: Village) -> None:
    """Before a neighbour's echo nothing is signed; after it, the own later records are known, and a
    new key goes on from them. Nothing is ever in doubt."""
    sunhee, amina, baraka, cho = await four(place)
    await amina.person.core.writer.run(lambda state: state.settings.put(NEIGHBOURS_SETTING, "1"))
    await paid(amina, baraka, "10", sunhee, cho)
    await amina.leave()
    place.copy("amina", "image")
    amina = await place.open("amina", amina.words)
    amina.person.core.echo_wanted = False  # a neighbour has echoed
    await paid(amina, cho, "20", sunhee, baraka)
    await amina.leave()

    amina = await place.open("image", amina.words, "amina")
    refused = [
        await amina.screen("pay", cho.id, "1", "--yes", language=language, code=1)
        for language in ("ko", "en")
    ]
    assert "이웃이 내 지난 기록을 아직 확인하지 않았어요" in refused[0]
    assert "No neighbour has confirmed your earlier records yet" in refused[1]
    await baraka.person.hand_to(amina.person)
    told = await amina.screen("pay", cho.id, "1", "--yes", "--anyway", code=1)
    assert "wetalk device renew" in told
    assert "home-copied" in await amina.hints()

    await amina.with_words("device", "renew")
    await spread(amina, sunhee, baraka, cho)
    assert balances(amina, baraka, cho) == [-3_000, 1_000, 2_000]
    assert await spendable(amina) == 7_000
    for one in (amina, sunhee, baraka, cho):
        assert set(await one.hints()) <= QUIET


# --- doubled --------------------------------------------------------------------------------------
async def test_two_devices_of_one_owner_both_pay(place: Village) -> None:
    """Amina came back on two computers at once; two officers who had not met granted one each."""
    sunhee, minho = await place.founders("sunhee", "minho")
    amina = await _joined(place, sunhee, "amina")
    baraka = await _joined(place, sunhee, "baraka")
    await spread(sunhee, minho, amina, baraka)
    await amina.leave()
    left = await place.back("amina", "left", amina.words, baraka)
    right = await place.back("amina", "right", amina.words, baraka)
    await spread(left, sunhee)
    await spread(right, minho)
    await paid(left, sunhee, "10")
    await paid(right, minho, "20")
    people = (sunhee, minho, left, right, baraka)
    await spread(*people)

    assert "Two devices of yours have traded" in (await left.hints("en"))["two-accounts"]
    assert "내 기기 두 대가" in (await right.hints("ko"))["two-accounts"]
    for one in (baraka, sunhee, minho):
        pages = await _member_page(one, left)
        assert pages == ["This member continues one account on two devices. Do not trade for now."]
        assert "two devices" in await one.screen("pay", left.id, "1", "--yes", code=1)

    await left.with_words("device", "renew")
    await spread(*people)
    assert balances(left, sunhee, minho) == [-3_000, 1_000, 2_000]
    assert await spendable(left) == 7_000
    assert "shut-out" in await right.hints()
    for one in (baraka, sunhee, minho, left):
        assert await _member_page(one, left) == []
    await paid(left, baraka, "70", sunhee, minho)
    assert balances(left, baraka) == [-10_000, 7_000]


async def test_the_second_of_two_restores_is_told_what_to_do(place: Village) -> None:
    """With one officer only the first gets a limit. The other computer, and the officer, are told
    why; a new key there takes the account over."""
    sunhee, amina, baraka, _ = await four(place)
    await amina.leave()
    left = await place.back("amina", "left", amina.words, baraka)
    right = await place.back("amina", "right", amina.words, baraka)
    await spread(left, sunhee)
    await paid(left, baraka, "10", sunhee)
    await spread(left, right, sunhee, baraka)
    assert "leaves out an earlier one" in (await right.hints("en"))["limit-awaited"]
    assert "예전 계정 하나가 빠져" in (await right.hints("ko"))["limit-awaited"]
    shown = await sunhee.screen("chapter", "requests")
    assert "amina has to run: wetalk device renew" in shown
    assert "chapter grant" not in shown
    await right.with_words("device", "renew")
    await spread(left, right, sunhee, baraka)
    assert "shut-out" in await left.hints()
    assert await spendable(right) == 9_000
    assert "No" in await sunhee.screen("chapter", "requests")


async def test_what_is_given_back_is_in_doubt_with_the_payment(place: Village) -> None:
    sunhee, amina, baraka, cho = await four(place)
    payment = await paid(amina, baraka, "40", sunhee, cho)
    back = (await baraka.told("refund", payment, "15"))["id"]
    await baraka.person.hand_to(amina.person)
    await amina.screen("accept", back)
    await spread(amina, baraka, sunhee, cho)
    assert balances(amina, baraka) == [-2_500, 2_500]
    await amina.with_words("device", "revoke", amina.device, "--since", payment)
    await spread(amina, baraka, sunhee, cho)
    assert balances(amina, baraka) == [0, 0]
    ko, en = await baraka.both("trade", "show", back)
    assert "It gives back a payment that is in doubt" in en
    assert "미심쩍은 돈을 돌려주는 거래" in ko
    assert "In doubt, and not counted: 25.00 (trades: 2)" in await baraka.screen("balance")
