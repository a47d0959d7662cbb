"""Hunting by coverage, with atheris where it is installed (`pip install atheris`).

It is no dependency: it has wheels for some versions of Python on Linux alone, and finds its way
with the same targets that the campaign has. The hunt runs in a process of its own, because the
fuzzer ends the process that it runs in, and has to see our modules before they are imported.
"""

import hashlib
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ABSENT = 2
INPUT_MAX_BYTES = 65_536
COVERAGE = re.compile(r"^#\d+\s+(\w+)\s+cov: (\d+) ft: (\d+)", re.MULTILINE)
RUNS = re.compile(r"^stat::number_of_executed_units:\s+(\d+)", re.MULTILINE)


def hunt(name: str, seconds: int, kept: Path | None) -> int:
    """Hunt with one target; the exit code of the command. What reached new code, if anything
    did, is put into the folder `kept`."""
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed, so nothing was done: pip install atheris")
        return ABSENT
    from tests.fuzz import campaign

    if name not in campaign.TARGETS:
        print(f"targets are: {', '.join(campaign.TARGETS)}")
        return ABSENT
    with tempfile.TemporaryDirectory(prefix="wetalk-fuzz-") as folder:
        valid = Path(folder, "valid")
        found = Path(folder, "found")
        valid.mkdir()
        found.mkdir()
        for data in campaign.corpus(name):
            (valid / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
        command = [sys.executable, "-m", "tests.fuzz.guided", name, str(found), str(valid)]
        command += [f"-max_total_time={seconds}", f"-max_len={INPUT_MAX_BYTES}", "-timeout=25"]
        command += [f"-artifact_prefix={folder}/", "-print_final_stats=1", "-rss_limit_mb=1024"]
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace")
        steps = COVERAGE.findall(ended.stderr)
        start = next((int(cov) for step, cov, _ in steps if step == "INITED"), 0)
        end = max((int(cov) for _, cov, _ in steps), default=0)
        runs = RUNS.search(ended.stderr)
        count = runs[1] if runs else "?"
        print(f"{name}: {count} inputs; valid ones reach {start} branches, with those found {end}")
        if kept is not None and end > start:
            kept.mkdir(parents=True, exist_ok=True)
            for path in found.iterdir():
                (kept / path.name).write_bytes(path.read_bytes())
        crashes = [path for path in Path(folder).iterdir() if path.is_file()]
        for path in crashes:
            print(_told(name, path.read_bytes()))
        if ended.returncode and not crashes:
            print(ended.stderr[-2_000:])
        return 1 if ended.returncode else 0


def _told(name: str, data: bytes) -> str:
    from tests.fuzz import campaign

    target = campaign.TARGETS[name]
    try:
        target.judge(data)
    except Exception as problem:
        small, problem = campaign.shrunk(target, data, problem)
        return campaign.Failure(name, "atheris", small, campaign.said(problem)).told()
    return campaign.Failure(name, "atheris", data, "too slow or too large, or only there").told()


def _child(name: str, arguments: list[str]) -> None:
    import atheris  # pyright: ignore[reportMissingImports]

    with atheris.instrument_imports(include=["node"]):
        from tests.fuzz import campaign
    target = campaign.TARGETS[name]
    valid = campaign.corpus(name)

    def one(data: bytes) -> None:
        target.judge(data)

    def change(data: bytes, most: int, seed: int) -> bytes:
        dice = campaign.random.Random(seed)
        if not target.wrapped and dice.random() < 0.5:
            return atheris.Mutate(data, most)
        return campaign.mutated(data, valid, dice, wrapped=target.wrapped)[:most]

    atheris.Setup([sys.argv[0], *arguments], one, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    _child(sys.argv[1], sys.argv[2:])
