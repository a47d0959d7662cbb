"""A day of a small community, played by real processes on this machine.

A chapter's relay and three members, each a node of its own with a home of its own, on loopback.
They join by invitation, talk, trade, miss a part of the day, and one of them cheats. In the end all
must hold the same books.

Rules: every step is waited for and bounded; what fails is named, and the exit code is 1. Every
process is stopped and every temporary home removed, whatever happens. Nothing leaves loopback.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from node import i18n
from node.client import ApiProblem, Client, NotRunning
from node.protocol.errors import LocalFault

T = TypeVar("T")

STEP_MAX_S: Final = 40.0  # far beyond what any step takes; two busy cores included
STOP_MAX_S: Final = 10.0
POLL_S: Final = 0.1
PROGRAM: Final = (sys.executable, "-c", "from cli import main; main()")
ROOM: Final = "마당"
LISTEN: Final = "/ip4/127.0.0.1/tcp/0"

Tell = Callable[..., None]


@dataclass(slots=True)
class Actor:
    """A member with a node of their own."""

    name: str
    language: i18n.Language
    home: Path
    role: str = "member"
    process: "subprocess.Popen[bytes] | None" = None
    member: str = ""
    addresses: list[str] = field(default_factory=list[str])
    _client: Client | None = None

    @property
    def client(self) -> Client:
        """The running node."""
        assert self._client is not None
        return self._client

    def make(self, link: str | None = None) -> None:
        """Make the home; with a link, as an applicant. Raises LocalFault demo-failed."""
        words = ["init", "--name", self.name, "--language", self.language]
        if link is not None:
            words += ["--community", link]
        done = subprocess.run(
            [*PROGRAM, "--home", str(self.home), "--json", *words],
            capture_output=True,
            timeout=STEP_MAX_S,
            check=False,
        )
        if done.returncode != 0:
            raise _failed(f"init {self.name}", done.stdout.decode(errors="replace"))
        self.member = json.loads(done.stdout)["member"]

    def launch(self, *more: str, listen: str = LISTEN) -> None:
        """Start the node; `await_up` waits for it. `more` are further words for `wetalk up`."""
        wishes = ["--api-port", "0", "--listen", listen, "--role", self.role, "--no-web", *more]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*PROGRAM, "--home", str(self.home), "--json", "up", *wishes],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def await_up(self) -> None:
        """Until the node has said where it is."""
        told = wait(f"up {self.name}", self._first_line)
        self.addresses = told["addresses"]
        self._client = Client.of_home(self.home, language=self.language, timeout_s=STEP_MAX_S)

    def _first_line(self) -> Any:
        if self.process is not None and self.process.poll() is not None:
            said = self._err.read_text(encoding="utf-8", errors="replace").strip()
            raise _failed(f"up {self.name}", said.splitlines()[-1] if said else "")
        first, end, _ = self._out.read_bytes().partition(b"\n")
        told = json.loads(first) if end else None
        if told is not None and "error" in told:
            raise _failed(f"up {self.name}", str(told["error"]["detail"]))
        return told

    def stop(self) -> None:
        """Stop the node as a user does, and be sure of it."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_MAX_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def _out(self) -> Path:
        return self.home.with_name(f"{self.home.name}.out")

    @property
    def _err(self) -> Path:
        return self.home.with_name(f"{self.home.name}.err")


def wait(step: str, found: Callable[[], T | None], most_s: float = STEP_MAX_S) -> T:
    """What `found` gives once it is something. Raises LocalFault demo-failed."""
    until = time.monotonic() + most_s
    last = ""
    while time.monotonic() < until:
        try:
            value = found()
        except (ApiProblem, NotRunning) as problem:
            last, value = str(problem), None
        if value:
            return value
        time.sleep(POLL_S)
    raise _failed(step, last)


def _failed(step: str, detail: str) -> LocalFault:
    fault = LocalFault("demo-failed", detail, step=step)
    fault.values["detail"] = detail
    return fault


