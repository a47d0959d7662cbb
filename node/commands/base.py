"""What all commands share: the home, the language, how things are said, and how errors end.

Rules: one kind sentence for every error, never a traceback; exit codes 0 done, 1 refused or
invalid, 2 usage, 3 node not running; with `--json` exactly one JSON document on standard output.
Whatever others wrote is cleaned before it reaches a terminal.

Left to others: what each command does; drawing on a terminal (`screen`). Helps and sentences stand
in the catalogue.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem

from node import i18n
from node.commands.screen import HelpContext, draw_table, on_terminal
from node.protocol.errors import LocalFault
from node.storage.home import Home

if TYPE_CHECKING:
    from node.commands.asking import Node
    from node.services.books.receipt_check import Check

HOME_VARIABLE: Final = "WETALK_HOME"
COMPLETED: Final = frozenset({"MEMBER", "TRADE", "ROOM", "LISTING", "DEVICE"})
COMPLETED_BY_FILES: Final = frozenset({"LINK|FILE", "LINK"})
USAGE_PIECES: Final = {
    "[OPTIONS]": "cli.any_options",
    "[COMMAND] [ARGS]...": "cli.any_command",
    "COMMAND [ARGS]...": "cli.command",
}
"""What the library writes in English, and what stands for it."""
DONE, REFUSED, USAGE, NOT_RUNNING = 0, 1, 2, 3


@dataclass(slots=True)
class App:
    """One run of the command line."""

    path: Path | None = None
    asked_language: str | None = None
    json: bool = False
    _language: i18n.Language | None = None
    _client: "Node | None" = None

    @property
    def home(self) -> Home:
        """The home that the options, the environment or the system's custom name."""
        if self.path is None:
            named = os.environ.get(HOME_VARIABLE)
            self.path = Path(named).expanduser() if named else default_home()
        return Home(self.path)

    @property
    def language(self) -> i18n.Language:
        """What was asked for, else the home's own, else the system's."""
        if self._language is None:
            preferred = self.asked_language or os.environ.get(i18n.LANGUAGE_VARIABLES[0])
            if i18n.match_language(preferred) is None:
                preferred = language_of_home(self.home)
            self._language = i18n.pick_language(preferred, os.environ)
        return self._language

    def use_home(self, path: Path) -> None:
        """Work in another home, which may keep another language."""
        self.path, self._language = path, None

    def use_language(self, tag: str) -> None:
        """Answer in another language."""
        self.asked_language, self._language = tag, None

    def text(self, key: str, /, **values: object) -> str:
        """A sentence of the catalogue; values are cleaned for one line."""
        cleaned = {k: clean(v) if isinstance(v, str) else v for k, v in values.items()}
        return i18n.text(key, self.language, **cleaned)

    def say(self, key: str, /, **values: object) -> None:
        """Tell a person something; silent with `--json`."""
        if not self.json:
            click.echo(self.text(key, **values))

    def line(self, written: str = "") -> None:
        """A line for a person, made of things already cleaned; silent with `--json`."""
        if not self.json:
            click.echo(written)

    def hint(self, key: str, /, **values: object) -> None:
        """Something beside the result, on standard error."""
        click.echo(self.text(key, **values), err=True)

    def aside(self, written: str) -> None:
        """A line beside the result, on standard error, where a person reads it."""
        if not self.json and on_terminal():
            click.echo(written, err=True)

    def result(self, value: object) -> None:
        """The one document of `--json`; nothing otherwise."""
        if self.json:
            click.echo(json.dumps(value, ensure_ascii=False))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Rows under headings (keys `column.…`); nothing without rows, for that was said."""
        shown = [[clean(str(cell)) for cell in row] for row in rows]
        if self.json:
            return
        if not on_terminal():
            for row in shown:
                click.echo("\t".join(row))
            return
        if shown:
            draw_table(columns, [self.text(f"column.{name}") for name in columns], shown)

    @property
    def client(self) -> "Node":
        """The running node. Raises what the client raises when there is none."""
        if self._client is None:
            from node.commands.asking import connect

            self._client = connect(self)
        return self._client


def clean(written: str) -> str:
    """Text of others on one line, safe for a terminal."""
    return i18n.clean_for_display(written, one_line=True)


def local_time(written: str) -> str:
    """A time of the API (ISO 8601, UTC) as the clock on this computer's wall shows it."""
    from datetime import datetime

    moment = datetime.fromisoformat(written)
    try:
        moment = moment.astimezone()
    except OverflowError:
        pass  # the last day there is, as claimed by somebody, on a clock ahead of UTC
    return moment.strftime("%Y-%m-%d %H:%M")


