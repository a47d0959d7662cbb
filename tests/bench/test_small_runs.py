"""Each bench, in a form of seconds: it runs, and finds what the targets look for."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import api, bounds, finding, nodes, primitives, query, stages, streams, verify
from bench.asking import Connection
from bench.targets import TARGETS, figure_of
from node.protocol import limits


def assert_complete(found: dict[str, Any]) -> None:
    """Plain data, with every figure that the quick form has to give."""
    assert json.loads(json.dumps(found)) == found
    missing = [
        target.figure
        for target in TARGETS
        if target.bench == found["bench"]
        and not target.full_only
        and figure_of({found["bench"]: found}, target.figure) is None
    ]
    assert missing == []


def test_query() -> None:
    found = query.run(
        listings_count=400, documents_count=1_000, corpus_count=400, rounds=2, calls=5
    )
    assert_complete(found)
    assert found["storage"]["region"]["shown"] == found["api"]["region"]["shown"] > 0
    few, many = (found["search"][f"words_{share}_percent"] for share in (1, 20))
    assert max(few["share_of_listings"]) < 0.03 < 0.15 < min(many["share_of_listings"])
    assert many["shown"] == 50
    assert len(found["storage"]["tag"]["runs_warm_ms"]) == 2


def test_texts_with_planted_words_stay_of_their_length() -> None:
    sizes = [len(one.text.encode()) for one in finding._documents(300)]
    assert 420 < sum(sizes) / len(sizes) < 560  # title and tags beside 400 bytes


def test_api() -> None:
    found = api.run(requests=16, rounds=2)
    assert_complete(found)
    assert found["post_8"]["p99_ms"] >= found["post_8"]["p50_ms"] > 0


def test_verify(tmp_path: Path) -> None:
    found = verify.run(True, work=tmp_path, count=300, large=400, rounds=1)
    assert_complete(found)
    assert found["records"] > 300
    assert found["large"]["start"]["network_s"] >= found["large"]["start"]["api_s"] > 0


def test_a_large_home_is_made_once_and_an_import_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = stages.fill

    def cut_off(folder: Path, lines: Any, progress: Any) -> None:
        some = [line for line, _ in zip(lines, range(150), strict=False)]
        whole(folder, some)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(stages, "fill", cut_off)
        with pytest.raises(KeyboardInterrupt):
            verify._home(tmp_path, 300)
    signed = (tmp_path / "corpus-300.jsonl").stat().st_mtime_ns
    home = verify._home(tmp_path, 300)
    assert not (tmp_path / "corpus-300.jsonl").exists()
    made = (tmp_path / "made-300").stat().st_mtime_ns
    assert made > signed
    assert verify._home(tmp_path, 300) == home
    assert (tmp_path / "made-300").stat().st_mtime_ns == made


def test_primitives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(primitives, "VERIFY_RECORDS_COUNT", 100)
    monkeypatch.setattr(primitives, "INSERT_RECORDS_COUNT", 200)
    monkeypatch.setattr(primitives, "stream_mb_per_s", lambda: {"streams": 1.0}, raising=False)
    found = bounds.run()
    assert found["bench"] == "primitives"
    assert found["streams"] == 1.0
    assert found["verify_per_s_2_threads"] > 0


def test_a_client_goes_on_where_the_server_ends_a_connection(tmp_path: Path) -> None:
    document, lines = stages.market_lines(100)
    stages.make_member(tmp_path / "home", document)
    stages.fill(tmp_path / "home", lines)
    with nodes.running(tmp_path / "home"):
        link = Connection(tmp_path / "home")
        request = link.request("GET", "/identity")
        answers = {link.ask(request) for _ in range(1_050)}
        link.close()
    assert len(answers) == 1


def test_measuring_streams_leaves_the_budgets_of_neighbours_as_they_were() -> None:
    usual = {name: getattr(limits, name) for name in streams.UNBOUNDED}
    assert streams.libp2p_mb_per_s(32 * streams.FRAME_BYTES) > 0
    assert {name: getattr(limits, name) for name in streams.UNBOUNDED} == usual
