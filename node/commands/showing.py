"""Seeing it work and measuring it: `demo` and `bench`."""

import sys
from pathlib import Path
from typing import Final

import click

from node.commands.base import App, argument, command, option
from node.protocol.errors import LocalFault


@command("demo", "wetalk demo", option("--keep", is_flag=True, about="keep"))
def demo(app: App, keep: bool) -> int:
    from node.demo import play

    return play(app.language, as_json=app.json, keep=keep)


@command(
    "bench",
    "wetalk bench\nwetalk bench query --out results.jsonl",
    argument("names", nargs=-1, metavar="[NAME]…"),
    option("--full", is_flag=True, about="bench_full"),
    option("--out", type=click.Path(path_type=Path), metavar="FILE", about="bench_out"),
    option("--work", type=click.Path(path_type=Path), metavar="DIR", about="bench_work"),
)
def bench(app: App, names: tuple[str, ...], full: bool, out: Path | None, work: Path | None) -> int:
    folder = Path(__file__).resolve().parents[2] / "bench"
    if not (folder / "__main__.py").exists():
        raise LocalFault("source-tree-needed")
    import subprocess

    extra = ["--json"] if app.json else []
    extra += ["--full"] if full else []
    extra += [] if out is None else ["--out", str(out.absolute())]
    extra += [] if work is None else ["--work", str(work.absolute())]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *extra, *names], cwd=folder.parent, check=False
    )
    return done.returncode


COMMANDS: Final = {"demo": demo, "bench": bench}