def told_checks(app: App, checks: "Iterable[Check]") -> list[dict[str, Any]]:
    """Checks of a file as `--json` gives them."""
    return [{"ok": one.ok, "code": one.key, "text": one.text(app.language)} for one in checks]


def show_checks(app: App, told: Iterable[dict[str, Any]]) -> None:
    """A sentence a line, with a mark before it."""
    for one in told:
        app.line(f"{'✓' if one['ok'] else '✗'} {one['text']}")


def read_some(file: Path, size_max_bytes: int) -> bytes:
    """The start of a file. Raises LocalFault file-missing, file-unreadable."""
    try:
        with file.open("rb") as opened:
            return opened.read(size_max_bytes)
    except FileNotFoundError:
        raise LocalFault("file-missing", path=str(file)) from None
    except (OSError, ValueError) as problem:
        raise LocalFault("file-unreadable", str(problem), path=str(file)) from None


def asks_possible() -> bool:
    """True iff a person can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def default_home() -> Path:
    """Where data lies if nobody says otherwise."""
    from platformdirs import user_data_path

    return user_data_path("wetalk", appauthor=False)


def language_of_home(home: Home) -> str | None:
    """The language kept in a home, or None. Whatever is wrong with the home is told elsewhere."""
    if not home.genesis.exists():
        return None
    import sqlite3

    try:
        uri = f"{home.database.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=0.2)
        try:
            query = "SELECT value FROM settings WHERE key = 'language'"
            found = connection.execute(query).fetchone()
        finally:
            connection.close()
    except sqlite3.Error:
        return None
    return None if found is None else str(found[0])


def amount_of(written: str, decimals: int) -> int:
    """Minor units of an amount typed as a decimal (`12.50`).

    Raises LocalFault amount-invalid.
    """
    import re
    import unicodedata

    typed = unicodedata.normalize("NFKC", written).strip()
    found = re.fullmatch(r"(\d{1,15})(?:\.(\d+))?", typed, re.ASCII)
    part = (found[2] or "") if found else ""
    if found is None or len(part) > decimals:
        raise LocalFault("amount-invalid", decimals=decimals)
    amount = int(found[1]) * 10**decimals + int(part.ljust(decimals, "0") or "0")
    if amount == 0:
        raise LocalFault("amount-invalid", decimals=decimals)
    return amount


def app_of(context: click.Context) -> App:
    """The App of a running command."""
    found = context.find_object(App)
    assert found is not None
    return found


def _set_home(context: click.Context, _: Any, value: str | None) -> None:
    if value is not None:
        app_of(context).use_home(Path(value).expanduser())


def _set_language(context: click.Context, _: Any, value: str | None) -> None:
    if value is not None:
        app_of(context).use_language(value)


def _set_json(context: click.Context, _: Any, value: bool) -> None:
    app = app_of(context)
    app.json = app.json or value


class Option(click.Option):
    """An option whose help stands in the catalogue as `option.<about>`."""

    def __init__(self, *args: Any, about: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.about = about

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        self.explain(app_of(ctx))
        return super().get_help_record(ctx)

    def explain(self, app: App) -> None:
        """Say what it is for, in the language of this run."""
        self.help = app.text(f"option.{self.about}")


def global_options() -> list[click.Parameter]:
    """`--home`, `--json`, `--language`: on every command."""
    common: dict[str, Any] = {"expose_value": False, "is_eager": True}
    return [
        Option(["--home"], metavar="DIR", about="home", callback=_set_home, **common),
        Option(["--json"], is_flag=True, about="json", callback=_set_json, **common),
        Option(
            ["--language"],
            type=click.Choice(i18n.LANGUAGES),
            about="language",
            callback=_set_language,
            **common,
        ),
    ]


class Told:
    """What commands and groups have in common: help from the catalogue, an example."""

    key: str
    example: str

    def write_help(self, command: click.Command, ctx: click.Context, to: Any) -> None:
        app = app_of(ctx)
        pieces = " ".join(command.collect_usage_pieces(ctx))
        for english, key in USAGE_PIECES.items():
            pieces = pieces.replace(english, app.text(key))
        to.write_usage(ctx.command_path, pieces, prefix=app.text("cli.usage") + " ")
        to.write_paragraph()
        to.write_text(app.text(f"command.{self.key}"))
        if self.example:
            with to.section(app.text("cli.example")):
                for line in self.example.splitlines():
                    to.write_text(line)

    def write_options(self, command: click.Command, ctx: click.Context, to: Any) -> None:
        # What arguments mean is said above; click would list them here without a word.
        options = [p for p in command.params if isinstance(p, click.Option)]
        own = [p.get_help_record(ctx) for p in options]
        records = [*own, ("--help", app_of(ctx).text("option.help"))]
        with to.section(app_of(ctx).text("cli.options")):
            to.write_dl([record for record in records if record is not None])

    def completed_options(
        self, command: click.Command, ctx: click.Context, typed: str
    ) -> list[CompletionItem[str]]:
        """Options that start as typed, explained."""
        for parameter in command.params:
            if isinstance(parameter, Option):
                parameter.explain(app_of(ctx))
        return click.Command.shell_complete(command, ctx, typed)


class Command(Told, click.Command):
    """A command of ours."""

    context_class = HelpContext

    def __init__(self, *args: Any, key: str, example: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key, self.example = key, example
        self.params.extend(global_options())

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.write_help(self, ctx, formatter)
        self.write_options(self, ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        return self.completed_options(self, ctx, incomplete)


class Group(Told, click.Group):
    """A command with commands below it."""

    context_class = HelpContext

    def __init__(self, *args: Any, key: str, example: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key, self.example = key, example
        self.params.extend(global_options())

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.write_help(self, ctx, formatter)
        self.write_options(self, ctx, formatter)
        app = app_of(ctx)
        with formatter.section(app.text("cli.commands")):
            names = self.list_commands(ctx)
            formatter.write_dl([(name, self.about(app, name)) for name in names])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        app = app_of(ctx)
        named = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        below = [CompletionItem(name, help=first_sentence(self.about(app, name))) for name in named]
        return [*below, *self.completed_options(self, ctx, incomplete)]

    def about(self, app: App, name: str) -> str:
        """One line on a command below, without loading more than is loaded."""
        return app.text(f"command.{self.key}-{name}")

    def sub(self, name: str, example: str, *options: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Add a command to this group."""

        def add(function: Any) -> Command:
            made = command(name, example, *options, key=f"{self.key}-{name}")(function)
            self.add_command(made)
            return made

        return add


