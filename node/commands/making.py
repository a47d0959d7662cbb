"""Making a home's member, for `init`, `up` and `community join`: what to ask, what to assume.

Rules: on a terminal the name is asked for; elsewhere the system's own name for the user stands.
"""

import getpass
import re
from pathlib import Path
from typing import Final

import click

from node.commands.base import App, asks_possible
from node.protocol import genesis, limits, portable
from node.protocol.errors import LocalFault, RemoteFault
from node.protocol.portable import Invitation
from node.services import setup
from node.services.setup import Made, Person
from node.storage.home import HomeLock
from node.wallet.phrase import Phrase

LINK_FILE_MAX_BYTES: Final = limits.INVITATION_LINK_MAX_CHARACTERS


def make_member(
    app: App, name: str | None, invitation: Invitation | None, phrase: Phrase | None = None
) -> Made:
    """Make the member of this run's home, under its lock."""
    person = Person(name or _name(app), app.language)
    with HomeLock(app.home):
        return setup.create_home(app.home, person, invitation=invitation, phrase=phrase)


def _name(app: App) -> str:
    try:
        known = getpass.getuser()
    except (KeyError, OSError):
        known = app.text("setup.someone")
    if app.json or not asks_possible():
        return known
    return click.prompt(app.text("setup.ask_name"), default=known, type=str)


def read_invitation(written: str) -> Invitation:
    """An invitation from a link, a file that holds one, or a file with a founding document.

    Raises LocalFault invitation-invalid, file-missing, file-unreadable.
    """
    try:
        if (link := _link_in(written)) is not None:
            return portable.decode_invitation(link)
        data = _read(Path(written))
        if (link := _link_in(data.decode("utf-8", "replace"))) is not None:
            return portable.decode_invitation(link)
        _, document = genesis.parse(data)
        return Invitation([], document.chapters[0].name, None, data)
    except RemoteFault as fault:
        raise LocalFault("invitation-invalid", str(fault)) from None


def _link_in(written: str) -> str | None:
    """The link in a message that was handed on with greetings around it."""
    found = re.search(re.escape(portable.LINK_PREFIX) + r"[A-Za-z0-9_-]*", written)
    return None if found is None else found[0]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LINK_FILE_MAX_BYTES + 1)
    except FileNotFoundError:
        raise LocalFault("file-missing", path=str(path)) from None
    except (OSError, ValueError) as problem:
        raise LocalFault("file-unreadable", str(problem), path=str(path)) from None


def rejoin(app: App, invitation: Invitation, phrase: Phrase) -> Made:
    """Leave a community of one's own that is still empty, and apply to another, as the same member.

    What was there is put into a folder beside. Raises LocalFault community-not-empty.
    """
    from node.commands.local import open_home
    from node.services.setup import leave_own

    with open_home(app, signing=True) as core:
        name = leave_own(core)
    person = Person(name, app.language)
    with HomeLock(app.home):
        setup.set_home_aside(app.home)
        return setup.create_home(app.home, person, invitation=invitation, phrase=phrase)
