"""docs/protocol-sync.md says what the program does: its tables and examples are checked here.

`python -m tests.protocol.test_sync_document` writes the examples anew.
"""

import re
from pathlib import Path

import pytest

from node.protocol import codec, limits, messages
from node.protocol.crypto import sha256
from node.protocol.errors import Parting
from node.protocol.frames import Batch, BatchEncoder
from node.protocol.greeting import Settings, greet
from node.protocol.heads import HeadIndex, Heads
from node.protocol.messages import Records, Want, Wish
from node.protocol.reconcile import Round, short_form
from node.protocol.sketch import part_of
from tests.support.sync_source import COMMUNITY, DictSource, LaneMaker

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "protocol-sync.md"
BEGIN, END = "<!-- examples: begin -->\n", "<!-- examples: end -->"
TYPES = {kind.__name__.lower(): kind for kind in messages.Message.__args__}


def text() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its first two lines."""
    part = text().split(f"{heading}\n", 1)[1]
    lines = re.search(r"((?:^\|.*\n)+)", part, re.MULTILINE)
    assert lines is not None
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in lines[1].splitlines()[2:]
    ]


@pytest.mark.parametrize("name", TYPES)
def test_each_message_has_its_table(name: str) -> None:
    kind = TYPES[name]
    heading = f"#### message {kind.__struct_config__.tag} {name}"
    fields = [row[0].strip("|` ") for row in rows(heading)]
    assert fields == list(kind.__struct_fields__)


def test_the_columns_of_a_batch_are_those_of_its_table() -> None:
    fields = [row[0].strip("|` ") for row in rows("#### array batch")]
    assert fields == list(Batch.__struct_fields__)


def test_limits_are_those_of_the_program() -> None:
    found = {row[0].strip("|` "): int(row[1].strip("| ")) for row in rows("## 10. Limits")}
    assert len(found) > 25
    assert found == {name: getattr(limits, name) for name in found}


def test_codes_are_those_of_the_program() -> None:
    assert [row[0].strip("|` ") for row in rows("## 11. Codes")] == [str(code) for code in Parting]


def wrapped(data: bytes) -> str:
    digits = data.hex()
    return "\n".join(f"  {digits[n : n + 96]}" for n in range(0, len(digits), 96))


def examples() -> str:
    """The examples as they stand in the document."""
    mina, jun = LaneMaker("mina"), LaneMaker("jun")
    run, other = mina.run(3), jun.run(1)
    salt = sha256(b"d" * 16, b"l" * 16)
    all_kinds = frozenset(range(6))
    a, b = DictSource(), DictSource()
    a.take([link.raw for link in (*run, *other)])
    b.take([link.raw for link in run[:2]])
    index = HeadIndex(sorted((h.key, h.seq) for h in a.heads(b"", None)))
    asker, teller = (Round(0, Heads(source), all_kinds, salt) for source in (b, a))
    opening = asker.open()
    first = teller.take(opening)
    assert first is not None
    second = asker.take(first)
    assert second is not None
    third = teller.take(second)
    assert third is not None
    assert asker.take(third) is None
    want = Want(0, False, [_wish(key, place, b) for place, key in enumerate(asker.found)], b"")
    encoder = BatchEncoder(COMMUNITY, [wish.known for wish in want.wishes if wish.known])
    records = Records(0, [], encoder.encode([run[2].raw, other[0].raw]))
    hello = greet(COMMUNITY, Settings(agent="wetalk"), b"d" * 16, sha256()[:16])
    (one, seq), (two, _) = index.slice(0, 2)
    turns = sha256(salt, bytes(8))[:16]
    shown = [
        ("The dialler's greeting, as a content", codec.encode(hello)),
        ("Key of a head", one),
        ("Key of another head", two),
        ("Fingerprint of no heads", HeadIndex().fingerprint(0, 0)),
        ("Fingerprint of the first head alone", index.fingerprint(0, 1)),
        ("Fingerprint of both", index.fingerprint(0, 2)),
        ("Session salt, of nonces `d` sixteen times and `l` sixteen times", salt),
        ("Short form of the first key in round 0", short_form(turns, one)),
        ("Short form of the second", short_form(turns, two)),
        (f"Part of the first head, whose seq is {seq}", part_of(one)),
        ("Digest of its part and its seq", sha256(part_of(one), seq.to_bytes(8, "big"))),
        ("Sketch of both heads, in rows of 16 cells", codec.encode(index.sketch(16))),
        ("The dialler holds one head, of seq 1, and opens round 0; content", codec.encode(opening)),
        ("The listener holds both heads, of higher seq; it lists them", codec.encode(first)),
        ("The dialler asks for both", codec.encode(second)),
        ("The listener tells them; the round is over", codec.encode(third)),
        ("The dialler asks for both lanes", codec.encode(want)),
        ("The listener sends the two records, the one in the prepared lane", codec.encode(records)),
        ("The first of them, rebuilt: its header", run[2].raw.header),
    ]
    return "".join(f"{name}:\n```\n{wrapped(data)}\n```\n" for name, data in shown)


def _wish(key: bytes, place: int, holder: DictSource) -> Wish:
    known = [item.id for item in holder.heads(key[:65], key[:65] + b"\xff" * 33)]
    return Wish(place, False, b"".join(known))


def test_the_examples_are_what_the_program_says() -> None:
    assert text().split(BEGIN)[1].split(END)[0] == examples()


if __name__ == "__main__":
    before, rest = text().split(BEGIN)
    DOCUMENT.write_text(before + BEGIN + examples() + END + rest.split(END)[1], encoding="utf-8")