def command(
    name: str, example: str, *options: Callable[[Any], Any], key: str | None = None
) -> Callable[[Any], Command]:
    """A command with its example; its function gets the App first."""

    def make(function: Any) -> Command:
        for option_of in reversed(options):
            function = option_of(function)
        passed = click.make_pass_decorator(App)(function)
        made = click.command(name, cls=Command, key=key or name, example=example)(passed)
        assert isinstance(made, Command)
        return made

    return make


def group(name: str, example: str, *options: Callable[[Any], Any]) -> Callable[[Any], Group]:
    """A group whose own function runs when no command below is named."""

    def make(function: Any) -> Group:
        for option_of in reversed(options):
            function = option_of(function)

        @click.pass_context
        def run(context: click.Context, /, **values: Any) -> Any:
            if context.invoked_subcommand is None:
                return function(app_of(context), **values)
            return None

        made = click.group(name, cls=Group, key=name, example=example, invoke_without_command=True)(
            run
        )
        assert isinstance(made, Group)
        made.params[:0] = reversed(getattr(function, "__click_params__", []))
        return made

    return make


def option(*names: str, about: str, **kwargs: Any) -> Callable[[Any], Any]:
    """An option with its help in the catalogue."""
    _completing(names, kwargs)
    return click.option(*names, cls=Option, about=about, **kwargs)


def argument(*names: str, **kwargs: Any) -> Callable[[Any], Any]:
    """An argument; what it means is said in the command's help."""
    _completing(names, kwargs)
    return click.argument(*names, **kwargs)


def first_sentence(written: str) -> str:
    """The beginning of a longer text."""
    import re

    return re.split(r"(?<=\.)\s|(?<=。)", written, maxsplit=1)[0]


def _completing(names: tuple[str, ...], kwargs: dict[str, Any]) -> None:
    """Let the shell fill in what the home knows, where an argument or option names it."""
    stands_for = str(kwargs.get("metavar") or names[0].upper())
    if stands_for in COMPLETED:
        kwargs.setdefault("shell_complete", partial(_offer, stands_for))
    elif stands_for in COMPLETED_BY_FILES:
        kwargs.setdefault("shell_complete", _files)


def _files(*_: object) -> list[CompletionItem[str]]:
    return [CompletionItem("", type="file")]


def _offer(
    kind: str, ctx: click.Context, _: click.Parameter, typed: str
) -> list[CompletionItem[str]]:
    from node.commands.completing import offer

    return offer(app_of(ctx), kind, typed)


def show_help(context: click.Context) -> None:
    """A group without a deed of its own shows what it can do."""
    click.echo(context.get_help())
