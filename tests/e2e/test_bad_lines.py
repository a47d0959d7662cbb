"""Real nodes on a line that fails: cut in the middle, half open, slow, far away."""

import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node.demo import Actor, wait
from tests.support.fault_proxy import FaultProxy
from tests.support.offline import record_ids, write_posts

POSTS = 700
TEXT_CHARACTERS = 1_400  # of random letters, so that packing them saves little
CUT_AFTER_BYTES = 220_000  # a fifth of what is to be moved
MISSED_MAX_S = 60.0  # pings come every 15 s and wait for 3
FAR_S = 0.3
SLOW_BYTES_PER_S = 12_000
MEMORY_MAX_BYTES = 24 * 1_048_576
ALONE = ("--no-discover",)


def texts(count: int) -> Iterator[str]:
    """Posts that are hard to pack."""
    chance = random.Random(28)
    for _ in range(count):
        yield "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=TEXT_CHARACTERS))


@contextmanager
def village(folder: Path, *names: str) -> Iterator[tuple[Actor, list[Actor]]]:
    """An officer's node with much to tell, running, and members whose nodes are still off.

    The members only call others: nobody finds a way around the line that a test puts between.
    """
    officer = Actor("Ada", "en", folder / "ada")
    members = [Actor(name, "en", folder / name) for name in names]
    try:
        officer.make()
        officer.launch(*ALONE)
        officer.await_up()
        link = officer.client.invite(code=True)["link"]
        officer.stop()
        for member in members:
            member.make(link)
        write_posts(officer.home, texts(POSTS))
        officer.launch(*ALONE)  # on another port than the invitation says
        officer.await_up()
        yield officer, members
    finally:
        for actor in (officer, *members):
            actor.stop()


def port_of(actor: Actor) -> int:
    return int(actor.addresses[0].split("/")[4])


def call(member: Actor, officer: Actor, proxy: FaultProxy | None = None) -> None:
    """Start a member's node, which calls the officer's, through a proxy if there is one."""
    address = officer.addresses[0]
    if proxy is not None:
        address = address.replace(f"/tcp/{port_of(officer)}/", f"/tcp/{proxy.port}/")
    member.launch(*ALONE, "--peer", address, listen="none")
    member.await_up()


def same_root(one: Actor, other: Actor) -> bool:
    return bool(one.client.root()["root"] == other.client.root()["root"])


def has_read(actor: Actor, post: str) -> bool:
    return post in {found["id"] for found in actor.client.posts("plaza")["items"]}


def memory_bytes(actor: Actor) -> int:
    assert actor.process is not None
    pages = Path(f"/proc/{actor.process.pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def test_nodes_get_along_on_a_line_that_is_slow_cut_half_open_and_far(tmp_path: Path) -> None:
    with village(tmp_path, "ben", "cho") as (ada, (ben, cho)), FaultProxy(port_of(ada)) as proxy:
        a_slow_reader_holds_up_nobody_and_costs_no_memory(ada, ben, cho, proxy)
        cho.stop()
        a_sync_goes_on_where_it_was_cut(ada, ben, proxy)
        a_dead_line_is_noticed_and_a_long_one_is_not_taken_for_dead(ada, ben, proxy)
        for actor in (ada, ben):
            actor.stop()
        ids = record_ids(ada.home)
        assert len(ids) > POSTS
        assert len(set(ids)) == len(ids), "nothing is stored twice"
        assert sorted(ids) == sorted(record_ids(ben.home)), "nothing is lost"


def a_slow_reader_holds_up_nobody_and_costs_no_memory(
    ada: Actor, ben: Actor, cho: Actor, proxy: FaultProxy
) -> None:
    call(cho, ada)
    wait("cho has all", lambda: same_root(ada, cho))
    before = memory_bytes(ada)
    proxy.limit("down", SLOW_BYTES_PER_S)
    call(ben, ada, proxy)
    wait("ben reads slowly", lambda: proxy.passed("down") > 5 * SLOW_BYTES_PER_S)
    for stalled in (False, True):
        if stalled:
            proxy.stall("down")
        post = ada.client.say("plaza", f"news {stalled}")["id"]
        wait("cho has the news", lambda post=post: has_read(cho, post))
        assert not same_root(ada, ben)
    wait("ada gives up on ben", lambda: len(ada.client.peers()["items"]) == 1)
    assert memory_bytes(ada) - before < MEMORY_MAX_BYTES


def a_sync_goes_on_where_it_was_cut(ada: Actor, ben: Actor, proxy: FaultProxy) -> None:
    """Whoever began anew at each cut would never get beyond the first."""
    assert not same_root(ada, ben)
    before = proxy.cuts
    proxy.heal()
    proxy.cut_after(CUT_AFTER_BYTES)
    wait("cut twice", lambda: proxy.cuts >= before + 2)
    proxy.cut_after(CUT_AFTER_BYTES, reset=False)
    wait("same", lambda: same_root(ada, ben), MISSED_MAX_S)
    assert proxy.cuts >= before + 3
    proxy.heal()


def a_dead_line_is_noticed_and_a_long_one_is_not_taken_for_dead(
    ada: Actor, ben: Actor, proxy: FaultProxy
) -> None:
    wait("connected", lambda: ben.client.peers()["items"])
    before = proxy.connections
    proxy.forget()
    post = ada.client.say("plaza", "can anybody hear me?")["id"]
    wait("noticed", lambda: has_read(ben, post), MISSED_MAX_S)
    assert proxy.connections == before + 1, "noticed, and dialled anew"
    proxy.delay(FAR_S)
    answer = ben.client.say("plaza", "yes")["id"]
    wait("far away", lambda: has_read(ada, answer))
    post = ada.client.say("plaza", "good")["id"]
    wait("far away", lambda: has_read(ben, post))
    wait("measured", lambda: ben.client.peers()["items"][0]["rtt_s"] >= 2 * FAR_S)
    assert proxy.connections == before + 1
