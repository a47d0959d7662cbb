"""Stories: members at real homes, with real words and keys, whose screens a test reads.

A `Neighbour` is a member's home as `wetalk init` makes it, with the real API over it and the real
command line in any language. Records are handed over as neighbours do. Nothing runs by itself:
`spread` gives everybody everything and does their programs' duties, until nothing is left to do.
"""

import contextlib
import io
import json
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio
from nacl.signing import SigningKey

from node.commands import root as commands
from node.i18n import Language
from node.ledger import book
from node.ledger.root import state_root
from node.protocol import genesis
from node.protocol.genesis import Chapter, CreditUnit, Genesis
from node.protocol.portable import Invitation, decode_invitation
from node.services.core import open_core
from node.services.members import setup
from node.storage.home import Home
from node.wallet.phrase import Phrase, new_phrase, root_key
from node.wallet.signer import Signer
from tests.api.house import House, serving
from tests.support.homes import Clock, Person, at_home


@dataclass(slots=True)
class Neighbour:
    """A member at home, and what their screen says."""

    name: str
    words: Phrase
    person: Person
    house: House
    leaving: trio.Event = field(default_factory=trio.Event)
    left: trio.Event = field(default_factory=trio.Event)

    @property
    def id(self) -> str:
        """Member id, hex."""
        return self.person.id.hex()

    @property
    def device(self) -> str:
        """Device key, hex."""
        return self.person.core.own.public_key.hex()

    async def screen(self, *typed: str, language: Language = "en", code: int | None = 0) -> str:
        """What the command line answers; `code` is the exit code expected."""
        return await _typed(self.person.core.home, typed, language, code)

    async def both(self, *typed: str) -> tuple[str, str]:
        """What it answers in Korean and in English."""
        return (
            await self.screen(*typed, language="ko"),
            await self.screen(*typed, language="en"),
        )

    async def told(self, *typed: str) -> Any:
        """The document that it answers with `--json`."""
        return json.loads(await self.screen("--json", *typed))

    async def hints(self, language: Language = "en") -> dict[str, str]:
        """What `status` tells this member to look at: sentences by code."""
        client = self.house.client(language)
        found = await trio.to_thread.run_sync(client.status)
        return {hint["code"]: hint["text"] for hint in found["next"]}

    async def with_words(self, *typed: str) -> str:
        """A command that asks for the 24 words."""
        file = words_file(self.person.core.home, self.words)
        try:
            return await self.screen(*typed, "--words-file", str(file))
        finally:
            file.unlink()

    async def pay(self, other: "Neighbour", amount: str, *more: str) -> str:
        """Propose a payment; the trade's id."""
        made = await self.told("pay", other.id, amount, "--yes", *more)
        return str(made["id"])

    async def leave(self) -> None:
        """Stop the node and close the home."""
        self.leaving.set()
        await self.left.wait()


def words_file(home: Home, words: Phrase) -> Path:
    """The words in a private file, as their owner would write them."""
    path = home.path / "typed words"
    path.touch(mode=0o600)
    path.write_text(words.text, encoding="utf-8")
    return path


async def screen_of(home: Home, *typed: str, code: int | None = 0) -> str:
    """What the command line answers for a home in which nobody lives yet."""
    return await _typed(home, typed, "en", code)


async def _typed(home: Home, typed: tuple[str, ...], language: str, code: int | None) -> str:
    out = io.StringIO()

    def run() -> int:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            return commands.run(["--home", str(home.path), "--language", language, *typed])

    done = await trio.to_thread.run_sync(run)
    assert code in (None, done), f"{typed}: {done}\n{out.getvalue()}"
    return out.getvalue()


