"""A home whose database is damaged, and the neighbour who holds what it held."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import trio

from node.protocol import lanes
from node.protocol.identity import Lane
from node.protocol.record import RawRecord
from node.services import missing
from node.services.core import Core, open_core
from node.services.homes.looking import findings_of
from node.services.homes.mending import mend
from node.services.incoming.intake import Intake
from node.services.publish import Publisher
from node.services.talk import Talk
from node.storage.home import Home
from tests.support.damage import (
    busy_town,
    copy_of,
    root_of,
    signer_of,
)


class Village:
    """What ben's home held before it was damaged, and what his neighbour gives him."""

    def __init__(self, folder: Path) -> None:
        self.raws, self.root = trio.run(busy_town, folder)
        self.home = Home(folder / "ben")

    def damaged(self, folder: Path) -> Home:
        return copy_of(self.home, folder / "damaged")

    def fetch(self, core: Core, raws: Sequence[RawRecord] | None = None) -> None:
        """A neighbour hands over all it has."""
        given = self.raws if raws is None else raws
        outcome = Intake(core).take_sync(given, "ada")
        assert not outcome.rejected


def change(home: Home, statement: str, *values: object) -> None:
    """Change the file behind everybody's back."""
    connection = sqlite3.connect(home.database)
    with connection:
        assert connection.execute(statement, values).rowcount > 0
    connection.close()


def codes(home: Home) -> list[str]:
    return [finding.code for finding in findings_of(home)]


def check_mended(village: Village, home: Home, where: str) -> None:
    """The home opens, is given what it lacks, and is what it was."""
    core = open_core(home)
    try:
        village.fetch(core)
        assert root_of(core) == village.root, where
        assert core.reader.record_count() == len(village.raws), where
        assert not core.reader.deferred.any(), where
        assert missing.read(core.reader).records == (), where
    finally:
        core.close()


def own(core: Core, lane: Lane) -> bytes:
    signer = core.own
    return signer.member_id + signer.public_key + bytes((lane,))


def say(core: Core, text: str) -> bytes:
    """A post of ben, signed and stored."""
    return trio.run(Talk(core, Publisher(core)).say, "plaza", text)


def opened(village: Village, home: Home) -> Core:
    core = open_core(home)
    core.signer = signer_of(home, core.community)
    return core


def number_of(core: Core, record: bytes) -> int:
    return lanes.ENTRY.must(core.reader, record).number


def root_of_mended(home: Home) -> bytes:
    mend(home)
    core = open_core(home)
    try:
        return root_of(core)
    finally:
        core.close()
