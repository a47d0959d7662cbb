"""What the shell may fill in from the home: members, trades, rooms, listings, devices.

Rules: read only, without the node, and quick; whatever goes wrong, nothing is offered and nothing
is said, for the person is in the middle of a line. Names are words of others and come onto a
command line: one with anything in it that a shell could take for itself is offered as the digits of
its number instead. What something is stands beside it, where the shell shows that.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from click.shell_completion import CompletionItem

from node.commands.base import App, clean
from node.protocol.errors import WetalkError

if TYPE_CHECKING:
    from node.protocol.genesis import Genesis
    from node.storage.reader import SqliteReader

SHORT_CHARACTERS: Final = 8
OFFERED_MAX_COUNT: Final = 30
LOOKED_THROUGH_MAX_COUNT: Final = 300
TITLE_MAX_CHARACTERS: Final = 40
_HARMLESS: Final = re.compile(r"\w+(?:[.-]\w+)*")

Found = Iterator[tuple[str, str]]  # what is typed, what it is


class Kept:
    """What a home holds, as far as a command line can name it."""

    def __init__(self, app: App, reader: "SqliteReader", document: "Genesis") -> None:
        from node.wallet.keyfile import read_info

        self._app, self._reader, self._genesis = app, reader, document
        self._member = read_info(app.home.device_key).member_id

    def members(self) -> Found:
        """Own contacts, then whoever has a profile."""
        from node.views.identities import PROFILE, profile_of

        taken: set[str] = set()
        for one in self._reader.contacts.all():
            taken.add(one.name)
            yield _named(one.name, one.member)
        rows = PROFILE.scan(self._reader, b"", None, limit=LOOKED_THROUGH_MAX_COUNT)
        for member in [key for key, _ in rows if key != self._member]:
            profile = profile_of(self._reader, member)
            if profile is not None and profile.name not in taken:
                yield _named(profile.name, member)

    def trades(self) -> Found:
        """Own trades, the newest first."""
        from node.ledger.positions import TRADE
        from node.ledger.trades import MEMBER_TRADE
        from node.services.trading.units import shown

        top = self._member + b"\xff" * 8
        rows = MEMBER_TRADE.scan(
            self._reader, self._member, top, reverse=True, limit=OFFERED_MAX_COUNT
        )
        for _, trade in list(rows):
            row = TRADE.must(self._reader, trade)
            amount = shown(row.amount, row.unit, self._genesis.unit, self._app.language)
            sides = f"{self._name(row.payer)} → {self._name(row.payee)}"
            yield trade.hex()[:SHORT_CHARACTERS], f"{sides} {amount}"

    def rooms(self) -> Found:
        """Rooms in which something was said."""
        from node.views.rooms import rooms

        return ((room, "") for room in rooms(self._reader) if _HARMLESS.fullmatch(room))

    def listings(self) -> Found:
        """Own listings, which can be changed and closed."""
        from node.protocol.limits import TIME_MAX_MS
        from node.views.listings import facet, listings_by

        own = facet("author", self._member.hex())
        for one in listings_by(self._reader, own, None, OFFERED_MAX_COUNT, TIME_MAX_MS):
            yield one.id.hex()[:SHORT_CHARACTERS], clean(one.body.title)[:TITLE_MAX_CHARACTERS]

    def devices(self) -> Found:
        """Own devices that are not shut out."""
        from node.views.identities import devices_of

        for key, _, revoked in devices_of(self._reader, self._member):
            if not revoked:
                yield key.hex()[:SHORT_CHARACTERS], ""

    def _name(self, member: bytes) -> str:
        from node.views.identities import profile_of

        contact, profile = self._reader.contacts.get(member), profile_of(self._reader, member)
        called = contact.name if contact else profile.name if profile else ""
        return clean(called) or member.hex()[:SHORT_CHARACTERS]


def _named(name: str, member: bytes) -> tuple[str, str]:
    """A member by name where that is harmless, else by number."""
    short, shown = member.hex()[:SHORT_CHARACTERS], clean(name)
    return (shown, short) if _HARMLESS.fullmatch(name) and shown == name else (short, shown)


KINDS: Final[dict[str, Callable[[Kept], Found]]] = {
    "MEMBER": Kept.members,
    "TRADE": Kept.trades,
    "ROOM": Kept.rooms,
    "LISTING": Kept.listings,
    "DEVICE": Kept.devices,
}
"""What stands for it in usages → what there is."""


def offer(app: App, kind: str, typed: str) -> list[CompletionItem[str]]:
    """What could be meant."""
    with suppress(WetalkError, OSError, ValueError):
        return [
            CompletionItem(value, help=about or None)
            for value, about in _kept(app, kind)
            if value.startswith(typed)
        ]
    return []


def _kept(app: App, kind: str) -> list[tuple[str, str]]:
    import sqlite3

    from node.protocol import genesis
    from node.storage.connect import connect_reader
    from node.storage.reader import SqliteReader

    if not app.home.device_key.exists():
        return []
    community, document = genesis.parse(app.home.genesis.read_bytes())
    with suppress(sqlite3.Error):
        reader = SqliteReader(connect_reader(app.home.database), community)
        try:
            return list(KINDS[kind](Kept(app, reader, document)))
        finally:
            reader.connection.close()
    return []
