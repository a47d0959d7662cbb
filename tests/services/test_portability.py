"""Whatever leaves a home comes back whole: any line order, any damage, an interrupted import."""

import base64
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from node.protocol import admission, portable
from node.protocol.errors import LocalFault
from node.protocol.record import RawRecord
from node.services.core import open_core
from node.services.homes.keyless import keyless_core
from node.services.homes.portability import (
    core_from_export,
    export_file,
    export_lines,
    read_lines,
)
from node.services.incoming import intake as intake_module
from node.services.incoming.intake import FILE, Intake, Outcome
from node.services.rebuild import rebuild_state
from node.storage.home import Home
from node.storage.state import WriterState
from tests.support.exports import LINES, ROOT, WORLD, file_of, home_of, root_of, take
from tests.support.world import World


def test_an_export_has_a_line_a_record_and_names_its_community() -> None:
    head = json.loads(LINES[0])
    assert head["wetalk"] == 1
    assert head["community"] == WORLD.community.hex()
    padded = head["genesis"] + "=" * (-len(head["genesis"]) % 4)
    assert base64.urlsafe_b64decode(padded) == WORLD.genesis_bytes
    assert all(set(json.loads(line)) <= {"header", "body", "signature"} for line in LINES[1:])


def test_erased_bodies_are_not_exported_and_what_is_beyond_a_cut_is_not_either() -> None:
    text = "\n".join(LINES)
    for word in ("비밀이에요", "cake", "not mine"):
        erased = [m for m in WORLD.made.values() if word.encode() in (m.raw.body or b"")]
        assert erased
        assert not any(portable.encode_line(m.raw) in text for m in erased)
    bodiless = [line for line in LINES[1:] if "body" not in json.loads(line)]
    assert len(bodiless) == 2
    assert portable.encode_line(next(iter(WORLD.made.values())).raw) in text


