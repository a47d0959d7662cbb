"""Making a home's member, or preparing to bring one back, for `init`, `up`, `community join` and
`device add`: what to ask, what to assume.

Rules: on a terminal the name is asked for; elsewhere the system's own name for the user stands.
"""

import getpass
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from node.commands.base import App, asks_possible
from node.protocol import genesis, limits
from node.protocol.errors import LocalFault, RemoteFault
from node.protocol.portable import Invitation
from node.services.chapters.founding import PLAN_SIZE_MAX_BYTES, Plan, read_plan
from node.services.members import setup
from node.services.members.setup import Made, Person
from node.storage.home import HomeLock
from node.wallet.keyfile import read_info
from node.wallet.phrase import Phrase

LINK_FILE_MAX_BYTES: Final = limits.INVITATION_LINK_MAX_CHARACTERS


def make_member(
    app: App,
    name: str | None,
    invitation: Invitation | None,
    phrase: Phrase | None = None,
    plan: Plan | None = None,
) -> Made:
    """Make the member of this run's home, under its lock."""
    person = Person(name or _name(app), app.language)
    with HomeLock(app.home):
        return setup.create_home(app.home, person, invitation=invitation, plan=plan, phrase=phrase)


def prepare(app: App, phrase: Phrase, invitation: Invitation, *, beside: bool = False) -> None:
    """A home that waits for its member's records; says how to go on."""
    with HomeLock(app.home):
        made = setup.prepare_restore(
            app.home,
            phrase,
            app.language,
            invitation.genesis,
            addresses=invitation.addresses,
            beside=beside,
        )
    app.result({"member": made.member.hex(), "home": str(app.home.path), "finished": False})
    app.say("restore.prepared", member=made.member.hex()[:12])


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
        if (found := setup.invitation_in(written)) is not None:
            return found
        data = _read(Path(written), LINK_FILE_MAX_BYTES)
        if (found := setup.invitation_in(data.decode("utf-8", "replace"))) is not None:
            return found
        _, document = genesis.parse(data)
        return Invitation([], document.chapters[0].name, None, data)
    except RemoteFault as fault:
        raise LocalFault("invitation-invalid", str(fault)) from None


def read_plan_file(path: Path) -> Plan:
    """The plan of a community in a file. Raises LocalFault plan-…, file-missing, file-unreadable"""
    data = _read(path, PLAN_SIZE_MAX_BYTES)
    if len(data) > PLAN_SIZE_MAX_BYTES:
        raise LocalFault("plan-size")
    try:
        return read_plan(data.decode())
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise LocalFault("plan-line", str(problem), line=line) from None


def _read(path: Path, size_max_bytes: int) -> bytes:
    """The bytes of a file, one more than the largest at most."""
    try:
        with path.open("rb") as file:
            return file.read(size_max_bytes + 1)
    except FileNotFoundError:
        raise LocalFault("file-missing", path=str(path)) from None
    except (OSError, ValueError) as problem:
        raise LocalFault("file-unreadable", str(problem), path=str(path)) from None


def rejoin(app: App, invitation: Invitation, phrase: Phrase) -> Made:
    """Leave a community of one's own that is still empty, and apply to another, as the same member.

    What was there is put into a folder beside. Raises LocalFault community-shared,
    community-not-empty, community-same.
    """
    from node.commands.local import open_home
    from node.services.members.setup import leave_own

    with open_home(app, signing=True) as core:
        if genesis.parse(invitation.genesis)[0] == core.community:
            raise LocalFault("community-same")
        name = leave_own(core)
    person = Person(name, app.language)
    with HomeLock(app.home):
        setup.set_home_aside(app.home)
        return setup.create_home(app.home, person, invitation=invitation, phrase=phrase)


@dataclass(frozen=True, slots=True)
class Joined:
    """What following an invitation makes of this home's member, told before it is done."""

    chapter: str
    applies: bool  # False: an officer by the founders' will
    unnamed: bool  # a key waits here, and the founders did not name it

    @classmethod
    def of(cls, app: App, invitation: Invitation) -> "Joined":
        """For the member of this home."""
        member = read_info(app.home.device_key).member_id
        chapters = genesis.parse(invitation.genesis)[1].chapters
        officers = [c.officers for c in chapters if c.name == invitation.chapter]
        named = {key for chapter in chapters for key in chapter.witnesses}
        waiting = app.home.reserved_key
        unnamed = waiting.exists() and read_info(waiting).public_key not in named
        return cls(invitation.chapter, not any(member in o for o in officers), unnamed)

    def say(self, app: App, *, running: bool = False) -> None:
        """Tell the member. `running`: the node starts again by itself."""
        if self.applies:
            app.say("community.joining" if running else "init.applied", chapter=self.chapter)
        elif running:
            app.say("witness.restarting")
        if self.unnamed:
            app.hint("witness.unused")
