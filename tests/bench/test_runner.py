"""The runner: nothing is measured twice, what fails is named, figures are held to targets."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as program
from bench import report, runner
from bench.runner import BENCHES, BY_NAME_ONLY, PRIMITIVES, Wishes
from bench.targets import TARGETS, Target, figure_of

BARE = {"bench": PRIMITIVES, "verify_per_s_2_threads": 20_000, "machine": {"cores": 2}}
INGEST = {"bench": "ingest", "records_per_s": 13_000, "disk_bytes_per_record": 800}


class Fake:
    """Benches that find what they are told to."""

    def __init__(self, *results: dict[str, Any]) -> None:
        self.results = {result["bench"]: result for result in results}
        self.ran: list[str] = []

    def __call__(self, name: str, wishes: Wishes) -> dict[str, Any]:
        self.ran.append(name)
        return self.results.get(name, {"bench": name, "failed": "RuntimeError: broken (x.py:1)"})


def test_primitives_come_first_and_a_failure_does_not_stop_the_rest(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    fake, out = Fake(BARE, INGEST), tmp_path / "out.jsonl"
    found = runner.run_all(["idle", "ingest"], Wishes(), out, told.append, fake)
    assert fake.ran == [PRIMITIVES, "idle", "ingest"]
    assert found["idle"]["failed"].startswith("RuntimeError")
    assert found["ingest"] == INGEST
    assert told == list(found.values())
    assert [json.loads(line) for line in out.read_text().splitlines()] == told


def test_an_interrupted_run_goes_on_and_tries_again_what_failed(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    runner.run_all(["ingest", "idle"], Wishes(), out, run=Fake(BARE, INGEST))
    with out.open("a") as file:
        file.write('{"bench": "api", "requests_per')  # killed while it wrote
    again = Fake({"bench": "idle", "node": {"cpu_percent": 0.1}})
    with out.open("a") as file:
        file.write("\n")
    found = runner.run_all(["ingest", "idle", "idle"], Wishes(), out, run=again)
    assert again.ran == ["idle"]
    assert found["ingest"] == INGEST
    assert "failed" not in found["idle"]
    assert report.read(out)["idle"] == found["idle"]


def test_a_missing_or_broken_bench_is_named() -> None:
    assert runner.run_one("nonsense", Wishes()) == {
        "bench": "nonsense",
        "failed": "there is no bench/nonsense.py",
    }
    broken = runner.run_one("workloads", Wishes())  # a module without `run`
    assert broken["failed"].startswith("AttributeError")


def test_only_what_a_bench_knows_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from bench import idle, verify

    def plain() -> dict[str, Any]:
        return {"bench": "idle"}

    def wishful(full: bool, *, work: Path | None) -> dict[str, Any]:
        return {"bench": "verify", "full": full, "work": str(work)}

    monkeypatch.setattr(idle, "run", plain)
    monkeypatch.setattr(verify, "run", wishful)
    wishes = Wishes(full=True, work=Path("here"))
    assert runner.run_one("idle", wishes) == {"bench": "idle"}
    assert runner.run_one("verify", wishes) == {"bench": "verify", "full": True, "work": "here"}


def test_a_bench_runs_in_a_process_of_its_own() -> None:
    found = runner.run_apart("nonsense", Wishes(full=True, work=Path("here")))
    assert found["failed"] == "there is no bench/nonsense.py"


def test_what_is_asked_for_is_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = Fake(BARE, INGEST)
    run_all = runner.run_all
    monkeypatch.setattr(runner, "run_all", lambda *wished: run_all(*wished, run=fake))
    assert program.main(["ingest", "nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err
    assert program.main(["ingest", "--json"]) == 0
    printed = capsys.readouterr()
    assert [json.loads(line) for line in printed.out.splitlines()] == [BARE, INGEST]
    assert "ingest: begins" in printed.err
    assert program.main(["ingest"]) == 0
    assert "13,000 records/s" in capsys.readouterr().out
    fake.ran.clear()
    assert program.main(["--out", str(tmp_path / "out.jsonl")]) == 1  # all; the others fail
    assert fake.ran == [PRIMITIVES, *BENCHES]
    capsys.readouterr()
    assert program.main(["report", str(tmp_path / "out.jsonl")]) == 0
    table = capsys.readouterr().out
    assert "| 13,000 records/s | ≥ 12,000, ≥ 0.4 of the limit, aim 16,000 | yes | 0.65 |" in table
    assert "sync failed: RuntimeError" in table
    assert "Machine: cores 2." in table
    assert program.main(["report"]) == program.main(["report", "nowhere"]) == 2


def test_targets_are_judged_by_value_and_by_limit() -> None:
    results = {PRIMITIVES: BARE, "ingest": dict(INGEST), "query": {"index": {"x": [1, 2]}}}
    rate = next(target for target in TARGETS if target.figure == "ingest.records_per_s")
    assert rate.reached(results) is True
    results[PRIMITIVES] = {"verify_per_s_2_threads": 40_000}
    assert rate.share(results) == pytest.approx(0.325)
    assert rate.reached(results) is False  # fast, but too far from what is possible
    results["ingest"]["primitives"] = {"verify_per_s_2_threads": 26_000}
    assert rate.share(results) == pytest.approx(0.325)  # noise only lowers what is possible
    results["sync"] = {"primitives": {"verify_per_s_2_threads": 52_000}}
    assert rate.share(results) == pytest.approx(0.25)
    assert rate.reached({}) is None
    assert rate.reached({"ingest": INGEST}) is False  # without its limit
    assert figure_of(results, "query.index.x.1") == 2
    assert figure_of(results, "query.index.x.2") is None
    assert figure_of(results, "query.index") is None
    least = Target("", "ingest.disk_bytes_per_record", "", 1.0, over="ingest.records_per_s")
    assert least.value(results) == pytest.approx(800 / 13_000)
    assert least.reached(results) is True


def test_every_target_belongs_to_a_bench() -> None:
    assert {target.bench for target in TARGETS} <= {*BENCHES, *BY_NAME_ONLY}
    names = [target.figure + (target.over or "") for target in TARGETS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("value", "shown"), [(12_345.6, "12,346"), (12.34, "12.3"), (0.1234, "0.123"), (5.0, "5")]
)
def test_numbers_have_as_many_digits_as_say_something(value: float, shown: str) -> None:
    assert report.number(value) == shown
