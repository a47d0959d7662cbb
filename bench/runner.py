"""Running benches by name, one process each, and keeping what they found.

Rules: results go to the file as they come, so an interrupted run is continued with the same file:
what is in it is not measured again, what failed is. A bench that fails is named with its reason,
and the others run. The primitives are measured before the first bench, once a run. Progress goes to
standard error.
"""

import importlib
import inspect
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import report
from bench.measure import progress

ROOT: Final = Path(__file__).resolve().parent.parent
PRIMITIVES: Final = "primitives"
BENCHES: Final = ("ingest", "sync", "reconcile", "propagate", "query", "verify", "idle", "api")
BY_NAME_ONLY: Final = ("page",)  # needs what only the tests need
MODULES: Final = {PRIMITIVES: "bench.bounds"}
"""Where a bench is, if not in the module of its name."""

QUICK_MAX_S: Final = 1_200
FULL_MAX_S: Final = 6 * 3_600
END_MAX_S: Final = 30

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wishes:
    """How benches shall run."""

    full: bool = False
    work: Path | None = None  # where large homes are kept


def run_one(name: str, wishes: Wishes) -> Result:
    """Run a bench in this process; what it found, or why it failed."""
    module = MODULES.get(name, f"bench.{name}")
    try:
        work = importlib.import_module(module).run
        known = inspect.signature(work).parameters
        given = {"full": wishes.full, "work": wishes.work}
        return work(**{key: value for key, value in given.items() if key in known})
    except ModuleNotFoundError as error:
        if error.name != module:
            return _failed(name, error)
        return {"bench": name, "failed": f"there is no {module.replace('.', '/')}.py"}
    except Exception as error:
        return _failed(name, error)


def _failed(name: str, error: Exception) -> Result:
    place = traceback.extract_tb(error.__traceback__)[-1]
    at = f"{Path(place.filename).name}:{place.lineno}"
    return {"bench": name, "failed": f"{type(error).__name__}: {error} ({at})"}


def run_apart(name: str, wishes: Wishes) -> Result:
    """Run a bench in a process of its own, so that none feels what another one left behind."""
    words = [sys.executable, "-m", "bench", "--inside", name]
    words += ["--full"] if wishes.full else []
    words += [] if wishes.work is None else ["--work", str(wishes.work)]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    most_s = FULL_MAX_S if wishes.full else QUICK_MAX_S
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment) as process:
        try:
            out, _ = process.communicate(timeout=most_s)
        except subprocess.TimeoutExpired:
            _end(process)
            return {"bench": name, "failed": f"not done after {most_s} s"}
        except BaseException:
            _end(process)
            raise
    try:
        return json.loads(out.splitlines()[-1])
    except (ValueError, IndexError):
        return {"bench": name, "failed": f"it ended with status {process.returncode}"}


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Stop a bench; it stops its nodes and removes its files before."""
    process.terminate()
    try:
        process.wait(END_MAX_S)
    except subprocess.TimeoutExpired:
        process.kill()


def run_all(
    names: Sequence[str],
    wishes: Wishes,
    out: Path | None = None,
    tell: Callable[[Result], None] = lambda result: None,
    run: Callable[[str, Wishes], Result] = run_apart,
) -> dict[str, Result]:
    """Run benches one after the other, the primitives first; all results by name, those that were
    in the file included. `tell` is given each as it comes."""
    found = report.read(out) if out is not None and out.exists() else {}
    found = {name: result for name, result in found.items() if not result.get("failed")}
    for name in dict.fromkeys((PRIMITIVES, *names)):
        if name in found:
            progress(f"{name}: measured before")
            continue
        progress(f"{name}: begins")
        result = found[name] = run(name, wishes)
        if result.get("failed"):
            progress(f"{name}: failed: {result['failed']}")
        if out is not None:
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result, ensure_ascii=False) + "\n")
        tell(result)
    return found
