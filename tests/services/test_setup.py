"""Making a member in a home, joining by invitation, and coming back with the 24 words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from node.ledger.root import state_root
from node.protocol import portable
from node.protocol.errors import LocalFault
from node.protocol.portable import Invitation
from node.protocol.record import RawRecord
from node.services.books.money import Money
from node.services.core import Core, open_core
from node.services.homes import backups
from node.services.incoming.intake import FILE, Intake
from node.services.members import devices, setup
from node.services.members.setup import Made, Person
from node.services.publish import Publisher
from node.services.trading import accounts
from node.storage.home import Home, HomeLock
from node.views import identities, members
from node.wallet import phrase_file
from node.wallet.errors import WalletError
from node.wallet.phrase import Phrase, new_phrase
from node.wallet.signer import Signer

MINSU = Person("민수", "ko")


@contextmanager
def opened(home: Home) -> Iterator[Core]:
    with HomeLock(home):
        core = open_core(home)
        core.signer = Signer.device(home.device_key)
        try:
            yield core
        finally:
            core.close()


def records_of(home: Home) -> list[RawRecord]:
    with opened(home) as core:
        return [raw for _, raw in core.reader.records_after(-1, 1_000)]


def new_member(home: Home, person: Person = MINSU) -> Made:
    with HomeLock(home):
        return setup.create_home(home, person)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def other(tmp_path: Path) -> Home:
    return Home(tmp_path / "other")


def test_a_first_start_gives_an_officer_with_an_account_and_a_limit(home: Home) -> None:
    made = new_member(home)
    with opened(home) as core:
        assert core.member == made.member
        own = accounts.own_account(core, core.reader)
        assert own is not None
        balance = Money(core).balance(core.member, 0)
        assert (balance.book, balance.spendable) == (0, setup.DEFAULT_LIMIT_UNITS)
        assert members.membership(core.reader, 0, made.member, core.rules) == "officer"
        profile = identities.profile_of(core.reader, made.member)
        assert profile is not None
        assert profile.name == "민수"
        assert core.reader.settings.get(setup.LANGUAGE_SETTING) == "ko"


def test_new_words_wait_in_a_private_file_that_is_the_members(home: Home) -> None:
    made = new_member(home)
    assert home.phrase.stat().st_mode & 0o077 == 0
    assert phrase_file.read_phrase(home.phrase).words == made.phrase.words
    phrase_file.confirm(home.phrase, made.phrase.text, made.member)
    assert not home.phrase.exists()


def test_given_words_are_written_nowhere(home: Home) -> None:
    phrase = new_phrase("zh")
    with HomeLock(home):
        made = setup.create_home(home, Person("小明", "zh"), phrase=phrase)
    assert not home.phrase.exists()
    held = b"".join(path.read_bytes() for path in home.path.iterdir() if path.is_file())
    assert phrase.text.encode() not in held
    assert made.phrase is phrase


def test_a_home_with_a_member_is_never_made_again(home: Home) -> None:
    new_member(home)
    before = home.device_key.read_bytes()
    with pytest.raises(LocalFault) as caught:
        new_member(home)
    assert caught.value.code == "home-exists"
    assert home.device_key.read_bytes() == before


def test_a_start_killed_before_its_end_is_cleared_away(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(setup, "_commit", killed)
        with pytest.raises(KeyboardInterrupt):
            new_member(home)
    assert not home.genesis.exists()
    made = new_member(home)
    with opened(home) as core:
        assert core.member == made.member
    assert not (home.path / setup.MAKING).exists()


def test_a_database_without_a_genesis_is_not_touched(home: Home) -> None:
    new_member(home)
    home.genesis.unlink()
    with pytest.raises(LocalFault) as caught:
        new_member(home)
    assert caught.value.code == "home-exists"
    assert home.database.exists()


@pytest.mark.parametrize("name", ["", "   ", "\u200b\u200b", "가" * 33])
def test_a_name_must_be_one(home: Home, name: str) -> None:
    with pytest.raises(LocalFault) as caught:
        new_member(home, Person(name, "ko"))
    assert caught.value.code == "name-invalid"
    assert not home.genesis.exists()


def test_an_invitation_is_applied_for_and_its_addresses_are_kept(home: Home, other: Home) -> None:
    officer = new_member(home)
    address = "/ip4/127.0.0.1/tcp/4130/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
    code = bytes(range(16))
    document = home.genesis.read_bytes()
    with opened(home) as core:
        chapter = core.rules.genesis.chapters[0].name
    invitation = Invitation([address], chapter, code, document)
    link = portable.encode_invitation(invitation)
    with HomeLock(other):
        made = setup.create_home(
            other, Person("Anna", "en"), invitation=portable.decode_invitation(link)
        )
    with opened(other) as core:
        assert core.community == officer.community
        assert members.membership(core.reader, 0, made.member, core.rules) == "applicant"
        assert [kept.address for kept in core.reader.addresses.all()] == [address]
        own = accounts.own_account(core, core.reader)
        assert own is not None
        assert members.current_act(core.reader, own.open, core.rules) is None


def test_a_restored_member_has_a_new_device_and_shuts_the_old_out(home: Home, other: Home) -> None:
    made = new_member(home)
    records, document = records_of(home), home.genesis.read_bytes()
    with HomeLock(other):
        setup.prepare_restore(other, made.phrase, "ko", document)
    with opened(other) as core:
        Intake(core).take_sync(records, FILE)
        old = setup.finish_restore(core, Publisher(core), made.phrase, whole=True)
        assert old == (made.device,)
        assert not setup.is_restoring(core)
        assert identities.is_revoked(core.reader, made.member, made.device)
        own = accounts.own_account(core, core.reader)
        assert own is not None
        assert Money(core).balance(core.member, 0).spendable == setup.DEFAULT_LIMIT_UNITS
        carried = [a for a in accounts.accounts_of(core, core.reader, core.member) if a.revoked]
        assert len(carried) == 1


def test_nothing_is_restored_before_the_records_are_here(home: Home, other: Home) -> None:
    made = new_member(home)
    with HomeLock(other):
        setup.prepare_restore(other, made.phrase, "ko", home.genesis.read_bytes())
    with opened(other) as core:
        with pytest.raises(LocalFault) as caught:
            setup.finish_restore(core, Publisher(core), made.phrase)
        assert caught.value.code == "restore-not-ready"
        assert core.reader.record_count() == 0
        with pytest.raises(WalletError) as refused:
            setup.finish_restore(core, Publisher(core), new_phrase("ko"))
        assert refused.value.code == "phrase-other"


def test_an_old_device_is_not_cut_where_only_half_of_its_records_came(
    home: Home, other: Home
) -> None:
    made = new_member(home)
    records = records_of(home)
    with HomeLock(other):
        setup.prepare_restore(other, made.phrase, "ko", home.genesis.read_bytes())
    with opened(other) as core:
        Intake(core).take_sync(records[:-3], "neighbour")
        with pytest.raises(LocalFault) as caught:
            setup.finish_restore(core, Publisher(core), made.phrase)
        assert caught.value.code == "restore-not-ready"
        assert not identities.is_revoked(core.reader, made.member, made.device)
        Intake(core).take_sync(records, "neighbour")
        setup.note_met(core)
        core.writer.run_sync(lambda state: None)
        assert setup.finish_restore(core, Publisher(core), made.phrase) == (made.device,)
        setup.note_met(core)
        assert core.reader.settings.get(setup.MET_SETTING) is None


def test_a_home_that_is_not_restoring_is_not_restored(home: Home) -> None:
    made = new_member(home)
    with opened(home) as core, pytest.raises(LocalFault) as caught:
        setup.finish_restore(core, Publisher(core), made.phrase)
    assert caught.value.code == "nothing-to-restore"


def test_a_device_beside_talks_but_has_no_account(home: Home, other: Home) -> None:
    made = new_member(home)
    records, document = records_of(home), home.genesis.read_bytes()
    with HomeLock(other):
        setup.prepare_restore(other, made.phrase, "ko", document, beside=True)
    with opened(other) as core:
        Intake(core).take_sync(records, FILE)
        assert setup.finish_restore(core, Publisher(core), made.phrase, whole=True) == ()
        assert not identities.is_revoked(core.reader, made.member, made.device)
        assert accounts.own_account(core, core.reader) is None
        scopes = {key: names for key, names, _ in identities.devices_of(core.reader, core.member)}
        assert scopes[core.own.public_key] == ["market", "social"]


def revoke(core: Core, publisher: Publisher, phrase: Phrase, device: bytes) -> None:
    with devices.root_of(core, phrase) as root:
        publisher.transact_sync(
            lambda appender, state: devices.revoke_device(core, appender, state, root, device)
        )


def test_only_the_members_own_words_revoke_a_device(home: Home) -> None:
    made = new_member(home)
    with opened(home) as core:
        publisher = Publisher(core)
        with pytest.raises(WalletError):
            revoke(core, publisher, new_phrase("en"), made.device)
        with pytest.raises(LocalFault) as unknown:
            revoke(core, publisher, made.phrase, bytes(32))
        assert unknown.value.code == "device-unknown"
        revoke(core, publisher, made.phrase, made.device)
        assert identities.is_revoked(core.reader, made.member, made.device)
        with pytest.raises(LocalFault) as again:
            revoke(core, publisher, made.phrase, made.device)
        assert again.value.code == "device-revoked"


def test_a_backup_brings_everything_back_but_the_keys(home: Home, other: Home) -> None:
    made = new_member(home)
    file = home.path.parent / "saved"
    with opened(home) as core:
        member = bytes(range(32))
        contact = backups.Contact(member, "이모", "김치", 1)
        core.writer.run_sync(lambda state: state.contacts.put(contact))
        root = state_root(core.reader, core.rules)
        with core.reading() as reader:
            document = home.genesis.read_bytes()
            count = backups.write(file, "비밀", core.member, document, reader)
        assert count == core.reader.record_count()
    assert file.stat().st_mode & 0o077 == 0
    head = backups.read_head(file, "비밀")
    assert (head.member, head.genesis) == (made.member, document)
    with HomeLock(other):
        setup.prepare_restore(other, made.phrase, "ko", head.genesis)
    with opened(other) as core:
        outcome = backups.restore_into(core, file, "비밀")
        assert (outcome.accepted, dict(outcome.rejected)) == (count, {})
        assert state_root(core.reader, core.rules) == root
        assert core.reader.contacts.get(member) == contact
        assert core.own.public_key != made.device
        setup.finish_restore(core, Publisher(core), made.phrase, whole=True)


def test_a_backup_needs_its_password_and_all_of_its_bytes(home: Home) -> None:
    new_member(home)
    file = home.path.parent / "saved"
    with opened(home) as core, core.reading() as reader:
        backups.write(file, "비밀", core.member, home.genesis.read_bytes(), reader)
        with pytest.raises(WalletError) as exists:
            backups.write(file, "비밀", core.member, home.genesis.read_bytes(), reader)
    assert exists.value.code == "file-exists"
    with pytest.raises(WalletError) as wrong:
        backups.read_head(file, "다른 것")
    assert wrong.value.code == "password-wrong"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(WalletError) as cut:
        backups.read_head(file, "비밀")
    assert cut.value.code == "backup-damaged"


def test_an_own_community_is_left_only_while_it_is_empty(home: Home) -> None:
    made = new_member(home)
    with opened(home) as core:
        assert setup.leave_own(core) == "민수"
    with HomeLock(home):
        setup.set_home_aside(home)
        again = setup.create_home(home, MINSU, phrase=made.phrase)
    assert again.member == made.member
    assert again.community != made.community
    assert phrase_file.is_waiting(home.phrase)
