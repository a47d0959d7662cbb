"""A damaged database: what is whole is kept, what is not is fetched again, nothing false is shown."""

import os
import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from node.protocol import lanes
from node.protocol.errors import LocalFault, StorageFault
from node.protocol.identity import Lane
from node.protocol.record import RawRecord
from node.services import missing
from node.services.core import Core, open_core
from node.services.intake import Intake
from node.services.looking import findings_of
from node.services.mending import mend, open_whole
from node.services.publish import NEIGHBOURS_SETTING, Publisher
from node.services.talk import Talk
from node.storage.home import Home
from node.storage.log import log_of, lost_commits
from node.storage.schema import fold_table
from tests.support.damage import busy_town, copy_of, flip, raws_of, root_of, signer_of

SEED = 20_261_126
FLIPS = int(os.environ.get("WETALK_FLIPS", "60"))


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


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Village:
    return Village(tmp_path_factory.mktemp("village"))


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


def test_whatever_bit_flips_it_is_found_or_harmless_and_mended(
    village: Village, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    size = village.home.database.stat().st_size
    found = 0
    for number in range(FLIPS):
        # Half of them where much stands at stake: the first page, and pages with records.
        position = chance.randrange(100 if number % 8 == 0 else size)
        bit = chance.randrange(8)
        where = f"bit {bit} at {position}"
        home = village.damaged(tmp_path)
        flip(home.database, position, bit)
        seen = codes(home)
        found += bool(seen)
        if not seen:  # then every record is what it was
            assert set(raws_of(home)) == set(village.raws), where
        before = home.database.read_bytes()
        done = mend(home)
        assert (done.aside / "node.db").read_bytes() == before, where
        assert codes(home) in (
            [],
            ["records-missing"],
            ["own-lane-damaged"],
            ["own-lane-damaged", "records-missing"],
        ), where
        check_mended(village, home, where)
    assert found > FLIPS // 4
