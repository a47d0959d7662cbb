"""What was acknowledged is there after kill -9, whenever it strikes."""

import random
import subprocess
import sys
from pathlib import Path

from node.storage.database import Database
from node.storage.home import Home
from tests.storage.samples import open_database

KILLS = 12
SEED = 20_260_101
ROOT = Path(__file__).resolve().parents[2]

# Several threads write, so that jobs share commits; each acknowledged record is one line.
WRITER = """
import sys, threading
from pathlib import Path
from node.storage.home import Home, HomeLock
from tests.storage.samples import open_database, store
home = Home(Path(sys.argv[1]))
HomeLock(home).acquire()
database = open_database(home)
lock = threading.Lock()
def write():
    while True:
        number = database.writer.run_sync(lambda state: store(state, bytes(700)))
        with lock:
            sys.stdout.write(f"{number}\\n")
            sys.stdout.flush()
for _ in range(4):
    threading.Thread(target=write).start()
"""


def acknowledged_until_killed(home: Home, lines: int) -> list[int]:
    """Start a writer, kill it after that many answers, return all answers it gave."""
    command = [sys.executable, "-c", WRITER, str(home.path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        rest = process.stdout.read().splitlines(keepends=True)
        process.wait(20)
    whole = [line for line in first + rest if line.endswith("\n")]
    return [int(line) for line in whole]


def check(database: Database, acknowledged: set[int]) -> None:
    reader = database.reader()
    stored = {number for number, _ in reader.records_after(-1, 10**6)}
    assert acknowledged - stored == set()
    assert stored == set(range(reader.next_number()))  # whole transactions, no gaps
    assert len(reader.scan("head", b"", None)) == len(stored)  # records and rows together


def test_no_acknowledged_record_is_lost(home: Home) -> None:
    chance = random.Random(SEED)
    acknowledged: list[int] = []
    for _ in range(KILLS):
        told = acknowledged_until_killed(home, chance.randrange(1, 60))
        assert told, "the writer never answered"
        acknowledged += told
        reports: list[str] = []
        database = open_database(home, report=reports.append)
        check(database, set(acknowledged))
        database.close()
        assert reports == ["checking"]
    assert len(set(acknowledged)) == len(acknowledged)  # no number was given twice