@dataclass(slots=True)
class Town:
    """The four, and what has happened so far."""

    relay: Actor
    minsu: Actor
    ming: Actor
    anna: Actor
    tell: Tell
    decimals: int = 2

    @property
    def members(self) -> tuple[Actor, ...]:
        """All but the relay."""
        return (self.minsu, self.ming, self.anna)

    @property
    def all(self) -> tuple[Actor, ...]:
        """Everybody."""
        return (self.relay, *self.members)

    def shown(self, units: int) -> str:
        """An amount as people write it."""
        return i18n.amount_text(units, self.decimals)

    def gather(self) -> None:
        """The relay founds the community; the members come by invitation."""
        self.relay.make()
        self.relay.launch()
        self.relay.await_up()
        self.tell("demo.up", name=self.relay.name)
        for actor in self.members:
            link = self.relay.client.invite(code=True)["link"]
            actor.make(link)
            actor.launch()
        for actor in self.members:
            actor.await_up()
        for actor in self.members:
            limit = wait(f"join {actor.name}", partial(_limit, actor))
            self.tell("demo.joined", name=actor.name, limit=self.shown(limit))
        for actor in self.all:
            wait(f"members {actor.name}", partial(self._knows_all, actor))

    def _knows_all(self, actor: Actor) -> bool:
        known = {one["id"]: one for one in actor.client.members()}
        admitted = [known[a.member] for a in self.all if a.member in known]
        return len(admitted) == len(self.all) and all(one["limit"] for one in admitted)

    def talk(self) -> None:
        """Three greetings in three languages, read by all."""
        greetings = {
            "ko": "안녕하세요, 이웃 여러분! 김치를 담갔어요.",
            "zh": "大家好！我在找一位韩语老师。",
            "en": "Good morning! I can mend lamps this week.",
        }
        said = {
            actor.client.say(ROOM, greetings[actor.language], language=actor.language)["id"]
            for actor in self.members
        }
        for actor in self.all:
            wait(f"talk {actor.name}", partial(_has_read, actor, said))
        self.tell("demo.talked")

    def market(self) -> None:
        """Goods are put up; somebody searches and finds."""
        title, words = "김치 한 포기", "김치"
        price = {"form": "amount", "amount": 1250}
        self.minsu.client.put_listing("goods", title, price=price, language="ko", region="KR-11")
        self.ming.client.put_listing("want", "韩语老师", language="zh", region="CN-SH")
        wait("search", partial(_finds, self.ming, words, title))
        self.tell("demo.found", name=self.ming.name, words=words, title=title)

    def trade(self) -> None:
        """One trade by invoice, one by proposal."""
        self.invoice(self.minsu, self.ming, 1250, "김치 한 포기")
        self.tell(
            "demo.invoice", payer=self.ming.name, payee=self.minsu.name, amount=self.shown(1250)
        )
        self.propose(self.anna, self.ming, 3000, "一小时韩语课")
        self.tell(
            "demo.proposal", payer=self.anna.name, payee=self.ming.name, amount=self.shown(3000)
        )

    def invoice(self, payee: Actor, payer: Actor, amount: int, order: str) -> str:
        """An invoice, paid."""
        trade = payee.client.propose("invoice", payer.member, amount, order, anyway=True)["id"]
        self._step(payer, trade, "accept")
        self._until(trade, (payee, payer))
        return trade

    def propose(self, payer: Actor, payee: Actor, amount: int, order: str) -> str:
        """A payment proposed, accepted, and settled by the payer's program itself."""
        trade = payer.client.propose("pay", payee.member, amount, order, anyway=True)["id"]
        self._step(payee, trade, "accept")
        self._until(trade, (payer, payee))
        return trade

    def _step(self, actor: Actor, trade: str, step: Any) -> None:
        wait(
            f"{step} {actor.name}",
            lambda: step in actor.client.trade(trade)["next_steps"],
        )
        actor.client.step(trade, step, anyway=True)

    def _until(self, trade: str, actors: Iterable[Actor]) -> None:
        for actor in actors:
            wait(
                f"trade {actor.name}",
                lambda a=actor: a.client.trade(trade)["state"] in ("settled", "secured"),
            )

    def miss_a_part(self) -> None:
        """One goes offline while life goes on, and catches up."""
        self.tell("demo.offline", name=self.anna.name)
        self.anna.stop()
        said = {self.ming.client.say(ROOM, "谢谢，课很好！", language="zh")["id"]}
        self.invoice(self.minsu, self.ming, 400, "무 세 개")
        started = time.monotonic()
        self.anna.launch()
        self.anna.await_up()
        wait("catch up", partial(_has_read, self.anna, said))
        self.same_books(self.all)
        seconds = f"{time.monotonic() - started:.1f}"
        self.tell("demo.caught_up", name=self.anna.name, seconds=seconds)

    def cheat(self) -> None:
        """One copies the home and spends twice: the other copy signs before it hears of the
        first."""
        cheat = self.ming
        self.tell("demo.copied", name=cheat.name)
        cheat.stop()
        copy = cheat.home.with_name(f"{cheat.home.name}-copy")
        shutil.copytree(cheat.home, copy)
        _spend_apart(copy, self.anna.member, 2000, "再花一次")
        cheat.launch()
        cheat.await_up()
        self.invoice(self.minsu, cheat, 2000, "배추 열 포기")
        self.same_books(self.all)
        cheat.stop()
        cheat.home = copy
        cheat.launch()
        cheat.await_up()
        honest = (self.relay, self.minsu, self.anna)
        for actor in honest:
            wait(f"expose {actor.name}", partial(_sees_fork, actor, cheat.member))
        try:
            self.anna.client.propose("invoice", cheat.member, 100, "", anyway=True)
        except ApiProblem as problem:
            if problem.code != "forked":
                raise _failed("refuse", str(problem)) from None
        else:
            raise _failed("refuse", "a trade with an exposed member was signed")
        self.tell("demo.exposed", name=cheat.name)

    def same_books(self, actors: Iterable[Actor]) -> str:
        """Until all show one state root; returns it."""

        def one() -> str | None:
            roots = {actor.client.root()["root"] for actor in actors}
            return roots.pop() if len(roots) == 1 else None

        return wait("same books", one)

    def close(self) -> dict[str, Any]:
        """The evening: one root, and balances that add up to zero."""
        root = self.same_books(self.all)
        self.tell("demo.same", root=root[:16])
        balances: dict[str, int] = {}
        for actor in self.all:
            views = {watcher.client.balance(member=actor.member)["book"] for watcher in self.all}
            if len(views) != 1:
                raise _failed("balances", f"{actor.name}: {sorted(views)}")
            balances[actor.name] = views.pop()
            self.tell("demo.balance", name=actor.name, amount=self.shown(balances[actor.name]))
        total = sum(balances.values())
        self.tell("demo.sum", sum=self.shown(total))
        if total != 0:
            raise _failed("balances", f"sum {total}")
        return {"state_root": root, "balances": balances, "sum_of_balances": total}


