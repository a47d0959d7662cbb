"""The changes that the search for untested lines makes."""

import ast
from pathlib import Path

import pytest

from tests.mutants.changes import mutants_of, sample

TEXT = '''"""한글."""
LIMIT = 3

def f(a, b):
    """Text."""
    if a < LIMIT and not b:
        return g(a, b)
    log.debug("%s", a)
    assert a
    total.add(a)
    return a
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "it.py").write_text(TEXT, encoding="utf-8")
    return tmp_path


def test_each_change_is_one_small_mistake(tree: Path) -> None:
    told = {one.told() for one in mutants_of(tree, Path("it.py"))}
    assert told == {
        "it.py:2: 3  ->  4",
        "it.py:2: 3  ->  2",
        "it.py:6: a < LIMIT and not b  ->  False",
        "it.py:6: a < LIMIT and not b  ->  True",
        "it.py:6: a < LIMIT and not b  ->  (a < LIMIT or not b)",
        "it.py:6: a < LIMIT  ->  (a <= LIMIT)",
        "it.py:6: not b  ->  b",
        "it.py:7: return g(a, b)  ->  pass",
        "it.py:7: g(a, b)  ->  (g(b, a))",
        "it.py:10: total.add(a)  ->  pass",
    }


def test_all_else_stays_as_it_is(tree: Path) -> None:
    content = (tree / "it.py").read_bytes()
    for one in mutants_of(tree, Path("it.py")):
        changed = one.applied(content)
        assert changed != content
        assert (changed[: one.start], changed[len(changed) - len(content) + one.end :]) == (
            content[: one.start],
            content[one.end :],
        )
        ast.parse(changed)


def test_every_file_of_the_program_stays_a_program() -> None:
    tree = Path(__file__).parents[2]
    for path in ("node/protocol/session.py", "node/ledger/trades.py", "node/storage/writer.py"):
        content = (tree / path).read_bytes()
        found = mutants_of(tree, Path(path))
        assert len(found) > 150
        for one in found[::25]:
            ast.parse(one.applied(content))


def test_a_seed_draws_the_same_changes(tree: Path) -> None:
    drawn = sample(tree, [Path("it.py")], 4, seed=7)
    assert drawn == sample(tree, [Path("it.py")], 4, seed=7)
    assert len({one.name for one in drawn}) == 4
