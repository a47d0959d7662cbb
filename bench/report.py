"""Results as people read them: a table of all figures that have a target, in text or Markdown."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from bench.targets import TARGETS, Results, Target

COLUMNS: Final = ("figure", "measured", "target", "reached", "of the limit", "best peer")
WORDS: Final = {True: "yes", False: "no", None: ""}


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Results in a file of JSON lines, by bench; of one measured twice, the later. A line that was
    cut off is left out."""
    found: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            result = json.loads(line)
        except ValueError:
            continue
        if isinstance(result, dict) and isinstance(result.get("bench"), str):
            found[result["bench"]] = result
    return found


def number(value: float) -> str:
    """With as many digits as say something: `12,345`, `12.3`, `0.123`."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def row(target: Target, results: Results) -> tuple[str, ...]:
    """The cells of one figure."""
    value, share = target.value(results), target.share(results)
    measured = "not measured" if value is None else f"{number(value)} {target.unit}"
    failed = results.get(target.bench, {}).get("failed")
    if failed:
        measured = "failed"
    return (
        target.label,
        measured,
        _wanted(target),
        WORDS[target.reached(results)],
        "" if share is None else f"{share:.2f}",
        target.peer,
    )


def _wanted(target: Target) -> str:
    if target.wanted is None:
        return ""
    sign = "≥" if target.better == "more" else "≤"
    parts = [f"{sign} {number(target.wanted)}"]
    if target.limit_wanted is not None:
        parts.append(f"≥ {target.limit_wanted} of the limit")
    if target.aim is not None:
        parts.append(f"aim {number(target.aim)}")
    return ", ".join(parts)


def rows(results: Results, names: Iterable[str] | None = None) -> list[tuple[str, ...]]:
    """All rows of some benches (None: of those in the results). What only the full form measures
    is left out where it was not measured."""
    wanted = set(results if names is None else names)
    return [
        row(target, results)
        for target in TARGETS
        if target.bench in wanted and not (target.full_only and target.value(results) is None)
    ]


def text(found: Sequence[tuple[str, ...]]) -> str:
    """A table for terminals."""
    lines = [COLUMNS, *found]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown(results: Results) -> str:
    """The table for `docs/performance.md`, then the primitives and the machine."""
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *rows(results)]
    parts = ["\n".join("| " + " | ".join(line) + " |" for line in lines)]
    bare = results.get("primitives", {})
    if bare:
        parts.append(_primitives(bare))
    for name, result in results.items():
        if result.get("failed"):
            parts.append(f"{name} failed: {result['failed']}")
    return "\n\n".join(parts)


def _primitives(bare: Any) -> str:
    lines = ["| primitive of the same run | |", "| --- | --- |"]
    lines += [
        f"| {name} | {number(value)} |"
        for name, value in bare.items()
        if isinstance(value, int | float)
    ]
    machine = bare.get("machine", {})
    told = ", ".join(f"{name} {value}" for name, value in machine.items())
    return "\n".join(lines) + (f"\n\nMachine: {told}." if told else "")
