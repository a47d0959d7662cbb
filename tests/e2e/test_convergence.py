"""Two real nodes with 5,000 records each, 200 of them different: only those move."""

import shutil
from pathlib import Path

import trio

from node.client import Client
from node.demo import Actor, wait
from node.services.chapters.community import Community
from node.services.core import open_core
from node.services.incoming.intake import Intake
from node.services.publish import Publisher
from node.storage.home import Home
from node.wallet.signer import Signer
from tests.support import offline

SHARED = 4_900
OWN = 100
RECORD_BYTES_MOST = 700  # a post of this test with its header and signature, uncompressed


def write_posts(home: Path, count: int, word: str) -> None:
    """So many posts that begin with a word."""
    offline.write_posts(home, (f"{word} {n} " + "가나다 " * 20 for n in range(count)))


def copy_records(source: Path, target: Path) -> None:
    """Hand a home's records to another by file."""
    giver, taker = open_core(Home(source)), open_core(Home(target))
    try:
        raws = [raw for _, raw in giver.reader.records_after(-1, 1_000_000)]
        Intake(taker).take_sync(raws, "file")
    finally:
        giver.close()
        taker.close()


def root(client: Client) -> str:
    return client.root()["root"]


def test_two_nodes_move_only_the_difference(tmp_path: Path) -> None:
    officer, member = Actor("Ada", "en", tmp_path / "ada"), Actor("Ben", "en", tmp_path / "ben")
    officer.make()
    try:
        officer.launch()
        officer.await_up()
        link = officer.client.invite(code=True)["link"]
        officer.stop()
        member.make(link)
        copy_records(member.home, officer.home)
        admit(officer.home, member.member)
        write_posts(officer.home, SHARED, "shared")
        copy_records(officer.home, member.home)
        write_posts(officer.home, OWN, "ada")
        write_posts(member.home, OWN, "ben")
        officer.launch()
        officer.await_up()
        member.launch("--peer", officer.addresses[0])
        member.await_up()
        wait("same root", lambda: root(officer.client) == root(member.client))
        moved = member.client.peers()["items"][0]
        assert moved["records_in"] == OWN
        (seen,) = officer.client.peers()["items"]
        assert seen["records_in"] == OWN
        assert seen["bytes_in"] < 1.5 * OWN * RECORD_BYTES_MOST
    finally:
        officer.stop()
        member.stop()
        shutil.rmtree(tmp_path, ignore_errors=True)


def admit(home: Path, member: str) -> None:
    """The officer admits by hand, while no node runs."""
    core = open_core(Home(home), signer=Signer.device(Home(home).device_key))
    try:
        trio.run(Community(core, Publisher(core)).admit, None, bytes.fromhex(member))
    finally:
        core.close()
