"""Writes the calls of the client for trio from those of the client for threads.

Every method of `node/client/{belonging,own,…}.py` becomes an async one of the same name that awaits
its request; those that walk through a list stay plain and return an async iterator.
"""

import ast
from pathlib import Path

CALLS = {"get", "post", "put", "delete", "file", "request", "post_lines", "post_file"}
CALLS |= {"file_or_none"}
WALKS = {"each", "events", "export"}
PARTS = ("belonging", "own", "settling", "talking", "trading")
NOTE = "Written by tests/clients/generate.py from the client for threads."


def written(source: Path) -> str:
    """The module for trio, before it is formatted."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    tree = ast.fix_missing_locations(ToTrio().visit(tree))
    return ast.unparse(tree) + "\n"


class ToTrio(ast.NodeTransformer):
    """Awaits what is a request."""

    def visit_Module(self, node: ast.Module) -> ast.AST:
        about = node.body[0]
        assert isinstance(about, ast.Expr)
        assert isinstance(about.value, ast.Constant)
        about.value.value = f"{str(about.value.value).strip()}\n\n{NOTE}\n"
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.module == "node.client.connection":
            node.module = "node.client.trio.connection"
        if node.module == "collections.abc":
            node.names = [
                ast.alias("AsyncIterator" if one.name == "Iterator" else one.name)
                for one in node.names
            ]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        names = {
            inner.func.attr
            for inner in ast.walk(node)
            if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute)
        }
        if names & WALKS:
            return self.generic_visit(node)
        assert names & CALLS, f"{node.name} asks for nothing"
        self.generic_visit(node)
        parts = {name: getattr(node, name) for name in node._fields}
        return ast.copy_location(ast.AsyncFunctionDef(**parts), node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id == "Iterator":
            node.id = "AsyncIterator"
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        own = isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
        if own and ast.unparse(node.func.value) == "self" and node.func.attr in CALLS:
            return ast.Await(node)
        return node
