"""`python -m bench [NAME]… [--full] [--json] [--out FILE] [--work DIR]`: run measurements by name,
all of them without a name.

ingest        50,000 records into a fresh home
sync          an empty node takes them from another one
reconcile     two nodes that differ a little become equal
propagate     a post along a chain of ten nodes, a burst into a mesh
query         newest listings and text search
verify        a ledger from its first byte; the start of a node
idle          a node that nobody asks, beside the bare libraries
api           small requests a second

workload S|M  write that workload as an export file into the current folder
report FILE   the table of results that --out has written, in Markdown
"""

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

from bench import report, runner, workloads
from bench.runner import BENCHES, PRIMITIVES, Wishes
from node.interpreter import settle

FAILED, USAGE = 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; the exit code."""
    asked = _asked(arguments)
    if asked.inside:
        settle()  # as every `wetalk` process does
        return _inside(asked.names[0], Wishes(asked.full, asked.work))
    if asked.names[:1] == ["workload"]:
        return _write_workloads(asked.names[1:])
    if asked.names[:1] == ["report"]:
        return _report(asked.names[1:])
    known = (*BENCHES, PRIMITIVES)
    unknown = [name for name in asked.names if name not in known]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}", file=sys.stderr)
        return USAGE
    names = asked.names or BENCHES
    tell = _tell_json if asked.json else _tell_table
    wishes = Wishes(asked.full, asked.work)
    try:
        found = runner.run_all(names, wishes, asked.out, tell)
    except KeyboardInterrupt:
        print("stopped; the same --out goes on from here", file=sys.stderr)
        return FAILED
    if not asked.json:
        print("\n" + report.text(report.rows(found, names)))
    return FAILED if any(result.get("failed") for result in found.values()) else 0


def _inside(name: str, wishes: Wishes) -> int:
    """The program of the process that a bench has for itself; told to end, it cleans up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))
    print(json.dumps(runner.run_one(name, wishes), ensure_ascii=False))
    return 0


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="wetalk bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--full", action="store_true", help="the long form")
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("--out", type=Path, metavar="FILE", help="add results; skip those in it")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep large homes there")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    return parser.parse_args(arguments)


def _write_workloads(names: list[str]) -> int:
    if not names or any(name not in workloads.WORKLOADS for name in names):
        print(f"which one? {', '.join(workloads.WORKLOADS)}", file=sys.stderr)
        return USAGE
    for name in names:
        path = Path(f"workload-{name}.jsonl")
        print(f"{path}: {workloads.write_workload(path, name)} records")
    return 0


def _report(names: list[str]) -> int:
    if len(names) != 1 or not Path(names[0]).exists():
        print("which file? one that --out has written", file=sys.stderr)
        return USAGE
    print(report.markdown(report.read(Path(names[0]))))
    return 0


def _tell_json(result: dict[str, Any]) -> None:
    print(json.dumps(result, ensure_ascii=False), flush=True)


def _tell_table(result: dict[str, Any]) -> None:
    print(_table(result), flush=True)


def _table(found: dict[str, Any], indent: str = "") -> str:
    """All figures; what single runs were is left to `--json`."""
    lines: list[str] = []
    for name, value in found.items():
        if isinstance(value, list):
            continue
        if isinstance(value, dict):
            lines += [f"{indent}{name}", _table(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name:<28} {value}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
