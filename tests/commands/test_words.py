"""Every word that a command asks the catalogue for by a literal is there."""

import ast
from collections.abc import Iterator

from node.api.problems import STATUS
from node.commands import asking
from node.i18n import FALLBACK, catalogue
from tests.tidy import ROOT, parse

TOLD = ("say", "text", "hint")


def calls() -> Iterator[tuple[str, list[ast.expr]]]:
    """Name and arguments of every method call in the commands."""
    for path in sorted((ROOT / "node" / "commands").glob("*.py")):
        for item in ast.walk(parse(path)):
            if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute) and item.args:
                yield item.func.attr, item.args


def literals(items: list[ast.expr]) -> list[str]:
    return [
        item.value
        for item in items
        if isinstance(item, ast.Constant) and isinstance(item.value, str)
    ]


def test_every_sentence_of_a_command_is_in_the_catalogue() -> None:
    asked = [key for name, found in calls() if name in TOLD for key in literals(found[:1])]
    assert len(asked) > 50
    assert [key for key in asked if key not in catalogue(FALLBACK)] == []


def test_every_heading_of_a_table_is_in_the_catalogue() -> None:
    asked = [
        heading
        for name, found in calls()
        if name == "table" and isinstance(found[0], ast.Tuple)
        for heading in literals(found[0].elts)
    ]
    assert len(asked) > 20
    assert [name for name in asked if f"column.{name}" not in catalogue(FALLBACK)] == []


def test_what_a_typed_id_may_stand_for_has_a_sentence_when_it_is_unknown() -> None:
    source = parse(ROOT / "node" / "commands" / f"{asking.__name__.split('.')[-1]}.py")
    codes = [
        name
        for item in ast.walk(source)
        if isinstance(item, ast.Call)
        for name in literals(item.args)
        if STATUS.get(name) == 404
    ]
    assert {"post-gone", "listing-gone", "trade-unknown"} <= set(codes)
    assert [code for code in codes if f"problem.{code}" not in catalogue(FALLBACK)] == []
