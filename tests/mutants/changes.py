"""Small changes that a tired programmer makes: where in a file they can stand, and what they say.

Rules: a change replaces the bytes of one expression or statement and leaves all others as they
are. Annotations, assertions, docstrings and lines of the log are left alone; the bounds in the
fields of a message are not. Whether tests notice a change is `trial`'s part.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_NAMED = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
_SAID_ONLY = ("log.", "warnings.", "super().__init__", "assert ")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: in `path` (relative to the tree), bytes `start` to `end` become `new`."""

    path: str
    line: int
    lines: tuple[int, int]  # first and last of the statement or condition it stands in
    start: int
    end: int
    old: str
    new: str
    function: str  # qualified name of the outermost one it stands in; not of its first lines
    nth: int  # of those that say the same

    @property
    def name(self) -> str:
        """What identifies it while its function stays as it is."""
        return f"{self.path} {self.function}: {self.old} -> {self.new} ({self.nth})"

    def told(self) -> str:
        """For people."""
        old, new = " ".join(self.old.split()), " ".join(self.new.split())
        return f"{self.path}:{self.line}: {old}  ->  {new}"

    def applied(self, content: bytes) -> bytes:
        """The file's content with this change."""
        return content[: self.start] + self.new.encode() + content[self.end :]


def mutants_of(root: Path, path: Path) -> list[Mutant]:
    """All changes of one file."""
    content = (root / path).read_bytes()
    return _Finder(str(path), content).found()


def sample(root: Path, parts: list[Path], count: int, seed: int) -> list[Mutant]:
    """`count` changes of folders or files, drawn evenly; all of them if there are fewer. Most of
    them stay the same when a file changes."""
    wholes = [root / part for part in parts]
    files = [f for one in wholes for f in ([one] if one.is_file() else sorted(one.rglob("*.py")))]
    every = [one for file in files for one in mutants_of(root, file.relative_to(root))]
    drawn = sorted(every, key=lambda one: sha256(f"{seed} {one.name}".encode()).digest())[:count]
    return sorted(drawn, key=lambda one: (one.path, one.start, one.new))