def _limit(actor: Actor) -> int | None:
    return actor.client.balance()["limit"]


def _has_read(actor: Actor, posts: set[str]) -> bool:
    return posts <= {post["id"] for post in actor.client.posts(ROOM)["items"]}


def _finds(actor: Actor, words: str, title: str) -> bool:
    items = actor.client.search(words)["items"]
    return any(hit["listing"] and hit["listing"]["title"] == title for hit in items)


def _sees_fork(actor: Actor, member: str) -> bool:
    return "forked" in actor.client.member(member)["alerts"]


def _spend_apart(home: Path, partner: str, amount: int, order: str) -> None:
    """Sign a payment in a home whose node does not run: the program of a cheat."""
    import trio

    from node.services.core import open_core
    from node.services.publish import Publisher
    from node.services.trading.trade import Proposal, Trade
    from node.storage.home import Home, HomeLock
    from node.wallet.signer import Signer

    place = Home(home)
    with HomeLock(place):
        core = open_core(place)
        try:
            core.signer = Signer.device(place.device_key)
            wish = Proposal(bytes.fromhex(partner), amount, invoice=False, order=order)
            trade = Trade(core, Publisher(core))

            async def sign() -> None:
                await trade.propose(wish, anyway=True)

            trio.run(sign)  # pyright: ignore[reportUnknownMemberType]
        finally:
            core.close()


def play(language: i18n.Language, *, as_json: bool = False, keep: bool = False) -> int:
    """Play the day; exit code 0, or 1 with what failed. Progress in plain words."""
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="wetalk-demo-"))

    def tell(key: str, **values: object) -> None:
        out = sys.stderr if as_json else sys.stdout
        print(i18n.text(key, language, **values), file=out, flush=True)

    town = Town(
        relay=Actor("순희", "ko", folder / "relay", role="relay"),
        minsu=Actor("민수", "ko", folder / "minsu"),
        ming=Actor("小明", "zh", folder / "ming"),
        anna=Actor("Anna", "en", folder / "anna"),
        tell=tell,
    )
    tell("demo.start")
    signal.signal(signal.SIGTERM, _leave)
    try:
        for part in (town.gather, town.talk, town.market, town.trade, town.miss_a_part):
            part()
        town.cheat()
        summary = town.close()
        seconds = time.monotonic() - started
        tell("demo.done", seconds=f"{seconds:.0f}")
        if as_json:
            print(json.dumps({**summary, "seconds": round(seconds, 1)}, ensure_ascii=False))
        return 0
    finally:
        for actor in town.all:
            actor.stop()
        if keep:
            tell("demo.kept", path=folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _leave(*_: object) -> None:
    """Told to end: everything is stopped and removed on the way out."""
    raise SystemExit(1)
