"""The API of a home that has no member yet: the first run, and nothing else.

How: a home without a member has no database, so this is an application of its own, behind the same
gate, with the owner's token. When a member was made it ends, and the node itself starts at the same
address. Every other path is refused with `setup-needed`, which tells clients what to do.

Rules: the 24 words are told once, in the answer to making them; until they were confirmed they also
wait in their private file, so that a page that is closed too early loses nothing. One member only:
a second request finds that there is one. What was typed is never in a log.

Left to others: making homes (`services.members.setup`), serving (runtime).
"""

# pyright: reportUnknownMemberType=false

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import trio

from node import i18n
from node.api import static
from node.api.app import bare_app
from node.api.models import first_run as shapes
from node.api.rates import Rates
from node.api.routing import Route, add_routes, get, write
from node.api.security import App, Gate, Guard, own_door
from node.api.tokens import OwnerStore
from node.protocol import genesis
from node.protocol.errors import LocalFault
from node.protocol.portable import Invitation
from node.services.chapters.founding import plan_of_one
from node.services.members import setup
from node.storage.home import Home
from node.wallet import phrase

T = TypeVar("T")
UNKNOWN: Final = "setup-needed"


class FirstRunRoutes:
    """Handlers; see the table at the end. `made` is called once there is a member."""

    def __init__(self, home: Home, version: str, made: Callable[[], None]) -> None:
        self._home = home
        self._version = version
        self._made = made
        self._one = trio.Lock()

    async def look(self) -> shapes.FirstRun:
        """There is no member here yet."""
        return shapes.FirstRun(home=str(self._home.path), version=self._version)

    async def invited(self, body: shapes.InvitationIn) -> shapes.Invited:
        """Where an invitation leads, before anything is made."""
        invitation = _read(body.invitation)
        document = genesis.parse(invitation.genesis)[1]

        def shown(written: str) -> str:
            return i18n.clean_for_display(written, one_line=True)

        return shapes.Invited(
            name=shown(document.name),
            chapter=shown(invitation.chapter),
            chapters=[shown(chapter.name) for chapter in document.chapters],
            unit_name=shown(document.unit.code),
            languages=[shown(tag) for tag in document.languages],
            once=invitation.code is not None,
            reachable=bool(invitation.addresses),
        )

    async def new(self, body: shapes.NewIn) -> shapes.NewMade:
        """Make a new member; the node then starts. The 24 words are told this once."""
        if body.invitation is not None and body.community is not None:
            raise LocalFault("request-invalid", misfit="form", field="community")
        invitation = None if body.invitation is None else _read(body.invitation)
        plan = None
        if body.community is not None:
            first = i18n.text("setup.chapter", body.language)
            usual = (setup.DEFAULT_LIMIT_UNITS, setup.LIMIT_MAX_UNITS)
            plan = plan_of_one(body.community.name, body.community.unit, first, usual)
        person = setup.Person(body.name, body.language)
        make = partial(setup.create_home, self._home, person, invitation=invitation, plan=plan)
        found = await self._make(make)
        return shapes.NewMade(member=found.member.hex(), words=list(found.phrase.words))

    async def back(self, body: shapes.BackIn) -> shapes.BackMade:
        """Make a home for a member who has been here before; the node then fetches their records.

        Once these are here, `POST /identity/restore` speaks for the member.
        """
        words, invitation = phrase.check(body.words), _read(body.invitation)
        make = partial(
            setup.prepare_restore,
            self._home,
            words,
            body.language,
            invitation.genesis,
            addresses=invitation.addresses,
            beside=body.beside,
        )
        return shapes.BackMade(member=(await self._make(make)).member.hex())

    async def _make(self, make: Callable[[], T]) -> T:
        async with self._one:
            found = await trio.to_thread.run_sync(make)
        self._made()
        return found


def _read(written: str) -> Invitation:
    """The invitation in a text. Raises LocalFault invitation-invalid."""
    found = setup.invitation_in(written)
    if found is None:
        raise LocalFault("invitation-invalid")
    return found


def routes(first: FirstRunRoutes) -> list[Route]:
    """The table."""
    options: dict[str, Any] = {"once": False, "tag": "setup"}
    new, back = shapes.NewMade, shapes.BackMade
    return [
        get("/setup", first.look, shapes.FirstRun, scope="admin", tag="setup"),
        write("POST", "/setup/invitation", first.invited, shapes.Invited, "admin", **options),
        write("POST", "/setup/new", first.new, new, "admin", status=201, **options),
        write("POST", "/setup/back", first.back, back, "admin", status=201, **options),
    ]


def build_first_run(
    home: Home, port: int, version: str, language: i18n.Language, made: Callable[[], None]
) -> App:
    """The ASGI application that answers on 127.0.0.1:port until a member was made."""
    app = bare_app(version, language, UNKNOWN)
    add_routes(app, routes(FirstRunRoutes(home, version, made)))
    static.serve(app)
    guard = Guard(OwnerStore(home), Rates(), language)
    return Gate(app, guard, own_door(port))  # type: ignore[arg-type]