def test_a_home_made_from_a_file_alone_has_the_same_state(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    with home_of(WORLD.genesis_bytes) as core:
        take(core, file_of(WORLD))
        told: list[int] = []
        assert export_file(core, path, told.append) == len(LINES) - 1 == told[-1]
    lines = list(read_lines(path))
    core = core_from_export(Home(tmp_path / "new"), lines[0], clock=lambda: 1)
    try:
        report = take(core, lines)
        assert report.accepted == report.read == len(LINES) - 1
        assert (root_of(core), list(export_lines(core))) == (ROOT, LINES)
    finally:
        core.close()
    assert path.stat().st_mode & 0o077 == 0


@settings(max_examples=12)
@given(st.randoms(use_true_random=False), st.integers(1, 9))
def test_any_line_order_gives_the_same_state(chance: random.Random, copies: int) -> None:
    rest = file_of(WORLD)[1:]
    rest += chance.choices(rest, k=copies)
    chance.shuffle(rest)
    with home_of(WORLD.genesis_bytes) as core:
        report = take(core, [LINES[0], *rest])
        assert root_of(core) == ROOT
        assert (report.deferred, sorted(core.reader.deferred.missing(10))) == (0, [])
        assert report.read == report.accepted + report.duplicate + report.rejected.total()
        assert set(report.rejected) <= {"revoked"}


def long_world(count: int) -> World:
    world = World()
    heads = {name: world.account(name, limit=100) for name in "abcdef"}
    lanes = {name: world.talker(name) for name in "abcdef"}
    chance = random.Random(5)
    while len(world.made) < count:
        payer, payee = chance.sample(sorted(heads), 2)
        paid, accepted = world.pay(heads[payer], heads[payee], chance.randrange(1, 20))
        heads[payer], heads[payee] = paid, accepted
        if world.outcome[paid.id] == "ok":
            heads[payee] = world.claim(accepted, paid)
        lanes[payer] = world.post(lanes[payer], f"paid {payee}")
    return world


@pytest.mark.parametrize("order", ["shuffled", "reversed"])
def test_five_hundred_records_in_a_wild_order(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small jobs, so that what is released exceeds one of them."""
    monkeypatch.setattr(intake_module, "JOB_RECORDS_MAX_COUNT", 64)
    world = long_world(500)
    lines = file_of(world)
    rest = lines[1:]
    random.Random(3).shuffle(rest) if order == "shuffled" else rest.reverse()
    with home_of(world.genesis_bytes) as plain, home_of(world.genesis_bytes) as wild:
        assert take(plain, lines).accepted == len(rest)
        report = take(wild, [lines[0], *rest])
        assert (report.accepted, report.deferred) == (len(rest), 0)
        assert root_of(wild) == root_of(plain)
        before = root_of(wild)
        rebuild_state(wild.database, wild.fold)
        assert root_of(wild) == before


def test_importing_again_changes_nothing() -> None:
    with home_of(WORLD.genesis_bytes) as core:
        take(core, LINES)
        number = core.reader.next_number()
        report = take(core, LINES)
        assert report.as_json() == {
            "read": len(LINES) - 1, "accepted": 0, "duplicate": len(LINES) - 1,
            "void": 0, "rejected": {}, "deferred": 0,
        }  # fmt: skip
        assert (core.reader.next_number(), root_of(core)) == (number, ROOT)


def test_bodies_that_another_file_holds_are_filled_in() -> None:
    hollow = [LINES[0]]
    for line in LINES[1:]:
        parts = json.loads(line)
        raw = portable.decode_line(line)
        if b"post.put" in raw.header or b"listing.put" in raw.header:
            parts.pop("body", None)
        hollow.append(json.dumps(parts))
    with home_of(WORLD.genesis_bytes) as core:
        assert take(core, hollow).rejected == {}
        assert root_of(core) != ROOT
        take(core, LINES)
        assert root_of(core) == ROOT


def test_lines_wait_on_disk_for_another_file() -> None:
    half = len(LINES) // 2
    with home_of(WORLD.genesis_bytes) as core:
        report = take(core, [LINES[0], *LINES[half:]])
        assert report.deferred > 0
        assert report.read == report.accepted + report.deferred
        assert take(core, [LINES[0], *LINES[half:]]).deferred == report.deferred
        later = take(core, LINES[:half])
        assert later.deferred == 0
        assert root_of(core) == ROOT


def test_what_waited_on_disk_is_taken_up_when_a_neighbour_brings_the_rest() -> None:
    half = len(LINES) // 2
    with home_of(WORLD.genesis_bytes) as core:
        take(core, [LINES[0], *LINES[half:]])
        raws = [portable.decode_line(line) for line in LINES[1:half]]
        Intake(core).take_sync(raws, "neighbour")
        assert core.reader.deferred.count() == 0


def test_an_import_that_was_cut_off_goes_on_next_time() -> None:
    """A process killed between two jobs leaves lines waiting for records that are held."""
    with home_of(WORLD.genesis_bytes) as core:
        take(core, [LINES[0], *LINES[len(LINES) // 2 :]])
        waiting = core.reader.deferred.count()
        assert waiting
        raws = [portable.decode_line(line) for line in LINES[1 : len(LINES) // 2]]

        def store_without_release(state: WriterState) -> None:
            for record in admission.verify_chunk(raws, core.community):
                if isinstance(core.fold.judge(state, record), admission.Welcome):
                    state.apply(record.raw, core.fold.apply(state, record))

        core.writer.run_sync(store_without_release)
        report = take(core, LINES[:1])
        assert (report.accepted, report.deferred) == (waiting, 0)
        assert root_of(core) == ROOT


BAD_LINES = {
    "": None,
    "   ": None,
    "not json": "encoding",
    "[]": "encoding",
    "{}": "encoding",
    '{"header": "AA", "signature": "AA"}': "signature",
    '{"header": "A===", "signature": "AA"}': "encoding",
    '{"header": "AA", "signature": "AA", "extra": 1}': "encoding",
    '{"header": 5, "signature": "AA"}': "encoding",
    json.dumps({"header": "A" * 70_000, "signature": "AA"}): "size",
    json.dumps({"header": "A" * 600, "signature": "AA"}): "size",
    "[" * 5_000: "encoding",
    "\ud800": "encoding",
}


@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_bad_line_is_counted_and_harms_no_other(bad: str) -> None:
    code = BAD_LINES[bad]
    with home_of(WORLD.genesis_bytes) as core:
        report = take(core, [*LINES[:3], bad, *LINES[3:], bad])
        assert report.rejected == ({} if code is None else {code: 2})
        assert report.accepted == len(LINES) - 1
        assert report.read == len(LINES) - 1 + (0 if code is None else 2)
        assert root_of(core) == ROOT


def test_a_changed_record_is_rejected_with_its_code() -> None:
    raw = portable.decode_line(LINES[-1])
    forged = RawRecord(raw.header, raw.body, bytes(64))
    with home_of(WORLD.genesis_bytes) as core:
        report = take(core, [*LINES[:-1], portable.encode_line(forged)])
        assert report.rejected == {"signature": 1}
        assert report.accepted == len(LINES) - 2


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ("", "file-format"),
        ("{}", "file-format"),
        ("%PDF-1.7", "file-format"),
        ('{"wetalk": 2}', "version"),
        (portable.encode_head(bytes(32)), "other-community"),
        (LINES[1], "file-format"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_as_a_whole(head: str, code: str) -> None:
    with home_of(WORLD.genesis_bytes) as core:
        with pytest.raises(LocalFault) as caught:
            take(core, [head, *LINES[1:]], name="a file")
        assert caught.value.code == code
        assert core.reader.next_number() == 0


def test_no_home_is_made_from_a_file_without_its_genesis(tmp_path: Path) -> None:
    other = World(chapters=("elsewhere",)).genesis_bytes
    heads = [
        portable.encode_head(WORLD.community),
        portable.encode_head(WORLD.community, other),
        "junk",
    ]
    for head in heads:
        with pytest.raises(LocalFault) as caught:
            core_from_export(Home(tmp_path / "home"), head)
        assert caught.value.code == "file-format"
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.write_text("mine")
    with home_of(WORLD.genesis_bytes) as core, pytest.raises(LocalFault) as caught:
        export_file(core, path)
    assert caught.value.code == "file-exists"
    assert [p.read_text() for p in tmp_path.iterdir()] == ["mine"]


def test_lines_without_end_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 1_000_000 + b"\nshort\n" + b"b" * 98_305 + b"\nlast")
    lengths = [len(line) for line in read_lines(path)]
    assert lengths[1] == 6
    assert lengths[3] == 4
    assert max(lengths) <= 98_306


def test_a_missing_file_stops_the_import_plainly(tmp_path: Path) -> None:
    with home_of(WORLD.genesis_bytes) as core:
        with pytest.raises(LocalFault) as caught:
            take(core, read_lines(tmp_path / "none"))
        assert caught.value.code == "file-missing"


def test_a_fault_in_the_middle_of_a_file_is_told_as_it_is() -> None:
    def lines() -> Iterator[str]:
        yield from LINES
        raise LocalFault("file-unreadable", path="x")

    with home_of(WORLD.genesis_bytes) as core, pytest.raises(LocalFault) as caught:
        take(core, lines())
    assert caught.value.code == "file-unreadable"


def test_progress_counts_lines_and_bytes() -> None:
    told: list[tuple[int, int]] = []
    with home_of(WORLD.genesis_bytes) as core:
        take(core, LINES, progress=lambda report: told.append((report.read, report.size_bytes)))
    assert told[-1] == (len(LINES) - 1, sum(map(len, LINES)))


def test_a_file_of_a_home_is_read_by_its_own_program_again(tmp_path: Path) -> None:
    """Closing and opening between the halves of a file loses nothing that waits."""
    home = Home(tmp_path / "home")
    core = keyless_core(home, WORLD.genesis_bytes)
    take(core, [LINES[0], *LINES[: len(LINES) // 2 : -1]])
    core.close()
    core = open_core(home)
    try:
        take(core, LINES)
        assert (root_of(core), core.reader.deferred.count()) == (ROOT, 0)
        outcome = Outcome()
        trio.run(Intake(core).resume, [], outcome)
        assert outcome.accepted == 0
        assert FILE == "file"
    finally:
        core.close()
