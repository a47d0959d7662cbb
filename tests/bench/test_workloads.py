"""Workloads are what they say, the same each time, and nothing in them is refused or void."""

import json
from collections import Counter
from pathlib import Path

import pytest
import trio

from bench import __main__ as program
from bench import ingest, workloads
from bench.workloads import Town, Workload
from node.ledger import book
from node.protocol import genesis, portable
from node.protocol.record import parse_header
from node.services.homes.portability import core_from_export, import_lines, read_lines
from node.services.incoming.intake import Intake
from node.storage.home import Home

SMALL = Workload("small", 12, 90, 30, 60)


def kinds_of(path: Path) -> Counter[str]:
    lines = read_lines(path)
    next(lines)
    return Counter(parse_header(portable.decode_line(line).header).kind for line in lines)


def test_the_corpus_has_its_mixture_to_the_record(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    assert workloads.write_corpus(path, count=2_000) == 2_000
    kinds = kinds_of(path)
    assert kinds.total() == 2_000
    left = 2_000 - 40 * workloads.SETUP_RECORDS_PER_MEMBER - workloads.SETUP_RECORDS_PER_COMMUNITY
    assert kinds["listing.put"] == left * 3 // 10
    assert kinds["trade.propose"] == kinds["trade.accept"] == left // 20
    assert abs(kinds["post.put"] - left * 0.6) <= 2


def test_one_seed_gives_one_file_and_another_seed_another(tmp_path: Path) -> None:
    files: list[bytes] = []
    for number, seed in enumerate(("a", "a", "b")):
        path = tmp_path / f"{number}"
        workloads.write_corpus(path, seed, 300)
        files.append(path.read_bytes())
    assert files[0] == files[1] != files[2]


def test_every_record_of_a_year_is_welcome_and_has_effect(tmp_path: Path) -> None:
    town = Town("test", SMALL.members)
    path = tmp_path / "year.jsonl"
    count = workloads.write_export(path, town.year(SMALL), town.document)
    lines = list(read_lines(path))
    core = core_from_export(Home(tmp_path / "home"), lines[0])
    try:
        report = trio.run(lambda: import_lines(core, Intake(core), lines))
        assert report.accepted == count
        assert (report.void, report.deferred, report.rejected.total()) == (0, 0, 0)
        with core.reading() as reader:
            assert sum(amount for _, _, amount in book.balances(reader)) == 0
            assert len(reader.scan("claim_at", b"", None)) == SMALL.trades
    finally:
        core.close()
    kinds = kinds_of(path)
    assert (kinds["post.put"], kinds["listing.put"]) == (SMALL.posts, SMALL.listings)
    assert kinds["trade.accept"] == SMALL.trades


def test_few_write_much_and_many_write_little() -> None:
    town = Town("test", 100)
    raws = list(town.year(Workload("talk", 100, 3_000, 0, 0)))
    posts = [parse_header(raw.header) for raw in raws]
    counts = Counter(header.author for header in posts if header.kind == "post.put")
    ordered = sorted(counts.values(), reverse=True)
    assert sum(ordered[:20]) > 0.3 * 3_000
    assert ordered[0] > 3 * (3_000 // 100)


def test_texts_have_the_length_that_people_write() -> None:
    town = Town("test", 10)
    sizes = [len(raw.body or b"") for raw in town.year(Workload("talk", 10, 500, 0, 0))][-500:]
    assert 380 < sum(sizes) / len(sizes) < 560


def test_ingest_is_measured_beside_its_primitives() -> None:
    found = ingest.run(count=300, runs=1)
    assert found["records"] == 300
    assert found["records_per_s"] > 0
    assert 0 < found["disk_bytes_per_record"] < 100_000
    assert set(found["primitives"]) == {
        "verify_per_s_1_thread", "verify_per_s_2_threads", "sqlite_inserts_per_s", "parse_per_s",
    }  # fmt: skip
    assert json.loads(json.dumps(found)) == found


def test_an_unknown_name_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["nonsense"]) == 2
    assert "ingest" in capsys.readouterr().err
    assert program.main(["workload"]) == 2
    assert program.main(["workload", "XXL"]) == 2


def test_the_genesis_is_valid() -> None:
    document = Town("test", 2).document
    assert genesis.parse(genesis.encode(document))[1] == document
