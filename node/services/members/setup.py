"""Making a member in a home, and bringing one back.

Rules: the phrase is new or typed, and lies in a 0600 file until its owner has confirmed it; the
device key and the host key are made here and nowhere else (R11); the home counts as made only when
its genesis document stands, which is written last: a process killed before leaves nothing that
matters, and the next start clears it away. Where the document names this home's reserved key as
that of a relay, the device key is that key; the reserved file goes when the home is made. The
caller holds the home's lock.

Left to others: asking and showing (commands), dialling (network).
"""

import re
import secrets
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from node import i18n
from node.ledger.fold import FOLD_VERSION, Fold
from node.protocol import genesis as documents
from node.protocol import lanes, limits, portable
from node.protocol.errors import LocalFault, RemoteFault
from node.protocol.genesis import Chapter, CreditUnit, Genesis
from node.protocol.portable import Invitation
from node.protocol.ports import Clock
from node.protocol.record import parse_header
from node.protocol.shapes import CommunityId
from node.protocol.social import MemberApply, ProfileSet
from node.services import written
from node.services.chapters.community import open_account
from node.services.chapters.founding import Plan
from node.services.core import Core, now_ms
from node.services.members import devices
from node.services.publish import Appender, Draft, Publisher
from node.storage.database import Database
from node.storage.home import Home, remove_database
from node.storage.kept.neighbours import Address
from node.storage.state import WriterState
from node.views import identities
from node.views.members import Rules
from node.wallet import keyfile, phrase_file
from node.wallet.phrase import Phrase, new_phrase
from node.wallet.private_file import remove_private, write_private
from node.wallet.signer import RootSigner, Signer

LANGUAGE_SETTING: Final = "language"
RESTORING_SETTING: Final = "restoring"  # the member's records are awaited; nothing is signed yet
MET_SETTING: Final = "restoring_met"  # a neighbour, or a file, has given all it has
INSTEAD, BESIDE = "instead", "beside"  # of the other devices
MAKING: Final = "making"  # a file that stands while a home is being made
UNIT_DECIMALS: Final = 2
DEFAULT_LIMIT_UNITS: Final = 100_00  # a first trust: some days of food among neighbours
LIMIT_MAX_UNITS: Final = 1_000_00
# What a community of one holds before anything happens in it.
OWN_KINDS: Final = frozenset(
    {
        *("identity.create", "device.add", "social.open", "profile.set", "account.open"),
        *("office.open", "credit.grant"),
    }
)
ALL_LANGUAGES: Final = ["en", "ko", "zh"]


@dataclass(frozen=True, slots=True)
class Made:
    """A member in a home: ids of 32 bytes. `phrase` is the member's; show it once, then drop it."""

    member: bytes
    community: bytes
    device: bytes
    phrase: Phrase


@dataclass(frozen=True, slots=True)
class Person:
    """How a new member is called, and the language they read."""

    name: str
    language: i18n.Language


def create_home(
    home: Home,
    person: Person,
    *,
    invitation: Invitation | None = None,
    plan: Plan | None = None,
    phrase: Phrase | None = None,
    passphrase: str | None = None,
    clock: Clock = now_ms,
) -> Made:
    """Make a member in an empty home: of the inviting community, or the founder of the planned one;
    without either, with a community of their own.

    A new phrase waits in the home's phrase file; a given one is not written. Raises LocalFault
    home-exists, name-invalid, plan-…; WalletError; StorageFault.
    """
    name = checked_name(person.name)
    words = phrase or new_phrase(person.language)
    with _making(home), RootSigner.from_phrase(words) as root:
        if plan is not None:
            invitation = founding(home, plan, root.public_key)
        if phrase is None:
            phrase_file.write_phrase(home.phrase, words)
        document = (
            own_genesis(name, person.language, root.public_key)
            if invitation is None
            else invitation.genesis
        )
        core = _prepared(home, document, root.member_id, passphrase, clock)

        def work(appender: Appender, state: WriterState) -> None:
            _introduce(core, appender, state, root, Person(name, person.language))
            if invitation is not None:
                keep_addresses(state, invitation.addresses)
            _belong(core, appender, state, invitation)
            devices.own_grants(core, appender, state)

        _commit(home, core, document, work)
        return Made(root.member_id, core.community, core.own.public_key, words)


def prepare_restore(
    home: Home,
    phrase: Phrase,
    language: i18n.Language,
    document: bytes,
    *,
    addresses: Iterable[str] = (),
    beside: bool = False,
    passphrase: str | None = None,
    clock: Clock = now_ms,
) -> Made:
    """A home for a member who has been here before, with a new device key, awaiting their records.

    `finish_restore` speaks for them once the records are here (imported, or synced). With `beside`
    the other devices will go on, and this one will talk and offer but not pay.
    """
    with _making(home), RootSigner.from_phrase(phrase) as root:
        core = _prepared(home, document, root.member_id, passphrase, clock)

        def work(_: Appender, state: WriterState) -> None:
            state.settings.put(LANGUAGE_SETTING, language)
            state.settings.put(RESTORING_SETTING, BESIDE if beside else INSTEAD)
            keep_addresses(state, addresses)

        _commit(home, core, document, work)
        return Made(root.member_id, core.community, core.own.public_key, phrase)


