"""Runs tests in a copy of the tree, each time in a process of its own that has libraries loaded.

Rules: the tree itself is never touched. Which tests reach a line is measured once, with coverage;
then only those run for a change, the cheapest first, until one fails. A test of Hypothesis that
fails is not made smaller. A change that makes the tests use up far more time counts as noticed.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

LOADED = ("trio", "msgspec", "nacl.signing", "nacl.bindings", "pytest_trio", "xdist", "libp2p")
TRIED_MAX_S = 60.0  # of CPU in tests for one change
PATIENCE_FACTOR = 8  # what a change may cost, of what its tests cost without it
PATIENCE_S = 30
WAIT_FACTOR = 6  # the same by the clock on the wall: a busy machine gives little CPU
NOTICED, SURVIVED, UNREACHED = "noticed", "survived", "unreached"


@dataclass(slots=True)
class Reach:
    """Which tests reach which lines. Tests have numbers; `costs` are CPU seconds."""

    tests: list[str] = field(default_factory=list[str])
    costs: list[float] = field(default_factory=list[float])
    lines: dict[str, dict[int, list[int]]] = field(
        default_factory=dict[str, dict[int, list[int]]]
    )  # by path and line

    def of(self, path: str, lines: tuple[int, int]) -> list[int]:
        """Numbers of the tests that run any of these lines, or the file where only imports do;
        the cheapest first, as many as time allows."""
        known = self.lines.get(path, {})
        reached = {n for line in range(lines[0], lines[1] + 1) for n in known.get(line, ())}
        reached = reached or {n for tests in known.values() for n in tests}
        chosen: list[int] = []
        spent = 0.0
        for number in sorted(reached, key=lambda n: (self.costs[n], n)):
            spent += self.costs[number]
            if spent > TRIED_MAX_S and chosen:
                break
            chosen.append(number)
        return chosen

    def cost(self, numbers: list[int]) -> float:
        """CPU seconds of these tests."""
        return sum(self.costs[n] for n in numbers)


class _Chosen:
    """A plugin: runs these tests alone, in this order."""

    def __init__(self, tests: list[str]) -> None:
        self._places = {name: place for place, name in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self._places]
        items.sort(key=lambda item: self._places[item.nodeid])


class _Watch:
    """A plugin: notes what each test costs, and tells coverage which one runs."""

    def __init__(self, measured: Any) -> None:
        self._measured = measured
        self.costs: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._measured.switch_context(item.nodeid)
        started = time.process_time()
        result = yield
        self.costs[item.nodeid] = time.process_time() - started
        self._measured.switch_context("")
        return result  # pyright: ignore[reportReturnType]


class Copy:
    """A copy of the tree."""

    def __init__(self, tree: Path, place: Path) -> None:
        self.place = place
        self._writes = 0
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=tree, check=True, capture_output=True).stdout
        for name in filter(None, names.decode().split("\0")):
            if (tree / name).is_file():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(tree / name, place / name)

    @contextmanager
    def changed(self, path: str, content: bytes) -> Iterator[None]:
        """Within this a file has other content."""
        sound = (self.place / path).read_bytes()
        self._write(path, content)
        try:
            yield
        finally:
            self._write(path, sound)

    def _write(self, path: str, content: bytes) -> None:
        """Each time with a date of its own: what was compiled before must not be taken for it."""
        self._writes += 1
        (self.place / path).write_bytes(content)
        os.utime(self.place / path, (self._writes, self._writes))

    # --- runs -------------------------------------------------------------------------------------
    def reach(self, folders: list[str], package: str) -> Reach:
        """Run all tests of these folders once. RuntimeError when one fails."""
        read, write = os.pipe()
        with os.fdopen(read, "rb") as told:
            child = self._start(lambda: _measure(folders, package, write))
            os.close(write)
            answer = told.read()
        if not answer or self._wait(child, None):
            raise RuntimeError(f"tests fail without any change: {' '.join(folders)}")
        return _decoded(answer)

    def notices(self, tests: list[str], cost: float) -> bool:
        """True iff one of these tests fails now."""
        files = list(dict.fromkeys(name.split("::")[0] for name in tests))
        limit = int(PATIENCE_S + PATIENCE_FACTOR * cost)

        def run() -> int:
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
            return int(pytest.main([*_OPTIONS, "-x", *files], plugins=[_Chosen(tests)]))

        return self._wait(self._start(run), WAIT_FACTOR * limit) != 0

    def outlives(self, seeds: int) -> bool:
        """True iff so many simulated lives break no promise."""

        def run() -> int:
            plans, world = import_module("simulator.plans"), import_module("simulator.world")
            for seed in range(seeds):
                world.World(plans.life_of(seed, 8, 100)).run()
            return 0

        return (
            self._wait(self._start(run), WAIT_FACTOR * (PATIENCE_S + PATIENCE_FACTOR * seeds)) == 0
        )

    def _start(self, run: Callable[[], int]) -> int:
        child = os.fork()
        if child:
            return child
        code = 99
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
            _begin_anew(self.place)
            code = run()
        finally:
            os._exit(code)

    def _wait(self, child: int, seconds: float | None) -> int:
        """The exit code; not 0 when it takes longer than that."""
        late = False

        def end(_: int, __: FrameType | None) -> None:
            nonlocal late
            late = True
            os.killpg(child, signal.SIGKILL)

        before = signal.signal(signal.SIGALRM, end)
        signal.setitimer(signal.ITIMER_REAL, seconds or 0)
        try:
            _, status = os.waitpid(child, 0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        return 1 if late else abs(os.waitstatus_to_exitcode(status))


_OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=mutants")


def _begin_anew(place: Path) -> None:
    """As if this process had been started there: nothing of the tree is loaded yet."""
    elsewhere = str(Path.cwd())
    os.chdir(place)
    sys.path[:] = [str(place), *(path for path in sys.path if path not in ("", elsewhere))]
    os.environ["PYTHONPATH"] = str(place)
    for name in list(sys.modules):
        if name.split(".")[0] in ("tests", "node", "simulator"):
            del sys.modules[name]


def load() -> None:
    """Load libraries once, for all processes to come."""
    os.environ.setdefault("PY_YAMUX_RELEASE_ON_READ", "0")  # as the tests have it
    for name in LOADED:
        import_module(name)
    settings.register_profile(
        "mutants",
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
        phases=(Phase.explicit, Phase.generate),
    )


def _measure(folders: list[str], package: str, write: int) -> int:
    """In the child: run tests under coverage, and write what they reach to a pipe."""
    import coverage
    import msgspec

    here = Path.cwd()
    measured = coverage.Coverage(data_file=None, include=[f"{here}/{package}*"], config_file=False)
    watch = _Watch(measured)
    measured.start()
    failed = int(pytest.main([*_OPTIONS, "-x", *folders], plugins=[watch]))
    measured.stop()
    if failed:
        return failed
    tests = list(watch.costs)
    places = {name: place for place, name in enumerate(tests)}
    data = measured.get_data()
    lines = {
        str(Path(path).relative_to(here)): {
            line: [places[name] for name in names if name]
            for line, names in data.contexts_by_lineno(path).items()
        }
        for path in data.measured_files()
    }
    reach = Reach(tests, [watch.costs[name] for name in tests], lines)
    with os.fdopen(write, "wb") as told:
        told.write(msgspec.msgpack.encode(reach))
    return 0


def _decoded(answer: bytes) -> Reach:
    import msgspec

    return msgspec.msgpack.decode(answer, type=Reach)
