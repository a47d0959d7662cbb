"""Who is who: names, profiles, members as others see them, and one's own contacts.

Rules: a name is what this member calls somebody, else what they call themselves, else the start of
their id; it is cleaned before it is shown and never proves anything. Contacts stay on this machine.
Lists are in a stable order, so that pages of them do not shift.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from node import i18n
from node.ledger import book
from node.protocol import lanes, limits
from node.protocol.errors import LocalFault
from node.protocol.social import ProfileSet
from node.services import written
from node.services.core import Core
from node.services.incoming import proofs
from node.services.members.setup import checked_name
from node.services.publish import Draft, Publisher
from node.services.trading import accounts, ratings
from node.services.trading.ratings import Rating, Reputation
from node.storage.kept.private import Contact
from node.storage.reader import SqliteReader
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import identities, members

SHORT_ID_CHARACTERS: Final = 8


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member in a chapter; amounts in minor units of credit. `limit` None: no grant."""

    id: bytes
    name: str
    contact: str | None  # what this member calls them
    chapter: str
    membership: str  # officer member suspended applicant none
    balance: int
    limit: int | None
    stars: int  # sum over all ratings that count
    ratings: int
    alerts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """A device of a member: 32 bytes of key, what it may sign, whether it is shut out."""

    key: bytes
    scopes: tuple[str, ...]
    revoked: bool
    this: bool


class People:
    """Reads and writes of names, profiles and contacts."""

    def __init__(self, core: Core, publisher: Publisher) -> None:
        self._core = core
        self._publisher = publisher

    def name(self, member: bytes, reader: SqliteReader | None = None) -> str:
        """What to call a member."""
        return name_of(reader or self._core.reader, member)

    def profile(self, member: bytes) -> ProfileSet | None:
        """What a member says of themselves, or None."""
        return identities.profile_of(self._core.reader, member)

    async def set_profile(
        self, name: str, about: str, languages: list[str], region: str | None
    ) -> bytes:
        """Say it of oneself; the record's id. Raises LocalFault name-invalid, text-too-long,
        language-invalid, region-invalid."""
        profile = ProfileSet(
            about=written.text(about, empty=True),
            languages=[written.language(tag) for tag in languages],
            name=checked_name(name),
            region=None if not region else written.region(region),
            salt=secrets.token_bytes(limits.SALT_SIZE_BYTES),
        )
        return (await self._publisher.publish(Draft("profile.set", profile)))[0]

    def devices(self) -> list[Device]:
        """The devices of this member, in order of key."""
        own = self._core.own.public_key
        found = identities.devices_of(self._core.reader, self._core.member)
        return [Device(key, tuple(scopes), gone, key == own) for key, scopes, gone in found]

    def member(self, member: bytes, chapter: int) -> MemberView:
        """A member in a chapter. Raises LocalFault `not-found` if nothing is known of them."""
        with self._core.reading() as reader:
            known = members.membership(reader, chapter, member, self._core.rules)
            if known == "none" and not identities.is_known(reader, member):
                raise LocalFault("not-found", what=member.hex()[:SHORT_ID_CHARACTERS])
            return self._view(reader, chapter, member, known)

    def reputation(self, member: bytes, chapter: int) -> tuple[Reputation, list[Rating]]:
        """What is said of a member, and what it rests on."""
        with self._core.reading() as reader:
            found = ratings.ratings_of(reader, member, self._core.rules)
            return ratings.reputation_of(reader, member, chapter, found), found

    def members(
        self, chapter: int, after: bytes | None, limit: int, *, state: str | None = None
    ) -> tuple[list[MemberView], bytes | None]:
        """Members of a chapter in order of id, beyond `after`; and where to go on."""
        found: list[MemberView] = []
        with self._core.reading() as reader:
            for member, membership in members.members_in(reader, chapter, self._core.rules):
                if after is not None and member <= after:
                    continue
                if state is not None and membership != state:
                    continue
                if len(found) == limit:
                    return found, found[-1].id
                found.append(self._view(reader, chapter, member, membership))
        return found, None

    def _view(
        self, reader: SqliteReader, chapter: int, member: bytes, membership: str
    ) -> MemberView:
        contact = reader.contacts.get(member)
        count, stars = ratings.stars_of(reader, member)
        return MemberView(
            id=member,
            name=name_of(reader, member),
            contact=None if contact is None else contact.name,
            chapter=self._core.rules.genesis.chapters[chapter].name,
            membership=membership,
            balance=book.balance(reader, chapter, member),
            limit=limit_of(self._core, reader, chapter, member),
            stars=stars,
            ratings=count,
            alerts=tuple(sorted(alerts_of(self._core, reader, chapter, member))),
        )

    def contacts(self) -> list[Contact]:
        """Own contacts, by name."""
        return self._core.reader.contacts.all()

    async def put_contact(self, member: bytes, name: str, note: str) -> None:
        """Call a member by a name. Raises LocalFault name-invalid, text-too-long."""
        note = written.line(note)
        if len(note.encode()) > limits.CONTACT_NOTE_MAX_BYTES:
            raise LocalFault("text-too-long", maximum=limits.CONTACT_NOTE_MAX_BYTES)
        contact = Contact(member, checked_name(name), note, self._core.clock())

        def job(state: WriterState) -> None:
            state.contacts.put(contact)

        await self._core.writer.run(job)

    async def remove_contact(self, member: bytes) -> None:
        """Forget a contact. Raises LocalFault not-found."""
        if not await self._core.writer.run(lambda state: state.contacts.remove(member)):
            raise LocalFault("not-found", what=member.hex()[:SHORT_ID_CHARACTERS])


def name_of(reader: Rows, member: bytes) -> str:
    """What to call a member."""
    contact = reader.contacts.get(member)
    if contact is not None:
        return i18n.clean_for_display(contact.name, one_line=True)
    profile = identities.profile_of(reader, member)
    shown = "" if profile is None else i18n.clean_for_display(profile.name, one_line=True)
    return shown.strip() or member.hex()[:SHORT_ID_CHARACTERS]


def limit_of(core: Core, reader: Rows, chapter: int, member: bytes) -> int | None:
    """The limit of the lane in use: of all granted ones, that of the newest open."""
    newest: tuple[int, int] | None = None
    for account in accounts.accounts_of(core, reader, member):
        grant = members.current_act(reader, account.open, core.rules)
        if account.chapter == chapter and grant is not None and not account.revoked:
            number = lanes.ENTRY.must(reader, account.open).number
            newest = max(newest or (number, 0), (number, grant[1].limit))
    return None if newest is None else newest[1]


def alerts_of(core: Core, reader: Rows, chapter: int, member: bytes) -> set[str]:
    """Alerts on the lanes of a member in a chapter that are not shut out."""
    found: set[str] = set()
    for account in accounts.accounts_of(core, reader, member):
        if account.chapter == chapter and not account.revoked:
            found |= proofs.lane_alerts(core, reader, account.lane_key, chapter)
    return found
