"""`python -m tests.hostile [--seconds N] [--attack NAME]… [--json] [--out FILE]`: attack a node.

Five processes attack a real one, with all attacks that there are or with those that are named.

Exit code 0: the node did all it must, in time; 1: it did not, and what was wrong or late is named;
2: there is no such attack.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tests.hostile.campaign import ATTACKS
from tests.hostile.siege import besiege, rounds_of

WRONG, USAGE = 1, 2
CALM_S = 30.0
AFTER_S = 10.0


def main(arguments: list[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--attack", action="append", metavar="NAME", default=[])
    parser.add_argument("--seconds", type=float, default=AFTER_S, help="to watch after a round")
    parser.add_argument("--calm", type=float, default=CALM_S, help="seconds before and at the end")
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the object here")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.attack if name not in ATTACKS]
    if unknown:
        print(f"attacks are: {', '.join(ATTACKS)}", file=sys.stderr)
        return USAGE
    report = besiege(rounds_of(asked.attack or list(ATTACKS)), asked.calm, asked.seconds)
    figures = report.figures()
    if asked.out is not None:
        asked.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures) if asked.json else table(figures))
    return WRONG if figures["wrong"] or figures["late"] else 0


def table(figures: dict[str, Any]) -> str:
    """For people."""
    lines = [
        f"{one['attack']:<20} {one['sort']:<6} cut {one['cut_s']!s:>7} s  sent {one['sent']:>11,}"
        f"  connections {one['opened']:>5}, open {one['open']}"
        for one in figures["attacks"]
    ]
    for name in ("before", "during", "after", "end"):
        lines.append(f"{name:<20} {json.dumps(figures[name])}")
    for name in ("memory_mib", "lost", "trades", "wrong", "late"):
        lines.append(f"{name:<20} {figures[name]}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
