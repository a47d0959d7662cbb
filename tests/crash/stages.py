"""Every stage at which a kill may strike, and what must hold after it.

A stage is done by the real command, or the real service, in a child that is killed before its n-th
call that changes a file of the home: once before each in the long form, at some of them in the
short one. Then the home is opened as a user would, what was told is looked for, and the stage is
done once more.

Rules: what was told is there; no number of an own lane is used twice; nothing half-written counts
as whole; doing it again gives a whole home.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import trio

from node.protocol import lanes
from node.protocol.identity import Lane
from node.protocol.record import RawRecord
from node.services.core import Core
from node.services.homes import backups
from node.services.homes.mending import open_whole
from node.services.incoming.intake import FILE, Intake
from node.services.members import devices, renewal, setup
from node.services.publish import Publisher
from node.services.talk import Talk
from node.storage.connect import connect_writer
from node.storage.home import Home
from node.storage.kept.private import Contact
from node.storage.schema import FIRST, drop_fold_tables
from node.wallet import keyfile
from node.wallet.backup import write_backup
from node.wallet.phrase import Phrase, new_phrase
from node.wallet.private_file import write_private
from node.wallet.signer import Signer
from tests.crash import shim
from tests.crash.zygote import CHEAP, POSTS, STAGES
from tests.support.damage import copy_of, raws_of, root_of

PASSWORD = "a long password"
CONTACT = Contact(bytes(range(32)), "이웃", "next door", 1)


class World:
    """A member's home, a backup of it, and what both hold."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.phrase: Phrase = new_phrase("en", bytes(32))
        self.home = Home(folder / "base")
        setup.create_home(self.home, setup.Person("Ada", "en"), phrase=self.phrase)
        core = opened(self.home)
        talk = Talk(core, Publisher(core))

        async def posts() -> None:
            for number in range(9):
                await talk.say("plaza", f"before {number} " * 30)

        trio.run(posts)
        core.writer.run_sync(lambda state: state.contacts.put(CONTACT))
        self.root, self.member = root_of(core), core.member
        self._back_up(core, folder / "base.backup")
        core.close()
        self.raws = raws_of(self.home)
        self.old = copy_of(self.home, folder / "old")
        to_first_schema(self.old)
        self.damaged = copy_of(self.home, folder / "damaged")
        connection = connect_writer(self.damaged.database)
        connection.execute("UPDATE records SET signature = zeroblob(64) WHERE number = 8")
        connection.close()

    def _back_up(self, core: Core, path: Path) -> None:
        with path.open("wb") as file:
            lines = backups._lines(
                core.member, self.home.genesis.read_bytes(), core.reader, (), [0]
            )
            write_backup(file, PASSWORD, (f"{line}\n".encode() for line in lines), cost=CHEAP)

    def prepare(self, stage: str, folder: Path) -> None:
        """A folder in which the stage can begin."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        write_private(folder / "words", self.phrase.text.encode())
        write_private(folder / "password", PASSWORD.encode())
        shutil.copyfile(self.folder / "base.backup", folder / "in.backup")
        sources = {"mend": self.damaged, "migrate": self.old, "init": None, "restore": None}
        source = sources.get(stage, self.home)
        if source is not None:
            copy_of(source, folder / "home")


def opened(home: Home, *, password: str | None = None) -> Core:
    """The home as a node opens it, able to sign."""
    core = open_whole(home)
    renewal.settle_keys(core)
    core.signer = Signer.device(home.device_key, password, community_id=core.community)
    return core


def to_first_schema(home: Home) -> None:
    """Make a home's database one of the first version."""
    raws = raws_of(home)
    connection = connect_writer(home.database)
    connection.execute("BEGIN")
    drop_fold_tables(connection)
    tables = ("records", "events", "touched", "signers", "partners", "closes", "close_leaves")
    for table in tables:
        connection.execute(f"DROP TABLE {table}")
    for line in FIRST:
        if any(f"TABLE {table} " in line for table in tables):
            connection.execute(line)
    for number, raw in enumerate(raws):
        connection.execute("INSERT INTO records VALUES (?, ?, ?, ?)", (number, *raw))
    connection.execute("INSERT INTO events (name, subject, at) VALUES ('old', x'00', 1)")
    connection.execute("DELETE FROM _sqlite_migrations WHERE name <> 'first'")
    connection.execute("COMMIT")
    connection.execute("PRAGMA user_version = 1")
    connection.close()


# --- what must hold -------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Case:
    """A stage after the kill: where, what it told, and whether it came to its end."""

    world: World
    stage: str
    folder: Path
    said: list[str]
    done: bool
    again: bool = False  # done once more, after the kill

    @property
    def home(self) -> Home:
        return Home(self.folder / "home")


def check_lanes(core: Core) -> None:
    """No lane has forked, each is whole, and the next record of the own one follows."""
    heads = lanes.heads_between(core.reader, b"", None)
    assert len({head.lane_key for head in heads}) == len(heads), "a lane has forked"
    for head in heads:
        entry = lanes.ENTRY.must(core.reader, head.id)
        assert sum(1 for _ in lanes.path_down(core.reader, entry)) == head.seq + 1
    own = core.own.member_id + core.own.public_key + bytes((Lane.SOCIAL,))
    before = lanes.heads_of(core.reader, own)
    trio.run(Talk(core, Publisher(core)).say, "plaza", "after")
    after = lanes.heads_of(core.reader, own)
    assert len(after) == 1
    assert after[0].seq >= (before[0].seq + 1 if before else 1)


def raws_in(core: Core) -> list[RawRecord]:
    """All records that are held, in order of arrival."""
    return [raw for _, raw in core.reader.records_after(-1, 10_000)]


