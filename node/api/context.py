"""What all routes share: the open home, its services, the live node, tokens, events, page marks.

Rules: a service that only requests need is made, and its module imported, when it is first asked
for: most nodes are asked for few of them.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request

from node import i18n
from node.api.counted import Counted
from node.api.cursors import Cursors
from node.api.events import EventHub
from node.api.idempotency import Idempotency
from node.api.live import Live
from node.api.models.base import Who
from node.api.pairing import Pairings
from node.api.problems import language_of
from node.api.rates import Rates
from node.api.tokens import TokenStore
from node.services.chapters.community import Community
from node.services.chapters.disputes import Disputes
from node.services.chapters.office import Office
from node.services.core import Core
from node.services.incoming.intake import Intake
from node.services.members.setup import LANGUAGE_SETTING
from node.services.photos.pictures import Pictures
from node.services.publish import Publisher
from node.services.trading.trade import Trade
from node.storage.follower import Search

if TYPE_CHECKING:
    from node.services.books.money import Money
    from node.services.chapters.waiting import Waiting
    from node.services.market import Market
    from node.services.members.concerns import Watch
    from node.services.members.people import People
    from node.services.talk import Talk
    from node.services.trading.stall import Stall

NAMES_MAX_COUNT: Final = 4_096  # some 500 kB


@dataclass
class Api:
    """Made once a node by `open_api`."""

    core: Core
    intake: Intake
    publisher: Publisher
    community: Community
    office: Office
    trade: Trade
    disputes: Disputes
    pictures: Pictures
    counted: Counted
    search: Search
    live: Live
    tokens: TokenStore
    hub: EventHub
    cursors: Cursors
    idempotency: Idempotency
    rates: Rates
    pairings: Pairings
    default_language: i18n.Language
    _names: dict[bytes, str] = field(default_factory=dict[bytes, str])
    _names_as_of: tuple[int, int] = (0, 0)  # reader, version of the data that it sees

    # --- services that only requests need ---------------------------------------------------------
    @cached_property
    def concerns(self) -> "Watch":
        """What became known of old devices, forks and doubts."""
        from node.services.members.concerns import Watch

        return Watch(self.core)

    @cached_property
    def market(self) -> "Market":
        """Listings."""
        from node.services.market import Market

        return Market(self.core, self.publisher, self.search)

    @cached_property
    def money(self) -> "Money":
        """Trades and balances to be shown."""
        from node.services.books.money import Money

        return Money(self.core)

    @cached_property
    def people(self) -> "People":
        """Profiles, contacts, names."""
        from node.services.members.people import People

        return People(self.core, self.publisher)

    @cached_property
    def stall(self) -> "Stall":
        """Trading by notes."""
        from node.services.trading.stall import Stall

        return Stall(self.core, self.intake, self.trade)

    @cached_property
    def talk(self) -> "Talk":
        """Rooms and posts."""
        from node.services.talk import Talk

        return Talk(self.core, self.publisher)

    @cached_property
    def waiting(self) -> "Waiting":
        """What waits for the owner."""
        from node.services.chapters.waiting import Waiting

        return Waiting(self.core)

    # --- what routes share ------------------------------------------------------------------------
    def language(self, request: Request) -> str:
        """The language that a request asks for, else the member's."""
        return language_of(request.scope["headers"], self.default_language)

    def chapter(self, name: str | None) -> int:
        """Number of a chapter by name; without one, of the only one, or of the first this member
        belongs to. Raises LocalFault `unknown-chapter`."""
        if name is not None:
            return self.community.chapter(name)[0]
        numbers = range(len(self.core.rules.genesis.chapters))
        return next((n for n in numbers if self._belongs(n)), 0)

    def _belongs(self, number: int) -> bool:
        from node.views import members

        rules, reader = self.core.rules, self.core.reader
        return members.membership(reader, number, self.core.member, rules) in ("member", "officer")

    def who(self, member: bytes) -> Who:
        """A member, and what to call them. Names are kept until anything is written."""
        reader = self.core.reader
        version = reader.connection.execute("PRAGMA data_version").fetchone()[0]
        if (id(reader), version) != self._names_as_of or len(self._names) >= NAMES_MAX_COUNT:
            self._names_as_of = (id(reader), version)
            self._names.clear()
        name = self._names.get(member)
        if name is None:
            name = self._names[member] = self.people.name(member, reader)
        return Who(id=member.hex(), name=name)

    def position(self, name: str, mark: str | None) -> list[Any] | None:
        """Where a list goes on. Raises LocalFault `cursor-invalid`."""
        return None if mark is None else self.cursors.read(name, mark)

    def mark(self, name: str, position: tuple[Any, ...] | None) -> str | None:
        """The mark of a place in a list, None at its end."""
        return None if position is None else self.cursors.make(name, position)


def open_api(core: Core, intake: Intake, publisher: Publisher, search: Search, live: Live) -> Api:
    """The API's parts over an open home. Raises WalletError about the token's file."""
    trade, tokens, rates = Trade(core, publisher), TokenStore(core), Rates()
    chosen = i18n.match_language(core.reader.settings.get(LANGUAGE_SETTING))
    return Api(
        core=core,
        intake=intake,
        publisher=publisher,
        community=Community(core, publisher),
        office=Office(core, publisher),
        trade=trade,
        disputes=Disputes(core, publisher, trade),
        pictures=Pictures(core),
        counted=Counted(core),
        search=search,
        live=live,
        tokens=tokens,
        hub=EventHub(core, tokens),
        cursors=Cursors(core.database.id),
        idempotency=Idempotency(core),
        rates=rates,
        pairings=Pairings(tokens, rates, core.clock),
        default_language=chosen or i18n.FALLBACK,
    )