def founding(home: Home, plan: Plan, founder: bytes) -> Invitation:
    """The founder's own invitation to the community they plan; who follows it is in it as planned.

    Raises LocalFault plan-…, WalletError about the reserved key.
    """
    own_relay = keyfile.reserve_key(home.reserved_key) if plan.names_this_computer else None
    document = plan.document(founder, own_relay)
    return Invitation([], plan.chapter_of(founder), None, document)


def invitation_in(written: str) -> Invitation | None:
    """The invitation in a message that was handed on with greetings around it; None without one.

    Raises LocalFault invitation-invalid.
    """
    found = re.search(re.escape(portable.LINK_PREFIX) + r"[A-Za-z0-9_-]*", written)
    try:
        return None if found is None else portable.decode_invitation(found[0])
    except RemoteFault as fault:
        raise LocalFault("invitation-invalid", str(fault)) from None


def is_restoring(core: Core) -> bool:
    """True while this home waits for its member's records."""
    return core.reader.settings.get(RESTORING_SETTING) is not None


def note_met(core: Core) -> None:
    """While restoring: a neighbour, or a file, has nothing more to give. Does not wait."""
    if is_restoring(core) and core.reader.settings.get(MET_SETTING) is None:
        core.writer.submit(lambda state: state.settings.put(MET_SETTING, "1"))


def finish_restore(
    core: Core,
    publisher: Publisher,
    phrase: Phrase,
    *,
    whole: bool = False,
    since: bytes | None = None,
) -> tuple[bytes, ...]:
    """Bring the member back on this device; returns the devices that were shut out.

    The old devices are cut where their records end here, so these must be whole: a neighbour has
    given all it has (`note_met`), or a file was read to its end (`whole`). `since` is the first
    trade that was not the member's: the device that made it is cut before it. Raises LocalFault
    restore-not-ready until then, nothing-to-restore, trade-not-there.
    """
    with _finishing(core, phrase, whole=whole, since=since) as work:
        return publisher.transact_sync(work, anyway=True)


async def finish_restore_running(
    core: Core, publisher: Publisher, phrase: Phrase, *, since: bytes | None = None
) -> tuple[bytes, ...]:
    """The same in a running node."""
    with _finishing(core, phrase, whole=False, since=since) as work:
        return await publisher.transact(work, anyway=True)


@contextmanager
def _finishing(
    core: Core, phrase: Phrase, *, whole: bool, since: bytes | None
) -> Generator[Callable[[Appender, WriterState], tuple[bytes, ...]]]:
    manner = core.reader.settings.get(RESTORING_SETTING)
    if manner is None:
        raise LocalFault("nothing-to-restore")
    met = whole or core.reader.settings.get(MET_SETTING) is not None
    with devices.root_of(core, phrase) as root:
        if not met:
            raise LocalFault("restore-not-ready")

        def work(appender: Appender, state: WriterState) -> tuple[bytes, ...]:
            old: tuple[bytes, ...] = ()
            if manner != BESIDE:
                old = devices.take_over(core, appender, state, root, since=since)
            else:
                if not identities.is_known(state, root.member_id):
                    raise LocalFault("restore-not-ready")
                scopes = devices.scopes_beside(core)
                devices.add_own_device(core, appender, state, root, scopes)
            state.settings.remove(RESTORING_SETTING)
            state.settings.remove(MET_SETTING)
            return old

        yield work