def check_same(case: Case, core: Core) -> None:
    """The home holds what it held: records, tables, own things."""
    assert raws_in(core) == case.world.raws
    assert root_of(core) == case.world.root
    assert core.reader.contacts.all() == [CONTACT]


def after_sign(case: Case) -> None:
    core = opened(case.home)
    try:
        told = [line for line in case.said if len(line) == 64]
        assert len(told) == POSTS or not case.done
        assert all(lanes.ENTRY.has(core.reader, bytes.fromhex(one)) for one in told)
        check_lanes(core)
    finally:
        core.close()


def after_renew(case: Case) -> None:
    """The key in the file is one that the records name, and it signs."""
    core = opened(case.home)
    try:
        known = {
            device: revoked
            for device, _, revoked in devices.identities.devices_of(core.reader, core.member)
        }
        assert known[core.own.public_key] is False
        if case.done:
            assert core.own.public_key.hex() in case.said
        check_lanes(core)
    finally:
        core.close()


def after_init(case: Case) -> None:
    if case.done:
        assert case.home.genesis.exists()
    if not case.home.genesis.exists():
        setup.create_home(case.home, setup.Person("Ada", "en"))  # as the next start does
    core = opened(case.home)
    try:
        check_lanes(core)
    finally:
        core.close()


def after_backup(case: Case) -> None:
    file = case.folder / "out.backup"
    assert file.exists() or not case.done
    if file.exists():  # then it is whole
        assert backups.read_head(file, PASSWORD).member == case.world.member
        file.unlink()
    if not case.again:
        check_untouched(case)


def check_untouched(case: Case) -> None:
    core = opened(case.home)
    try:
        check_same(case, core)
        check_lanes(core)
    finally:
        core.close()


def after_restore(case: Case) -> None:
    """Nothing yet, or a home that waits to be restored, or a whole one."""
    if not case.home.genesis.exists():
        assert not case.done
        return
    core = opened(case.home)
    try:
        assert setup.is_restoring(core) or len(core.reader.contacts.all()) == 1
        if case.done or case.again:  # or it was refused, since all was done but told
            assert not setup.is_restoring(core)
            assert set(raws_in(core)) >= set(case.world.raws)
            check_lanes(core)
    finally:
        core.close()


def after_password(case: Case) -> None:
    """The old file or the new one, whole."""
    sealed = keyfile.read_info(case.home.device_key).sealed
    assert sealed or not case.done
    core = opened(case.home, password=PASSWORD if sealed else None)
    try:
        check_same(case, core)
        check_lanes(core)
    finally:
        core.close()


def after_mend(case: Case) -> None:
    core = opened(case.home)
    try:
        assert core.reader.contacts.all() == [CONTACT]
        if case.done:
            Intake(core).take_sync(case.world.raws, FILE)  # as a neighbour would
            assert set(raws_in(core)) == set(case.world.raws)
            assert root_of(core) == case.world.root
    finally:
        core.close()


CHECKS: dict[str, Callable[[Case], None]] = {
    "sign": after_sign,
    "renew": after_renew,
    "init": after_init,
    "back up": after_backup,
    "restore": after_restore,
    "password": after_password,
    "mend": after_mend,
    "rebuild": check_untouched,
    "migrate": check_untouched,
}
assert CHECKS.keys() == STAGES.keys()


class Killer:
    """Does stages in children, and kills them."""

    def __init__(self, world: World, process: "subprocess.Popen[str]") -> None:
        self._world = world
        self._process = process
        self._folder = world.folder / "case"

    def calls(self, stage: str) -> int:
        """How many calls a stage makes that change files, when nobody kills it."""
        self._world.prepare(stage, self._folder)
        said = self._run(stage, 0)["said"]
        assert "done" in said, said
        return next(int(line.split()[1]) for line in said if line.startswith("calls "))

    def kill(self, stage: str, at: int) -> bool:
        """Kill a stage before its `at`-th call, and check what must hold. False if it ended
        before that."""
        self._world.prepare(stage, self._folder)
        found = self._run(stage, at)
        raised = [line for line in found["said"] if line.startswith(("raised", "refused"))]
        assert not raised, raised
        done = "done" in found["said"]
        case = Case(self._world, stage, self._folder, found["said"], done)
        CHECKS[stage](case)
        if not done and stage in ("back up", "restore", "mend"):  # the user does it again
            again = self._run(stage, 0)["said"]
            assert "done" in again or stage == "restore", again
            CHECKS[stage](Case(self._world, stage, self._folder, again, "done" in again, True))
        return bool(found["killed"])

    def _run(self, stage: str, at: int) -> dict[str, Any]:
        asked = {"stage": stage, "folder": str(self._folder), "at": at}
        _pipe(self._process.stdin).write(json.dumps(asked) + "\n")
        _pipe(self._process.stdin).flush()
        answer = _pipe(self._process.stdout).readline()
        assert answer, "the zygote has ended"
        return json.loads(answer)


def _pipe(pipe: "IO[str] | None") -> IO[str]:
    assert pipe is not None
    return pipe


@contextmanager
def killer(folder: Path) -> Iterator[Killer]:
    """A world in a folder, and a process that is killed in it."""
    world = World(folder)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.zygote"],
        cwd=shim.ROOT,
        env=shim.environment(folder / "case"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Killer(world, process)
        finally:
            _pipe(process.stdin).close()
            process.wait(20)


def spread(count: int, most: int) -> list[int]:
    """Calls to be killed before: at most `most` of 1 … count, the first and the last among them."""
    if count <= most:
        return list(range(1, count + 1))
    return sorted({1 + step * (count - 1) // (most - 1) for step in range(most)})
