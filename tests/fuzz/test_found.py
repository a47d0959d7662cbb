"""What the fuzzer found, or its making showed: these ended in a crash, or took minutes."""

import pytest

from node.protocol.errors import LocalFault
from node.services.chapters import founding
from node.services.homes import backups
from node.wallet import backup
from tests.fuzz.keeping import CHEAP, PASSWORD
from tests.fuzz.target import scratch

PLAN = """name = "Village"
languages = ["ko"]
unit = "HOUR"
{extra}
[[chapter]]
name = "Seoul"
officers = ["me"]
{chapter}
"""
LONG = 6_000  # digits: more than Python writes out or reads
PLANS = {
    "a number longer than Python reads": ("decimals = " + "1" * LONG, "", "plan-syntax"),
    "an amount longer than Python writes": ("", "limit_max = 0x" + "f" * LONG, "plan-amount"),
    "a relay that is a long number": ("", "witnesses = [0x" + "f" * LONG + "]", "plan-key"),
    "a key of thirty thousand parts": ("a" + ".a" * 30_000 + " = 1", "", "plan-line"),
    "parts that other line ends hide": ('"\u2028"' + ".a" * 30_000 + " = 1", "", "plan-line"),
}


@pytest.mark.parametrize(("extra", "chapter", "code"), PLANS.values(), ids=PLANS)
def test_a_plan_is_refused_with_a_sentence(extra: str, chapter: str, code: str) -> None:
    with pytest.raises(LocalFault) as refused:
        founding.read_plan(PLAN.format(extra=extra, chapter=chapter))
    assert refused.value.code == code


HEAD = b'{"wetalk_backup":1,"member":"' + b"ab" * 32 + b'","genesis":""}\n'
CONTENTS = {
    "deeper than the parser goes": b"[" * 100_000 + b"\n",
    "a head that is no object": b"[]\n",
    "a member's id that is too short": HEAD.replace(b"ab" * 32, b"ab"),
    "a line in the head's place": b'{"setting":["a","b"]}\n',
    "an order of two parts": HEAD + b'{"order":["",""]}\n',
    "an order that is a number": HEAD + b'{"order":7}\n',
    "an order's salt of another length": HEAD + b'{"order":["","AA==",""]}\n',
    "a contact with a name that is none": HEAD + b'{"contact":["' + b"ab" * 32 + b'",{},"",0]}\n',
    "a contact beyond every time": HEAD + b'{"contact":["' + b"ab" * 32 + b'","","",1e400]}\n',
    "a contact of nobody": HEAD + b'{"contact":["ab","","",0]}\n',
    "a setting of three parts": HEAD + b'{"setting":["a","b","c"]}\n',
    "a record that is none": HEAD + b'{"header":"=","signature":""}\n',
    "a line without an end": HEAD + bytes(3 * backups.LINE_MAX_BYTES),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_backup_is_refused_before_anything_is_restored(content: bytes) -> None:
    path = scratch("found-backup", b"")
    with path.open("wb") as file:
        backup.write_backup(file, PASSWORD, [content], cost=CHEAP)
    with pytest.raises(LocalFault) as refused:
        backups.read_head(path, PASSWORD)
    assert refused.value.code == "backup-damaged"
