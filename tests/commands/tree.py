"""The command tree as data, and the reference of it that stands in docs/cli.md.

Run as a program, it writes the reference anew: `python -m tests.commands.tree`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from node.commands.base import App, Command, Group
from node.commands.root import SECTIONS, make_root
from node.i18n import text

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
MARK = "<!-- Written by tests/commands/tree.py from the commands themselves. -->\n"


@dataclass(frozen=True)
class Entry:
    """One command: its words after `wetalk`, and the object."""

    path: str
    command: Command | Group
    context: click.Context


def entries(only: str | None = None) -> Iterator[Entry]:
    """Every command, groups before what is below them."""
    root = make_root()
    top = click.Context(root, info_name="wetalk", obj=App(asked_language="en"))
    names = [n for section in SECTIONS.values() for n in section] if only is None else [only]
    for name in names:
        command = root.get_command(top, name)
        assert isinstance(command, Command | Group)
        context = click.Context(command, parent=top, info_name=name)
        yield Entry(name, command, context)
        if isinstance(command, Group):
            for below in command.list_commands(context):
                inner = command.get_command(context, below)
                assert isinstance(inner, Command)
                inside = click.Context(inner, parent=context, info_name=below)
                yield Entry(f"{name} {below}", inner, inside)


def reference() -> str:
    """The reference of all commands, in Markdown."""
    parts: list[str] = []
    for section, names in SECTIONS.items():
        parts.append(f"## {text(f'section.{section}', 'en')}\n")
        for name in names:
            parts += [_described(entry) for entry in entries(name)]
    return "\n".join(parts)


def _described(entry: Entry) -> str:
    usage = " ".join([f"wetalk {entry.path}", *entry.command.collect_usage_pieces(entry.context)])
    lines = [f"### `{entry.path}`\n", text(f"command.{entry.command.key}", "en") + "\n"]
    lines.append(f"```sh\n{entry.command.example}\n```\n")
    lines.append(f"Usage: `{usage}`\n")
    rows = [
        (" ".join(parameter.opts), text(f"option.{about}", "en"))
        for parameter in entry.command.params
        if (about := getattr(parameter, "about", None)) not in (None, "home", "json", "language")
    ]
    lines += [f"- `{names}`: {meaning}" for names, meaning in rows]
    return "\n".join(lines) + ("\n" if rows else "")


def main() -> None:
    """Write the reference into the document, below its mark."""
    written, mark, _ = DOCUMENT.read_text(encoding="utf-8").partition(MARK)
    assert mark, "the document has lost its mark"
    DOCUMENT.write_text(written + MARK + "\n" + reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