class Village:
    """Everybody of one story."""

    def __init__(self, folder: Path, nursery: trio.Nursery) -> None:
        self.folder = folder
        self.clock = Clock()
        self.genesis = b""
        self._nursery = nursery
        self.everybody: list[Neighbour] = []

    async def founder(self, name: str) -> Neighbour:
        """Who founds a community of their own (q = 0), and is its officer."""
        home = Home(self.folder / name)
        words = new_phrase("en")
        setup.create_home(home, setup.Person(name, "en"), phrase=words, clock=self.clock)
        self.genesis = home.genesis.read_bytes()
        return await self.open(name, words)

    async def founders(self, *names: str, relays: tuple[bytes, ...] = ()) -> list[Neighbour]:
        """Officers who found a community together (k = 1), with these keys of relays, all of which
        a payment needs."""
        words = {name: new_phrase("en") for name in names}
        officers: list[bytes] = []
        for phrase in words.values():
            with root_key(phrase) as key:
                officers.append(key.public_key)
        chapter = Chapter(
            default_limit=10_000, k=1, limit_max=100_000, name="coop", officers=officers,
            q=len(relays), treasury=None, witnesses=sorted(relays),
        )  # fmt: skip
        document = Genesis(
            chapters=[chapter], languages=["ko", "zh", "en"], name="coop", rules=1, salt=bytes(16),
            unit=CreditUnit(code="credit", decimals=2),
        )  # fmt: skip
        self.genesis = genesis.encode(document)
        invitation = Invitation(addresses=[], chapter="coop", code=None, genesis=self.genesis)
        return [await self.join(name, invitation, words=words[name]) for name in names]

    async def newcomer(self, name: str, officer: Neighbour) -> Neighbour:
        """Who joins by an invitation that admits at once, and gets the default limit."""
        link = await trio.to_thread.run_sync(lambda: officer.house.client().invite(code=True))
        return await self.join(name, decode_invitation(link["link"]), officer)

    async def join(
        self,
        name: str,
        invitation: Invitation,
        *others: Neighbour,
        words: Phrase | None = None,
    ) -> Neighbour:
        """Who joins by an invitation, and is then known to these."""
        home = Home(self.folder / name)
        words = words or new_phrase("en")
        setup.create_home(
            home, setup.Person(name, "en"), phrase=words, invitation=invitation, clock=self.clock
        )
        found = await self.open(name, words)
        await spread(found, *others)
        return found

    async def open(self, folder: str, words: Phrase, name: str | None = None) -> Neighbour:
        """Open a home that is there, and answer at its API."""
        home = Home(self.folder / folder)
        core = open_core(home, clock=self.clock)
        core.signer = Signer.device(home.device_key, community_id=core.community)
        with root_key(words) as key:
            person = at_home(name or folder, SigningKey(bytes(key.seed)), core)
        found = Neighbour(name or folder, words, person, House(home, 0))
        await self._nursery.start(_keep_open, found)
        self.everybody.append(found)
        return found

    def copy(self, name: str, to: str) -> None:
        """Copy a closed home's folder, keys and all."""
        shutil.copytree(self.folder / name, self.folder / to)

    async def back(
        self,
        name: str,
        folder: str,
        words: Phrase,
        *holders: Neighbour,
        more: tuple[str, ...] = (),
        beside: bool = False,
    ) -> Neighbour:
        """A member comes back in a new home with nothing but their words: these neighbours hand
        over what they hold, then `wetalk restore --finish` completes it."""
        home = Home(self.folder / folder)
        setup.prepare_restore(home, words, "en", self.genesis, beside=beside, clock=self.clock)
        waiting = await self.open(folder, words, name)
        for holder in holders:
            await holder.person.hand_to(waiting.person)
        setup.note_met(waiting.person.core)
        await waiting.leave()
        typed = words_file(home, words)
        answer = ("restore", "--finish", "--words-file", str(typed), *more)
        await _typed(home, answer, "en", 0)
        typed.unlink()
        return await self.open(folder, words, name)

    async def end(self) -> None:
        """Everybody leaves."""
        for one in self.everybody:
            await one.leave()


async def _keep_open(one: Neighbour, task_status: Any) -> None:
    """A task of its own for each home, since they open and close in any order."""
    core = one.person.core
    try:
        async with serving(core) as house:
            one.house = house
            told = {"url": f"http://127.0.0.1:{house.port}"}
            core.home.api.write_text(json.dumps(told), encoding="utf-8")
            task_status.started()
            await one.leaving.wait()
    finally:
        core.home.api.unlink(missing_ok=True)
        core.close()
        one.left.set()


@asynccontextmanager
async def village(folder: Path) -> AsyncGenerator[Village]:
    """A village, until left."""
    async with trio.open_nursery() as nursery:
        found = Village(folder, nursery)
        yield found
        await found.end()


async def spread(*people: Neighbour) -> None:
    """Everybody gives everybody all, and does their duties, until nothing is left to do."""
    for _ in range(12):
        for giver in people:
            others = (other.person for other in people if other is not giver)
            await giver.person.hand_to(*others)
        if sum([await one.person.duties() for one in people]) == 0:
            return
    raise AssertionError("duties never end")


def balances(*people: Neighbour) -> list[int]:
    """Balances of these members, the same in all their homes, where the roots are one as well."""
    cores = [one.person.core for one in people]
    assert len({state_root(core.reader, core.rules) for core in cores}) == 1
    everybody = [amount for _, _, amount in book.balances(cores[0].reader)]
    assert sum(everybody) == 0
    return [book.balance(cores[0].reader, 0, one.person.id) for one in people]
