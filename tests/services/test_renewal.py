"""A new key in place of the old one: whole or not at all, and only with the member's own words."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from pytest_trio import trio_fixture

from node.ledger.root import state_root
from node.protocol.errors import LocalFault, StorageFault
from node.protocol.office import WitnessStamp
from node.services.members import devices, renewal
from node.services.members.setup import RESTORING_SETTING
from node.services.publish import Draft
from node.services.trading import accounts
from node.views import identities
from node.wallet import keyfile
from node.wallet.errors import Problem, WalletError
from node.wallet.phrase import new_phrase
from node.wallet.signer import Signer
from tests.support.stories import Neighbour, Village, spread, village

pytestmark = pytest.mark.trio
PASSWORD = "긴 비밀번호"


@trio_fixture
async def place(tmp_path: Path) -> AsyncGenerator[Village]:
    async with village(tmp_path) as found:
        yield found


@trio_fixture
async def amina(place: Village) -> Neighbour:
    sunhee = await place.founder("sunhee")
    found = await place.newcomer("amina", sunhee)
    await spread(found, sunhee)
    return found


def key_in_file(one: Neighbour) -> bytes:
    return keyfile.read_info(one.person.core.home.device_key).public_key


async def test_the_new_key_signs_and_the_old_one_is_gone(amina: Neighbour) -> None:
    core = amina.person.core
    old, old_account = core.own, accounts.own_account(core, core.reader)
    done = await renewal.renew(core, amina.words)
    assert core.own.public_key == done.device == key_in_file(amina) != old.public_key
    assert done.shut_out == (old.public_key,)
    assert not core.home.next_device_key.exists()
    account = accounts.own_account(core, core.reader)
    assert account is not None
    assert old_account is not None
    assert (account.open, account.lane_key[32:64]) == (done.opened, done.device)
    assert accounts.positions.in_past(
        core.reader, accounts.lanes.ENTRY.must(core.reader, old_account.open), account.open
    )
    assert await renewal.renew(core, amina.words) != done  # and again, whenever it is wanted


async def test_other_words_or_a_wrong_password_change_nothing(amina: Neighbour) -> None:
    core = amina.person.core
    keyfile.change_passphrase(core.home.device_key, "device", old=None, new=PASSWORD)
    before = state_root(core.reader, core.rules), key_in_file(amina), core.own.public_key
    for words, password, problem in (
        (new_phrase("ko"), PASSWORD, Problem.PHRASE_OTHER),
        (amina.words, "another", Problem.PASSWORD_WRONG),
        (amina.words, None, Problem.PASSWORD_NEEDED),
    ):
        with pytest.raises(WalletError) as caught:
            await renewal.renew(core, words, password)
        assert caught.value.code == problem
        assert not core.home.next_device_key.exists()
    assert (state_root(core.reader, core.rules), key_in_file(amina), core.own.public_key) == before
    done = await renewal.renew(core, amina.words, PASSWORD)
    assert keyfile.read_info(core.home.device_key).sealed
    opened = Signer.device(core.home.device_key, PASSWORD, community_id=core.community)
    assert opened.public_key == done.device


async def test_what_the_disk_refuses_leaves_the_old_key(
    amina: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    core, old = amina.person.core, amina.person.core.own.public_key

    def full(*_: object, **__: object) -> None:
        raise StorageFault("disk-full")

    monkeypatch.setattr(devices, "take_over", full)
    with pytest.raises(StorageFault):
        await renewal.renew(core, amina.words)
    assert key_in_file(amina) == core.own.public_key == old
    assert not core.home.next_device_key.exists()
    assert not identities.is_revoked(core.reader, core.member, old)


@pytest.mark.parametrize("committed", [False, True])
async def test_a_start_after_a_kill_keeps_the_key_that_the_records_name(
    amina: Neighbour, committed: bool
) -> None:
    core, old = amina.person.core, amina.person.core.own.public_key
    home = core.home
    if committed:  # killed after the commit: the old key still has its place
        saved = home.device_key.read_bytes()
        done = await renewal.renew(core, amina.words)
        home.device_key.rename(home.next_device_key)
        home.device_key.touch(mode=0o600)
        home.device_key.write_bytes(saved)
        expected = done.device
    else:
        keyfile.create_key(
            home.next_device_key, "device", community_id=core.community, member_id=core.member
        )
        expected = old
    renewal.settle_keys(core)
    assert key_in_file(amina) == expected
    assert not home.next_device_key.exists()
    renewal.settle_keys(core)
    assert key_in_file(amina) == expected


async def test_a_relay_keeps_its_key_and_a_restore_is_finished_first(amina: Neighbour) -> None:
    core = amina.person.core
    await core.writer.run(lambda state: state.settings.put(RESTORING_SETTING, "instead"))
    with pytest.raises(LocalFault) as caught:
        await renewal.renew(core, amina.words)
    assert caught.value.code == "restore-not-ready"
    await core.writer.run(lambda state: state.settings.remove(RESTORING_SETTING))
    account = accounts.own_account(core, core.reader)
    assert account is not None
    stamp = WitnessStamp(head=account.head, open=account.open)
    await amina.person.publisher.publish(Draft("witness.stamp", stamp))
    with pytest.raises(LocalFault) as caught:
        await renewal.renew(core, amina.words)
    assert caught.value.code == "relay-key"


async def test_nothing_is_recognised_that_did_not_surface(amina: Neighbour) -> None:
    core, old = amina.person.core, amina.person.core.own.public_key
    await renewal.renew(core, amina.words)
    for device, code in ((old, "nothing-surfaced"), (bytes(32), "device-unknown")):
        for attempt in (
            lambda d=device: renewal.recognise(core, amina.words, d),
            lambda d=device: renewal.leave(core, d),
        ):
            with pytest.raises(LocalFault) as caught:
                await attempt()
            assert caught.value.code == code
    assert not core.home.next_device_key.exists()


async def test_a_trade_that_a_device_never_touched_cuts_nothing(amina: Neighbour) -> None:
    core = amina.person.core
    with devices.root_of(core, amina.words) as root, pytest.raises(LocalFault) as caught:
        await amina.person.publisher.transact(
            lambda appender, state: devices.revoke_device(
                core, appender, state, root, core.own.public_key, since=bytes(32)
            )
        )
    assert caught.value.code == "trade-not-there"
    assert not identities.is_revoked(core.reader, core.member, core.own.public_key)


async def test_the_address_and_the_words_stay_as_they_were(amina: Neighbour) -> None:
    home = amina.person.core.home
    before = home.host_key.read_bytes(), home.token.read_text()
    await amina.with_words("device", "renew")
    assert (home.host_key.read_bytes(), home.token.read_text()) == before
    assert (await amina.told("id"))["device"] == key_in_file(amina).hex()


async def test_renewing_again_carries_what_was_carried(place: Village, amina: Neighbour) -> None:
    """Many renewals in a life: every one goes on from the last, with its limit (R14)."""
    sunhee = next(one for one in place.everybody if one.name == "sunhee")
    for number in range(1, 5):
        await amina.pay(sunhee, f"{number}")
        await amina.person.hand_to(sunhee.person)
        await renewal.renew(amina.person.core, amina.words)
        await spread(amina, sunhee)
    found = await amina.told("balance")
    assert (found["limit"], found["reserved"]) == (10_000, 1_000)
    assert found["spendable"] == 9_000
