"""Homes with known keys that are damaged and mended: what tests of failing disks share."""

import shutil
import sqlite3
from pathlib import Path

from node.ledger.root import state_root
from node.protocol.record import RawRecord
from node.services.core import Core, open_core
from node.services.talk import Talk
from node.services.trading.trade import Proposal
from node.storage.home import Home
from node.wallet import keyfile
from node.wallet.keyfile import KeyInfo
from node.wallet.passphrase import DEFAULT_COST
from node.wallet.private_file import write_private
from node.wallet.signer import Signer
from tests.support.homes import Person, seed_of, town


async def busy_town(folder: Path) -> tuple[list[RawRecord], bytes]:
    """Homes `ada` and `ben` in a folder, closed, of members who talk and pay and hold the same;
    their records, and the state root."""
    ada, ben = await town(folder, "ada", "ben")
    for number in range(12):
        for person, what in ((ada, "bread"), (ben, "soup")):
            await Talk(person.core, person.publisher).say("plaza", f"{what} {number} " * 9)
    await ada.hand_to(ben)
    await ben.hand_to(ada)
    trade = await ben.trade.propose(Proposal(ada.id, 500, invoice=False, order="빵"))
    await ben.hand_to(ada)
    await ada.trade.accept(trade)
    await ada.hand_to(ben)
    await ben.duties()
    await ben.hand_to(ada)
    root = root_of(ada.core)
    assert root == root_of(ben.core)
    for person in (ada, ben):
        keep_key(person)
        person.close()
    return raws_of(ben.core.home), root


def keep_key(person: Person) -> None:
    """Write the key file that belongs to a home of a `town`."""
    core = person.core
    info = KeyInfo("device", core.community, person.id, core.own.public_key, sealed=False)
    data = keyfile._file_bytes(info, seed_of(f"{person.name} device "), None, DEFAULT_COST)
    write_private(core.home.device_key, data)
    core.home.genesis.chmod(0o600)


def signer_of(home: Home, community: bytes) -> Signer:
    return Signer.device(home.device_key, None, community_id=community)


def root_of(core: Core) -> bytes:
    with core.reading() as reader:
        return state_root(reader, core.rules)


def raws_of(home: Home) -> list[RawRecord]:
    """All stored records of a closed home."""
    core = open_core(home)
    try:
        return [raw for _, raw in core.reader.records_after(-1, 1_000_000)]
    finally:
        core.close()


def copy_of(home: Home, folder: Path) -> Home:
    """The home once more, in a fresh folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(home.path, folder)
    return Home(folder)


def flip(path: Path, position: int, bit: int) -> None:
    """One bit of a file becomes another."""
    with path.open("r+b") as file:
        file.seek(position)
        old = file.read(1)[0]
        file.seek(position)
        file.write(bytes((old ^ 1 << bit,)))


def number_places(path: Path, table: str) -> list[int]:
    """Where in the file the last byte of each row's number lies, in order, of a table with numbered
    rows (https://www.sqlite.org/fileformat2.html#b_tree_pages)."""
    connection = sqlite3.connect(path)
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
    root = connection.execute(query, (table,)).fetchone()[0]
    connection.close()
    data = path.read_bytes()

    def number(at: int, width: int) -> int:
        return int.from_bytes(data[at : at + width], "big")

    def ends(page: int) -> list[int]:
        start = (page - 1) * size
        leaf = data[start] == 13
        cells = range(
            start + (8 if leaf else 12), start + (8 if leaf else 12) + 2 * number(start + 3, 2), 2
        )
        offsets = [start + number(cell, 2) for cell in cells]
        if not leaf:
            below = [number(at, 4) for at in offsets] + [number(start + 8, 4)]
            return [place for child in below for place in ends(child)]
        return [_end_of_number(data, _end_of_number(data, at) + 1) for at in offsets]

    return ends(root)


def _end_of_number(data: bytes, at: int) -> int:
    """Where the variable-length number that starts here ends."""
    while data[at] & 0x80:
        at += 1
    return at
