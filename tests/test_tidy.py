"""The tree stays tidy: short files and functions, a purpose on every module, no promises for later.

Every rule here is one that a reader relies on; none is checked by ruff or pyright already.
"""

import ast
import re
from pathlib import Path

from tests.tidy import functions, our_files, parse, python_files, read, tracked_files

FILE_LINES_MAX_COUNT = 500  # beyond this a file has more than one subject
FUNCTION_LINES_MAX_COUNT = 70  # one screen
LINE_CHARACTERS_MAX_COUNT = 100  # two files side by side
DOCSTRING_CHARACTERS_MIN_COUNT = 20  # a sentence, not a word

TEXT_SUFFIXES = (".py", ".md", ".toml", ".js", ".css", ".html", ".json", ".lock", ".yml", ".yaml")
LIMIT_UNITS = ("BYTES", "COUNT", "LEVELS", "UNITS", "CHARACTERS", "PIXELS", "PERCENT", "SHARE")
LIMIT_UNITS += ("US", "MS", "S", "MINUTES", "HOURS", "DAYS", "PER_S", "PER_MINUTE", "PER_HOUR")

# Written with brackets so that this file does not find itself.
LATER = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X|NotImplemented[E]rror)\b")
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(w[o]rk|f[a]rm|r[o]ot|U[s]ers/\w+)/")
REGISTRY = re.compile(
    r"(p[y]pi\.org|pythonh[o]sted\.org|registry\.n[p]mjs|index-[u]rl|find-[l]inks)"
)


def matches(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    """Every line of `files` in which `pattern` occurs, as `path:line: text`."""
    return [
        f"{path}:{number}: {line.strip()[:80]}"
        for path in files
        for number, line in enumerate(read(path).splitlines(), start=1)
        if pattern.search(line)
    ]


def text_files() -> list[Path]:
    names = ("Makefile", "run", "LICENSE", ".gitignore")
    return [path for path in tracked_files() if path.suffix in TEXT_SUFFIXES or path.name in names]


def test_the_walk_finds_the_tree() -> None:
    assert Path("cli.py") in python_files()
    assert Path("node/__init__.py") in python_files()
    assert Path("Makefile") in text_files()


def test_files_are_short() -> None:
    lengths = {path: len(read(path).splitlines()) for path in our_files(".py", ".js", ".css")}
    assert {path: n for path, n in lengths.items() if n > FILE_LINES_MAX_COUNT} == {}


def test_functions_are_short() -> None:
    long = [
        f"{path}:{function.lineno}: {function.name}"
        for path in python_files()
        for function in functions(parse(path))
        if (function.end_lineno or 0) - function.lineno + 1 > FUNCTION_LINES_MAX_COUNT
    ]
    assert long == []


def test_lines_are_short() -> None:
    too_long = re.compile("." * (LINE_CHARACTERS_MAX_COUNT + 1))
    assert matches(too_long, our_files(".py", ".js", ".css")) == []


def test_every_module_says_its_purpose() -> None:
    bare = [
        str(path)
        for path in python_files()
        if len(ast.get_docstring(parse(path)) or "") < DOCSTRING_CHARACTERS_MIN_COUNT
    ]
    assert bare == []


def test_nothing_is_promised_for_later() -> None:
    assert matches(LATER, our_files(".py", ".js", ".css", ".html")) == []


def test_no_path_of_one_machine() -> None:
    assert matches(MACHINE_PATH, text_files()) == []


def test_no_registry_address() -> None:
    assert matches(REGISTRY, text_files()) == []


def test_every_limit_names_its_unit_last() -> None:
    tree = parse(Path("node/protocol/limits.py"))
    targets = [item.target for item in tree.body if isinstance(item, ast.AnnAssign)]
    targets += [
        target for item in tree.body if isinstance(item, ast.Assign) for target in item.targets
    ]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    limits = [name for name in names if not name.endswith("_VERSION")]
    assert len(limits) > 20
    assert [name for name in limits if not name.endswith(tuple(f"_{u}" for u in LIMIT_UNITS))] == []


def test_locks_pin_every_package_by_hash() -> None:
    for path in (path for path in tracked_files() if path.suffix == ".lock"):
        entries = re.split(r"\n(?=\S)", read(path).strip())
        assert len(entries) > 5, path
        assert [entry for entry in entries if "==" not in entry or "--hash=" not in entry] == []