class _Finder:
    """Walks one file."""

    def __init__(self, path: str, content: bytes) -> None:
        self._path, self._content = path, content
        self._starts = [0]
        for line in content.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._found: list[Mutant] = []
        self._alike: Counter[tuple[str, str, str]] = Counter()
        self._scope: list[str] = []  # names of classes around
        self._function = ""

    def found(self) -> list[Mutant]:
        for statement in ast.parse(self._content).body:
            self._statement(statement, last=False)
        return self._found

    def _at(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column

    def _note(self, node: ast.expr | ast.stmt, new: str, within: ast.stmt) -> None:
        start = self._at(node.lineno, node.col_offset)
        end = self._at(node.end_lineno or node.lineno, node.end_col_offset or 0)
        old = self._content[start:end].decode()
        if isinstance(node, ast.expr) and not new.isidentifier() and not new.isdigit():
            new = f"({new})"
        compound = isinstance(within, ast.If | ast.For | ast.While | ast.With | ast.FunctionDef)
        last = node.end_lineno if compound else within.end_lineno
        lines = within.lineno, last or within.lineno
        alike = (self._function, old, new)
        self._alike[alike] += 1
        nth = self._alike[alike]
        self._found.append(
            Mutant(self._path, node.lineno, lines, start, end, old, new, self._function, nth)
        )

    # --- statements -------------------------------------------------------------------------------
    def _statement(self, node: ast.stmt, *, last: bool) -> None:
        """`last`: of its function, so that returning nothing there changes nothing."""
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Assert):
            return
        text = ast.unparse(node)
        if text.startswith(_SAID_ONLY) or _is_docstring(node):
            return
        self._dropped(node, last=last)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if default is not None:
                    self._expression(default, node)
            outermost = not self._function
            if outermost:
                self._function = ".".join((*self._scope, node.name))
            self._body(node.body, last=True)
            if outermost:
                self._function = ""
            return
        if isinstance(node, ast.ClassDef):
            self._scope.append(node.name)
            self._body(node.body, last=False)
            self._scope.pop()
            return
        if isinstance(node, ast.If):
            self._note(node.test, "False", node)
            self._note(node.test, "True", node)
        for name, value in ast.iter_fields(node):
            if name == "annotation":
                self._bounds(value, node)
            elif isinstance(value, ast.expr):
                self._expression(value, node)
            elif isinstance(value, list):
                self._many(value, node)  # pyright: ignore[reportUnknownArgumentType]

    def _many(self, values: list[ast.AST], node: ast.stmt) -> None:
        if values and isinstance(values[0], ast.stmt):
            self._body([one for one in values if isinstance(one, ast.stmt)], last=False)
            return
        for one in values:
            if isinstance(one, ast.expr):
                self._expression(one, node)
            elif isinstance(one, ast.withitem):
                self._expression(one.context_expr, node)
            elif isinstance(one, ast.ExceptHandler | ast.match_case):
                self._body(one.body, last=False)

    def _body(self, body: list[ast.stmt], *, last: bool) -> None:
        for place, statement in enumerate(body):
            self._statement(statement, last=last and place == len(body) - 1)

    def _dropped(self, node: ast.stmt, *, last: bool) -> None:
        if isinstance(node, ast.Continue):
            self._note(node, "break", node)
            self._note(node, "pass", node)
        elif isinstance(node, ast.Break):
            self._note(node, "pass", node)
        elif isinstance(node, ast.Return):
            if not last:
                self._note(node, "pass", node)
        elif isinstance(node, ast.Assign):
            if isinstance(node.targets[0], ast.Attribute | ast.Subscript):
                self._note(node, "pass", node)
        elif isinstance(node, ast.Expr | ast.AugAssign | ast.Raise | ast.Delete):
            self._note(node, "pass", node)

    def _bounds(self, annotation: ast.expr, within: ast.stmt) -> None:
        """Numbers in `Meta(...)` are bounds of what may come from others."""
        for node in ast.walk(annotation):
            if isinstance(node, ast.Call):
                self._expression(node, within)

    # --- expressions ------------------------------------------------------------------------------
    def _expression(self, node: ast.expr, within: ast.stmt) -> None:
        for new in _changed(node):
            self._note(node, new, within)
        if isinstance(node, ast.JoinedStr):
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._expression(child, within)
            elif isinstance(child, ast.keyword):
                self._expression(child.value, within)
            elif isinstance(child, ast.comprehension):
                self._expression(child.iter, within)
                for test in child.ifs:
                    self._note(test, "True", within)
                    self._expression(test, within)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changed(node: ast.expr) -> Iterator[str]:
    """Texts that may stand instead of an expression."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            other = deepcopy(node)
            other.ops[place] = _COMPARED[type(operator)]()
            yield ast.unparse(other)
    elif isinstance(node, ast.BinOp) and type(node.op) in _CALCULATED:
        other = deepcopy(node)
        other.op = _CALCULATED[type(node.op)]()
        yield ast.unparse(other)
    elif isinstance(node, ast.BoolOp):
        other = deepcopy(node)
        other.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield ast.unparse(other)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield ast.unparse(node.operand)
    elif isinstance(node, ast.Constant):
        yield from _other_constants(node.value)
    elif isinstance(node, ast.IfExp):
        yield ast.unparse(node.body)
        yield ast.unparse(node.orelse)
    elif isinstance(node, ast.Call):
        yield from _other_calls(node)


def _other_constants(value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield str(not value)
    elif isinstance(value, int):
        yield str(value + 1)
        if value > 0:
            yield str(value - 1)


def _other_calls(node: ast.Call) -> Iterator[str]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in _NAMED:
        other = deepcopy(node)
        other.func = ast.Name(_NAMED[name])
        if name != "sorted" or not node.keywords:
            yield ast.unparse(other)
    plain = not any(isinstance(one, ast.Starred) for one in node.args)
    for place in range(len(node.args) - 1 if plain else 0):
        other = deepcopy(node)
        pair = other.args[place : place + 2]
        other.args[place : place + 2] = pair[::-1]
        if name not in ("min", "max", "isinstance") and ast.unparse(pair[0]) != ast.unparse(
            pair[1]
        ):
            yield ast.unparse(other)
