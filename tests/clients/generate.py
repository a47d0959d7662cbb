"""Writes what is generated for clients: `python -m tests.clients.generate`.

The shapes for Python and the client for trio, and the client for TypeScript.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.clients import python_shapes, trio_client, typescript
from tests.clients.document import document
from tests.tidy import ROOT

PACKAGE = Path("node", "client")
TYPESCRIPT = Path("clients", "typescript", "wetalk.ts")


def generated(found: dict[str, Any]) -> dict[Path, str]:
    """Every generated file, relative to the root, and what stands in it today."""
    python = {PACKAGE / "shapes.py": python_shapes.written(found)}
    for part in trio_client.PARTS:
        source = ROOT / PACKAGE / f"{part}.py"
        python[PACKAGE / "trio" / f"{part}.py"] = trio_client.written(source)
    files = {path: formatted(path, text) for path, text in python.items()}
    return {**files, TYPESCRIPT: typescript.written(found)}


def formatted(path: Path, text: str) -> str:
    """A Python module as everything here is laid out."""
    ruff = [sys.executable, "-m", "ruff"]
    for words in (["check", "--fix", "--quiet", "--select", "I"], ["format", "--quiet"]):
        text = subprocess.run(
            [*ruff, *words, "--stdin-filename", str(ROOT / path), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout
    return text


def main() -> None:
    """Write them all."""
    for path, text in generated(document()).items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