def own_genesis(name: str, language: i18n.Language, officer: bytes) -> bytes:
    """The founding document of a community of one: one chapter, its officer, no witness."""
    unit = i18n.text("word.credit", language)
    chapter = Chapter(
        default_limit=DEFAULT_LIMIT_UNITS,
        k=1,
        limit_max=LIMIT_MAX_UNITS,
        name=i18n.text("setup.chapter", language),
        officers=[officer],
        q=0,
        treasury=None,
        witnesses=[],
    )
    called = i18n.text("setup.community", language, name=name)
    return documents.encode(
        Genesis(
            chapters=[chapter],
            languages=ALL_LANGUAGES,
            name=called[: limits.NAME_SIZE_MAX_BYTES // 3],
            rules=limits.RULES_VERSION,
            salt=secrets.token_bytes(limits.SALT_SIZE_BYTES),
            unit=CreditUnit(code=unit, decimals=UNIT_DECIMALS),
        )
    )


def checked_name(name: str) -> str:
    """A name as it may stand in a profile. Raises LocalFault name-invalid."""
    return written.name(name)


def keep_addresses(state: WriterState, addresses: Iterable[str]) -> None:
    """Remember neighbours to dial."""
    for address in addresses:
        peer = address.rpartition("/p2p/")[2]
        state.addresses.put(Address(address, peer, None, 0, "invitation"))


def leave_own(core: Core) -> str:
    """The name of the member, if their community is one of their own in which nothing happened.

    One with other officers or relays is theirs too. Raises LocalFault community-shared,
    community-not-empty.
    """
    for chapter in core.rules.genesis.chapters:
        if {*chapter.officers, *chapter.witnesses} - {core.member, core.own.public_key}:
            raise LocalFault("community-shared")
    with core.reading() as reader:
        others = any(
            lane[:32] != core.member for lane, _ in lanes.LANE.under(reader, b"", limit=64)
        )
        kinds = {parse_header(raw.header).kind for _, raw in reader.records_after(-1, 64)}
        if others or reader.record_count() > 64 or kinds - OWN_KINDS:
            raise LocalFault("community-not-empty")
        profile = identities.profile_of(reader, core.member)
    return core.member.hex()[:8] if profile is None else profile.name


def set_home_aside(home: Home, clock: Clock = now_ms) -> None:
    """Put a home's member and data into a folder beside them, so that another can be made here.

    Words that wait to be confirmed stay where they are.
    """
    folder = home.path / f"before-{clock()}"
    folder.mkdir(mode=0o700)
    databases = (home.database, home.search)
    sides = [d.with_name(d.name + s) for d in databases for s in ("", "-wal", "-shm")]
    for path in (home.genesis, home.device_key, home.host_key, *sides):
        if path.exists():
            path.rename(folder / path.name)


@contextmanager
def _making(home: Home) -> Generator[None]:
    """Clear away what a killed start left, and mark that this one has begun."""
    home.prepare()
    marker = home.path / MAKING
    if home.genesis.exists() or (home.database.exists() and not marker.exists()):
        raise LocalFault("home-exists", path=str(home.path))
    if marker.exists():
        for key in (home.device_key, home.host_key, home.phrase):
            remove_private(key)  # a reserved key stays: others may have its public half already
        remove_database(home.database)
    else:
        write_private(marker, b"")
    yield
    marker.unlink(missing_ok=True)


def _prepared(
    home: Home, document: bytes, member: bytes, passphrase: str | None, clock: Clock
) -> Core:
    """Keys and database of a new home, open."""
    community, genesis = documents.parse(document)
    named = {key for chapter in genesis.chapters for key in chapter.witnesses}
    names: dict[str, Any] = {"community_id": community, "member_id": member}
    if home.reserved_key.exists() and keyfile.reserve_key(home.reserved_key) in named:
        keyfile.adopt_key(home.device_key, home.reserved_key, passphrase=passphrase, **names)
    else:
        keyfile.create_key(home.device_key, "device", passphrase=passphrase, **names)
    keyfile.create_key(home.host_key, "host", community_id=community, member_id=member)
    signer = Signer.device(home.device_key, passphrase, community_id=community)
    rules = Rules(community, genesis)
    database = Database.open(home, community=community, clock=clock, fold_version=FOLD_VERSION)
    return Core(home, CommunityId(community), rules, Fold(rules), database, clock, signer)


def _commit(
    home: Home, core: Core, document: bytes, work: Callable[[Appender, WriterState], Any]
) -> None:
    """Write a new home's first records; only then does it count as made."""
    try:
        Publisher(core).transact_sync(work)
    finally:
        core.close()
    write_private(home.genesis, document)
    forget_reserved(home)


def forget_reserved(home: Home) -> None:
    """Remove the reserved key that has become this home's device key; at a start, too, where one
    was killed between the two."""
    if home.genesis.exists() and home.reserved_key.exists():
        reserved = keyfile.read_info(home.reserved_key).public_key
        if keyfile.read_info(home.device_key).public_key == reserved:
            remove_private(home.reserved_key)


def _introduce(
    core: Core, appender: Appender, state: WriterState, root: RootSigner, person: Person
) -> None:
    state.settings.put(LANGUAGE_SETTING, person.language)
    devices.create_identity(core, appender, state, root)
    devices.add_own_device(core, appender, state, root)
    profile = ProfileSet(
        about="",
        languages=[person.language],
        name=person.name,
        region=None,
        salt=secrets.token_bytes(limits.SALT_SIZE_BYTES),
    )
    appender.append(Draft("profile.set", profile))


def _belong(
    core: Core, appender: Appender, state: WriterState, invitation: Invitation | None
) -> None:
    """Ask the inviting chapter to be admitted, unless the founders made this member an officer of
    it; open the account there, or, for an officer of another chapter, in that one."""
    own = [c for c in core.rules.genesis.chapters if core.member in c.officers]
    chapter = own[0] if own else None
    if invitation is not None:
        invited = core.rules.genesis.chapter(invitation.chapter)
        if invited is None:
            raise LocalFault("unknown-chapter", names="")
        if invited in own or not own:
            chapter = invited
        if invited not in own:
            _apply(core, appender, invited, invitation.code)
    if chapter is not None:
        open_account(core, appender, state, chapter)


def _apply(core: Core, appender: Appender, chapter: Chapter, code: bytes | None) -> None:
    proof = None
    if code is not None:
        proof = portable.invite_proof(core.community, core.member, code)
    body = MemberApply(
        chapter=chapter.name,
        invite=proof,
        salt=secrets.token_bytes(limits.SALT_SIZE_BYTES),
        text="",
    )
    appender.append(Draft("member.apply", body))
