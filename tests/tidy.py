"""Helpers that look at the source tree: which files belong to it, and what their modules import.

Rule: only files that git tracks are looked at, so that work in progress does not disturb anybody;
without git (an unpacked source archive) it is every file that git would not ignore by name.
"""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE_ROOTS = ("node", "tests", "bench", "simulator")
GENERATED = {
    ".git",
    ".venv",
    "node_modules",
    "__pycache__",
    "build",
    "dist",
    ".hypothesis",
    ".ruff_cache",
}
VENDORED = ("node/api/web/vendor/", "tests/browser/vendor/")
WRITTEN = ("node/client/shapes.py",)  # by a program that the tests check


def tracked_files() -> list[Path]:
    """Every file of the project that exists, relative to its root, sorted."""
    if (ROOT / ".git").exists():
        command = ["git", "-C", str(ROOT), "ls-files", "-z"]
        listed = subprocess.run(command, check=True, capture_output=True).stdout.decode()
        names = [Path(name) for name in listed.split("\0") if name]
    else:
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
        names = [name for name in names if not GENERATED.intersection(name.parts)]
    return sorted(name for name in names if (ROOT / name).is_file())


def our_files(*suffixes: str) -> list[Path]:
    """The tracked files with one of `suffixes` that we wrote by hand: libraries are left out, and
    what a program wrote."""
    return [
        path
        for path in tracked_files()
        if path.suffix in suffixes
        and not path.as_posix().startswith(VENDORED)
        and path.as_posix() not in WRITTEN
    ]


def python_files() -> list[Path]:
    """Our Python files; a folder of worked examples, if there ever is one, is not among them."""
    files = our_files(".py")
    return [path for path in files if len(path.parts) == 1 or path.parts[0] in CODE_ROOTS]


def read(path: Path) -> str:
    """The text of a tracked file."""
    return (ROOT / path).read_text(encoding="utf-8")


def parse(path: Path, root: Path = ROOT) -> ast.Module:
    """The syntax tree of a Python file, `path` being relative to `root`."""
    return ast.parse((root / path).read_text(encoding="utf-8"), filename=str(path))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, nested ones included."""
    for item in ast.walk(tree):
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
            yield item


def resolve(path: Path, item: ast.ImportFrom) -> str:
    """The absolute name of the module that a `from … import` in `path` reads."""
    if item.level == 0:
        return item.module or ""
    package = list(path.with_suffix("").parts)
    package = package[: len(package) - item.level]
    return ".".join([*package, item.module] if item.module else package)


def imports(
    path: Path, *, only_at_import: bool = False, root: Path = ROOT
) -> list[tuple[int, str]]:
    """Line and absolute name of each import in `path`; `from a import b` gives `a` and `a.b`.

    With `only_at_import`, bodies of functions and `if TYPE_CHECKING:` are left out: what remains
    is what runs when the module is imported.
    """
    found: list[tuple[int, str]] = []
    pending: list[ast.AST] = [parse(path, root)]
    while pending:
        item = pending.pop()
        if isinstance(item, ast.Import):
            found += [(item.lineno, alias.name) for alias in item.names]
        elif isinstance(item, ast.ImportFrom):
            module = resolve(path, item)
            found.append((item.lineno, module))
            found += [(item.lineno, f"{module}.{alias.name}") for alias in item.names]
        elif only_at_import and isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        elif only_at_import and isinstance(item, ast.If) and "TYPE_CHECKING" in ast.dump(item.test):
            pending += item.orelse
        else:
            pending += ast.iter_child_nodes(item)
    return sorted(found)
