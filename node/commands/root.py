"""The root of the command line: which commands there are, and how a run ends.

Rules: a command's module is imported when that command runs, so the list here must suffice for
`wetalk --help`; every way out is one of four exit codes, with one sentence.
"""

import importlib
import json
import os
import sys
import traceback
from typing import Any, Final

import click

from node.commands.base import DONE, NOT_RUNNING, REFUSED, USAGE, App, Group, app_of
from node.i18n import problem_text
from node.protocol.errors import LocalFault, WetalkError

SECTIONS: Final[dict[str, dict[str, str]]] = {
    "start": {
        "init": "member",
        "up": "running",
        "status": "running",
        "doctor": "running",
        "peers": "running",
        "service": "running",
        "completion": "completion",
    },
    "me": {
        "id": "member",
        "profile": "member",
        "device": "device",
        "contact": "member",
    },
    "community": {"community": "community", "chapter": "chapter", "witness": "witness"},
    "talk": {"say": "talk", "read": "talk", "post": "talk"},
    "market": {
        **dict.fromkeys(("sell", "want", "search", "listing"), "market"),
        "pictures": "photos",
    },
    "trade": {
        **dict.fromkeys(("pay", "invoice", "trade", "accept", "decline", "settle"), "trade"),
        **dict.fromkeys(("release", "refund", "rate"), "trade"),
        "dispute": "dispute",
        "stall": "stall",
        "balance": "money",
        "statement": "paper",
        "receipt": "paper",
    },
    "books": {
        "ledger": "ledger",
        **dict.fromkeys(("backup", "restore", "export", "import"), "files"),
    },
    "access": {"token": "access", "lan": "access"},
    "look": {"demo": "showing", "bench": "showing"},
}
"""Section → command → the module of this package that holds it."""

MODULES: Final = {name: module for part in SECTIONS.values() for name, module in part.items()}
DEBUG_VARIABLE: Final = "WETALK_DEBUG"  # shows where an unexpected error came from


class Root(Group):
    """`wetalk` itself: commands are loaded by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MODULES:
            return None
        module = importlib.import_module(f"node.commands.{MODULES[cmd_name]}")
        return module.COMMANDS[cmd_name]

    def about(self, app: App, name: str) -> str:
        return app.text(f"command.{name}")

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.write_help(self, ctx, formatter)
        app = app_of(ctx)
        for section, names in SECTIONS.items():
            with formatter.section(app.text(f"section.{section}")):
                formatter.write_dl([(name, self.about(app, name)) for name in names])
        self.write_options(self, ctx, formatter)


def _print_version(context: click.Context, _: Any, value: bool) -> None:
    if value and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"wetalk {version('wetalk')}")
        context.exit()


def make_root() -> Root:
    """The command tree."""

    @click.pass_context
    def alone(context: click.Context) -> None:
        if context.invoked_subcommand is None:
            from node.commands.alone import welcome

            welcome(app_of(context))

    from node.commands.base import Option

    flag: dict[str, Any] = {"is_flag": True, "expose_value": False, "is_eager": True}
    version = Option(["--version"], about="version", callback=_print_version, **flag)
    root = Root(
        "wetalk",
        key="wetalk",
        example="wetalk up\nwetalk --language ko pay 민수 12.50 --for 김치",
        invoke_without_command=True,
        callback=alone,
    )
    root.params.append(version)
    return root


def run(arguments: list[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    app = App()
    try:
        code = make_root().main(arguments, "wetalk", standalone_mode=False, obj=app)
        return code if isinstance(code, int) else DONE
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.Abort as stopped:
        # click makes an Abort of every interrupt; one at a question comes before anything is done.
        asked = stopped.__cause__ is None
        click.echo(app.text("cli.nothing_done") if asked else "", err=True)
        return REFUSED
    except KeyboardInterrupt:
        click.echo("", err=True)
        return REFUSED
    except click.UsageError as error:
        return _usage(app, error)
    except click.ClickException as error:
        return _tell(app, "usage", error.format_message(), USAGE)
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not complain about it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except WetalkError as fault:
        return _fault(app, fault)
    except PermissionError as error:
        return _fault(app, LocalFault("file-owner", path=str(error.filename)))
    except Exception as error:
        return _other(app, error)


def _usage(app: App, error: click.UsageError) -> int:
    path = error.ctx.command_path if error.ctx else "wetalk"
    if app.json:
        return _tell(app, "usage", error.format_message(), USAGE)
    click.echo(app.text("cli.usage_error", detail=_misfit(app, error)), err=True)
    click.echo(app.text("cli.usage_hint", command=f"{path} --help"), err=True)
    return USAGE


def _misfit(app: App, error: click.UsageError) -> str:
    """What does not fit in what was typed; click itself says it in English only."""
    if isinstance(error, click.NoSuchOption):
        number = error.option_name[1:2].isdigit()
        return app.text("cli.below_zero" if number else "cli.no_option", name=error.option_name)
    if isinstance(error, click.exceptions.NoSuchCommand):
        return app.text("cli.no_command", name=error.command_name)
    if not isinstance(error, click.BadParameter) or error.param is None:
        return error.format_message()
    named = error.param.opts[0] if isinstance(error.param, click.Option) else None
    name = named or _called(app, error.param, error.ctx or click.get_current_context())
    kind = error.param.type
    if isinstance(error, click.MissingParameter):
        return app.text("cli.missing", name=name)
    if isinstance(kind, click.Choice):
        return app.text("cli.choices", name=name, choices=", ".join(map(str, kind.choices)))
    if isinstance(kind, click.IntRange):
        return app.text("cli.range", name=name, least=kind.min, most=kind.max)
    return app.text("cli.bad_value", name=name)


def _called(app: App, argument: click.Parameter, context: click.Context) -> str:
    """An argument as usages name it, and in words where the catalogue has some."""
    from node.i18n import catalogue

    name = argument.make_metavar(context)
    key = f"field.{name.strip('[]').lower()}"
    word = app.text(key) if key in catalogue(app.language) else name
    return name if word.lower() == name.lower() else f"{name} ({word})"


def _fault(app: App, fault: WetalkError) -> int:
    code = NOT_RUNNING if fault.code == "node-not-running" else REFUSED
    return _tell(app, fault.code, problem_text(fault.code, app.language, **fault.values), code)


def _other(app: App, error: Exception) -> int:
    """An error of the client, told in its own words, or one that nobody expected."""
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)
    from node.commands.asking import told_by_client

    told = told_by_client(app, error)
    if told is not None:
        return _tell(app, *told)
    code = type(error).__name__
    return _tell(app, "unexpected", problem_text("unexpected", app.language, code=code), REFUSED)


def _tell(app: App, code: str, sentence: str, exit_code: int) -> int:
    if app.json:
        problem = {"error": {"code": code, "detail": sentence}}
        click.echo(json.dumps(problem, ensure_ascii=False))
    click.echo(sentence, err=True)
    return exit_code
