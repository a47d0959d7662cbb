"""The benches of the network in a tiny form: their shape, and that nothing is lost on the way."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import propagate, reconcile, streams, sync, workloads, writers
from bench.homes import append, fill, records_of
from bench.shelf import Meeting, pair
from node.services.core import open_core
from node.storage.home import Home


def test_an_empty_node_gets_everything() -> None:
    found = sync.run(count=300, runs=1, bare=False)
    (once,) = found["runs"]
    assert once["records_in"] == found["records"] > 300  # the giver's own introduction, too
    assert found["records_per_s"] > 0
    assert 0 < found["wire_share_of_raw"] < 1.5
    assert once["wire_bytes"] == once["wire_bytes_to_receiver"] + once["wire_bytes_to_giver"]
    for side in ("giver", "receiver"):
        assert 0 < once[side]["floor_mib"] <= once[side]["peak_mib"]
    assert json.loads(json.dumps(found)) == found


def test_two_nodes_become_equal() -> None:
    found = reconcile.run(count=300, apart=20, runs=1, engine=(1_000,))
    (once,) = found["runs"]
    assert once["records_in"] == [20, 20]
    assert 0 < once["first_side_s"] <= found["seconds"]
    (engine,) = found["engine_only"]
    assert (engine["lanes"], engine["differing_lanes"]) == (1_000, 40)
    assert engine["wire_bytes"] > 0
    assert json.loads(json.dumps(found)) == found


def test_posts_and_bursts_reach_everybody() -> None:
    found = propagate.run(nodes=3, posts=5, warm_up=2, burst=100, written=20, shared=200)
    live = found["live"]
    assert len(live["every_far_end_ms"]) == 5
    assert len(live["hops_ms"]) == 2
    assert 0 < live["far_end_ms"]["p50"] <= live["far_end_ms"]["p99"]
    assert live["links_broken"] == 0
    for burst in (found["burst"]["file"], found["burst"]["written"]):
        assert burst["lost"] == 0
        assert len(burst["nodes_s"]) == 3
        assert burst["records_per_s"] > 0
        assert burst["wire_bytes_all_nodes"] > 0
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("way", [streams.tcp_mb_per_s, streams.libp2p_mb_per_s])
def test_streams_carry_bytes(way: Callable[[int], float]) -> None:
    assert way(20 * streams.FRAME_BYTES) > 0


def test_engines_in_memory_give_each_other_what_they_lack() -> None:
    meeting = Meeting(*pair(2_000, 100))
    found = meeting.run()
    assert meeting.accepted == [100, 100]
    assert found["wire_bytes"] == meeting.bytes > 200 * 64


def test_writers_go_on_where_a_file_ends(tmp_path: Path) -> None:
    export = tmp_path / "corpus.jsonl"
    count = workloads.write_corpus(export, count=200)
    people = writers.Writers.after(export)
    assert len(people.members) == 4
    append(export, people.posts(10, people.members))
    assert fill(tmp_path / "home", export) == count + 10
    assert len(list(records_of(export))) == count + 10


def test_a_village_is_welcome_to_the_last_record(tmp_path: Path) -> None:
    people, records = writers.village(30, 200)
    export = tmp_path / "village.jsonl"
    assert workloads.write_export(export, records, people.document) == 200
    assert fill(tmp_path / "home", export) == 200
    core = open_core(Home(tmp_path / "home"))
    try:
        assert core.reader.record_count() == 200
    finally:
        core.close()
