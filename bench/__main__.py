"""`python -m bench [--json] [NAME]…`: run measurements by name, all of them without a name.

ingest        50,000 records into a fresh home
idle          a node that nobody asks, beside the bare libraries
workload S|M  write that workload as an export file into the current folder
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import idle, ingest, workloads

BENCHES: dict[str, Callable[[], dict[str, Any]]] = {"ingest": ingest.run, "idle": idle.run}


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; the exit code."""
    parser = argparse.ArgumentParser(prog="wetalk bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*BENCHES, "workload"]))
    asked = parser.parse_args(arguments)
    if asked.names[:1] == ["workload"]:
        return _write_workloads(asked.names[1:])
    unknown = [name for name in asked.names if name not in BENCHES]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; known: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    for name in asked.names or BENCHES:
        found = BENCHES[name]()
        print(json.dumps(found) if asked.json else _table(found))
    return 0


def _write_workloads(names: list[str]) -> int:
    if not names or any(name not in workloads.WORKLOADS for name in names):
        print(f"which one? {', '.join(workloads.WORKLOADS)}", file=sys.stderr)
        return 2
    for name in names:
        path = Path(f"workload-{name}.jsonl")
        print(f"{path}: {workloads.write_workload(path, name)} records")
    return 0


def _table(found: dict[str, Any], indent: str = "") -> str:
    lines: list[str] = []
    for name, value in found.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", _table(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name:<28} {value}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
