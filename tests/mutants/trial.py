"""Tests that run again and again, each time with one change of the program, in processes apart.

Rules: the tree itself is never touched: a copy is. Which tests reach a line is measured once, with
coverage; then only those run for a change, the cheapest first, until one fails. A test of
Hypothesis that fails is not made smaller. A change that makes its tests stand still, or use up far
more time, counts as noticed.

In a `Hall` all tests are collected and wait; for each change a copy of that process is made (fork),
in which one function's code is swapped. What stands in no function is written to the copied file,
and its tests are loaded anew (`afresh`), which takes seconds.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, TextIO

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.mutants.changes import Mutant

LOADED = ("trio", "msgspec", "nacl.signing", "nacl.bindings", "pytest_trio", "xdist", "libp2p")
PATIENCE_FACTOR = 2  # what a change may cost, of what its tests cost without it
PATIENCE_S = 5
IDLE_MAX_S = 8.0  # a process that waits so long, and has used less than that, waits for ever
IDLE_CPU_S = 0.2
POLL_S = 0.02
UNFIT = 3  # exit code of a process in which a change could not be made
_OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=mutants")


@dataclass(slots=True)
class Reach:
    """Which tests reach which lines. Tests have numbers; `costs` are CPU seconds."""

    tests: list[str] = field(default_factory=list[str])
    costs: list[float] = field(default_factory=list[float])
    lines: dict[str, dict[str, list[int]]] = field(
        default_factory=dict[str, dict[str, list[int]]]
    )  # by path and line

    def of(self, path: str, lines: tuple[int, int], budget_s: float) -> list[int]:
        """Numbers of the tests that run any of these lines, or the file where only imports do;
        the cheapest first, as many as this CPU time allows."""
        known = self.lines.get(path, {})
        reached = {n for line in range(lines[0], lines[1] + 1) for n in known.get(str(line), ())}
        reached = reached or {n for tests in known.values() for n in tests}
        chosen: list[int] = []
        spent = 0.0
        for number in sorted(reached, key=lambda n: (self.costs[n], n)):
            spent += self.costs[number]
            if spent > budget_s and chosen:
                break
            chosen.append(number)
        return chosen

    def limit_s(self, numbers: list[int]) -> int:
        """CPU seconds after which patience with these tests ends."""
        return int(PATIENCE_S + PATIENCE_FACTOR * sum(self.costs[n] for n in numbers))


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


def copy(tree: Path, place: Path) -> None:
    """Copy what belongs to the tree."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=tree, check=True, capture_output=True).stdout
    for name in filter(None, names.decode().split("\0")):
        if (tree / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(tree / name, place / name)


# --- processes ------------------------------------------------------------------------------------
def _fork(run: Callable[[], int], limit_s: int | None = None) -> int:
    """Run something in a process of its own, silent and bounded; its number."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        if limit_s is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 5))
        code = run()
    finally:
        os._exit(code)


def _ended(child: int, idle_s: float = IDLE_MAX_S) -> int:
    """Wait for a process; its exit code, which is not 0 when it stood still and was ended."""
    used, moved_at = 0.0, time.monotonic()
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return abs(os.waitstatus_to_exitcode(status))
        if (now_used := _cpu_s(child)) > used + IDLE_CPU_S:
            used, moved_at = now_used, time.monotonic()
        if time.monotonic() - moved_at > idle_s:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return 1
        time.sleep(POLL_S)


def _cpu_s(process: int) -> float:
    """CPU seconds that a process has used; its ended children count too."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _begin_in(place: Path) -> None:
    """As if this process had been started there: nothing of the tree is loaded yet."""
    elsewhere = str(Path.cwd())
    os.chdir(place)
    sys.path[:] = [str(place), *(path for path in sys.path if path not in ("", elsewhere))]
    os.environ["PYTHONPATH"] = str(place)
    for name in list(sys.modules):
        if name.split(".")[0] in ("tests", "node", "simulator"):
            del sys.modules[name]


# --- tests that wait ------------------------------------------------------------------------------
class Hall:
    """A process in which all tests of some folders are collected."""

    def __init__(self, place: Path, folders: list[str], parts: list[str]) -> None:
        """`parts`: of the program, whose lines are measured. RuntimeError when a test fails."""
        ask, asked = os.pipe()
        told, tell = os.pipe()

        def run() -> int:
            os.close(asked)
            os.close(told)
            _begin_in(place)
            with os.fdopen(ask) as questions, os.fdopen(tell, "w") as answers:
                loop = _Loop(parts, questions, answers)
                where = f"--basetemp={place}/.tests"
                return int(pytest.main([*_OPTIONS, where, *folders], plugins=[loop]))

        self._process = _fork(run)
        os.close(ask)
        os.close(tell)
        self._asked, self._told = os.fdopen(asked, "w"), os.fdopen(told)
        first = self._told.readline()
        if not first:
            raise RuntimeError(f"tests fail without any change: {' '.join(folders)}")
        self.reach = Reach(**json.loads(first))

    def notices(self, mutant: Mutant, numbers: list[int]) -> bool | None:
        """True iff one of these tests fails with the change; None if it cannot be made here."""
        question = [mutant.path, mutant.function, mutant.start, mutant.end, mutant.new]
        self._asked.write(json.dumps([question, numbers, self.reach.limit_s(numbers)]) + "\n")
        self._asked.flush()
        code = int(self._told.readline())
        return None if code == UNFIT else code != 0

    def close(self) -> None:
        """Let the process end."""
        self._asked.close()
        self._told.close()
        _ended(self._process)


class _Loop:
    """A plugin: instead of all tests, runs those that are asked for."""

    def __init__(self, parts: list[str], questions: TextIO, answers: TextIO) -> None:
        self._parts, self._questions, self._answers = parts, questions, answers

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os._exit(1)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if self._measured(session.items):
            for line in self._questions:
                question, numbers, limit_s = json.loads(line)
                tests = [session.items[n] for n in numbers]
                code = _ended(_fork(lambda q=question, t=tests: _changed(q, t), limit_s))
                self._tell(str(code))
        return True

    def _tell(self, line: str) -> None:
        self._answers.write(line + "\n")
        self._answers.flush()

    def _measured(self, items: list[pytest.Item]) -> bool:
        """Run all tests once, in a process apart; what they reach is told."""

        def run() -> int:
            self._tell(json.dumps(_measure(items, self._parts)))
            return 0

        return _ended(_fork(run), 10 * IDLE_MAX_S) == 0


def _run(items: list[pytest.Item], before: Callable[[pytest.Item], None] | None = None) -> None:
    for item, following in zip(items, [*items[1:], None], strict=True):
        if before is not None:
            before(item)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _measure(items: list[pytest.Item], parts: list[str]) -> dict[str, Any]:
    import coverage

    here = Path.cwd()
    within = [f"{here}/{part}{end}" for part in parts for end in ("", "/**")]
    measured = coverage.Coverage(data_file=None, include=within, config_file=False)
    measured.start()
    ends: list[float] = []

    def begin(item: pytest.Item) -> None:
        ends.append(time.process_time())
        measured.switch_context(item.nodeid)

    _run(items, begin)
    ends.append(time.process_time())
    measured.stop()
    data = measured.get_data()
    places = {item.nodeid: place for place, item in enumerate(items)}
    lines = {
        str(Path(path).relative_to(here)): {
            str(line): [places[name] for name in names if name]
            for line, names in data.contexts_by_lineno(path).items()
        }
        for path in data.measured_files()
    }
    costs = [after - before for before, after in pairwise(ends)]
    return {"tests": list(places), "costs": costs, "lines": lines}


def _changed(question: tuple[str, str, int, int, str], items: list[pytest.Item]) -> int:
    """In a process apart: make the change, and run these tests."""
    path, function, start, end, new = question
    content = Path(path).read_bytes()
    text = content[:start] + new.encode() + content[end:]
    try:
        _swap(path, function, compile(text, path, "exec"))
    except (LookupError, AttributeError, SyntaxError):
        return UNFIT
    _run(items)
    return 0


def _swap(path: str, name: str, code: CodeType) -> None:
    """Give one function of a module the code that it has in this text. LookupError if there is no
    such function, or several."""
    found: Any = import_module(path.removesuffix(".py").replace("/", "."))
    for part in name.split("."):
        found = vars(found)[part]
    (function,) = {one.__code__: one for one in _within(found)}.values()
    place = (name, function.__code__.co_firstlineno)
    (other,) = (one for one in _codes(code) if (one.co_qualname, one.co_firstlineno) == place)
    function.__code__ = other


def _within(found: Any) -> Iterator[FunctionType]:
    """The function under its decorators."""
    found = getattr(found, "fget", None) or getattr(found, "func", None) or found
    found = getattr(found, "__func__", found)
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    if not isinstance(found, FunctionType):
        raise LookupError
    yield found


def _codes(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _codes(inner)


# --- tests that are loaded anew -------------------------------------------------------------------
class Chosen:
    """A plugin: runs these tests alone, in this order."""

    def __init__(self, tests: list[str]) -> None:
        self._places = {name: place for place, name in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self._places]
        items.sort(key=lambda item: self._places[item.nodeid])


def afresh(place: Path, mutant: Mutant, run: Callable[[], int], limit_s: int) -> bool:
    """True iff `run` fails in a process that loads the changed file."""
    file = place / mutant.path
    sound = file.read_bytes()

    def begin() -> int:
        _begin_in(place)
        return run()

    _write(file, mutant.applied(sound))
    try:
        return _ended(_fork(begin, limit_s)) != 0
    finally:
        _write(file, sound)


def _write(file: Path, content: bytes) -> None:
    """With a date of its own: what was compiled before must not be taken for it."""
    before = int(file.stat().st_mtime)
    file.write_bytes(content)
    os.utime(file, (before + 1, before + 1))


def tests(names: list[str]) -> int:
    """Run tests by name; 0 when all hold."""
    files = list(dict.fromkeys(name.split("::")[0] for name in names))
    return int(pytest.main([*_OPTIONS, "-x", *files], plugins=[Chosen(names)]))


def lives(seeds: int) -> int:
    """Run simulated lives; 0, or what they raise."""
    plans, world = import_module("simulator.plans"), import_module("simulator.world")
    for seed in range(seeds):
        world.World(plans.life_of(seed, 8, 100)).run()
    return 0
