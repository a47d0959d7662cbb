"""The command line as a whole: complete, documented, quick and kind; it never loads too much."""

import ast
import json
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

from node.commands import root
from node.commands.base import REFUSED, USAGE, amount_of
from node.i18n import LANGUAGES, catalogue, text
from node.protocol.errors import LocalFault
from tests.commands.tree import DOCUMENT, MARK, entries, reference
from tests.tidy import ROOT

# The table of the command line that others build on.
PROMISED = [
    *("init", "up", "status", "doctor", "peers", "service", "id", "profile", "device", "contact"),
    *("community", "chapter", "say", "read", "post", "sell", "want", "search", "listing", "pay"),
    *("invoice", "trade", "accept", "decline", "settle", "release", "refund", "rate", "balance"),
    *("statement", "receipt", "ledger", "backup", "restore", "export", "import", "demo", "bench"),
    "dispute",
    *("witness", "stall", "pictures", "completion"),
]
PROMISED_BELOW = [
    *("peers add", "service install", "service remove", "id confirm", "profile set"),
    *("device add", "device list", "device revoke", "contact add", "contact list"),
    *("community show", "community new", "community invite", "community join"),
    *("community plan", "witness key"),
    *("chapter apply", "chapter requests", "chapter admit", "chapter suspend", "chapter grant"),
    *("post edit", "post delete", "listing show", "listing edit", "listing close"),
    *("stall hello", "stall give", "stall take"),
    *("trade list", "trade show", "receipt show", "receipt export", "receipt verify"),
    *("statement export", "statement verify"),
    *("ledger verify", "ledger export", "ledger replay"),
    "community member",
    *("dispute open", "dispute list", "dispute show", "dispute say", "dispute erase"),
    *("dispute take", "dispute leave", "dispute vote", "dispute close", "dispute pay"),
]
PROMISED_OPTIONS = {
    "init": ["--name", "--language", "--community", "--restore"],
    "up": ["--api-port", "--listen", "--peer", "--role", "--no-web"],
    "doctor": ["--rebuild"],
    "read": ["--follow"],
    "search": ["--region", "--max"],
    "sell": ["--photo", "--photo-text"],
    "listing show": ["--photos"],
    "pictures": ["--room", "--ahead"],
    "pay": ["--for"],
    "statement": ["--month", "--csv", "--member"],
    "statement export": ["--month", "--format", "--member", "--order", "--paper"],
    "receipt export": ["--format", "--order", "--paper"],
    "ledger verify": ["--from-scratch"],
    "ledger replay": ["--decimals", "--limit", "--seed"],
}
CPU_MAX_S = 0.4
# Of rich only the table of letters' widths is quick.
HEAVY = ("libp2p", "trio", "fastapi", "hypercorn", "rich.text", "sqlite_utils", "pydantic")
ALL = {entry.path: entry for entry in entries()}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = root.run(list(arguments))
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_every_promised_command_exists() -> None:
    assert set(PROMISED) == {path for path in ALL if " " not in path}
    assert set(PROMISED_BELOW) - set(ALL) == set()


@pytest.mark.parametrize("path", sorted(PROMISED_OPTIONS))
def test_every_promised_option_exists(path: str) -> None:
    known = {name for parameter in ALL[path].command.params for name in parameter.opts}
    assert set(PROMISED_OPTIONS[path]) - known == set()


@pytest.mark.parametrize("path", sorted(ALL))
def test_every_command_explains_itself_with_an_example(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, *path.split(), "--help")
    assert code == 0
    assert text(f"command.{ALL[path].command.key}", "en").split()[0] in out
    assert "Example" in out
    assert ALL[path].command.example.startswith("wetalk ")
    for name in ("--home", "--json", "--language"):
        assert name in out


@pytest.mark.parametrize("path", sorted(ALL))
def test_nothing_is_listed_in_a_help_without_a_word_about_it(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, *path.split(), "--language", "en", "--help")
    bare = {p.make_metavar(click.Context(ALL[path].command)) for p in ALL[path].command.params}
    assert not bare & {line.strip() for line in out.splitlines()}


@pytest.mark.parametrize(
    "words",
    [("statement", "export", "x.msgpack"), ("receipt", "export", "7d90ab12", "x.CSV")],
)
def test_a_file_is_not_written_in_another_form_than_its_ending_names(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "--home", str(tmp_path), "--json", *words)
    assert (code, json.loads(out)["error"]["code"]) == (root.REFUSED, "file-form")


@pytest.mark.parametrize("path", sorted(ALL))
def test_every_example_can_be_read_by_its_command(path: str) -> None:
    """An example with a wrong option or argument would teach people something false."""
    import shlex

    for line in ALL[path].command.example.splitlines():
        words = shlex.split(line.split(" > ")[0])[1:]
        while words and words[0] in ("--home", "--language"):
            words = words[2:]
        assert " ".join(words).startswith(path), line
        command = ALL[path].command
        command.make_context(
            path, words[len(path.split()) :], obj=root.App(), resilient_parsing=False
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_is_in_the_asked_language(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--language", language, "--help")
    assert code == 0
    assert text("section.market", language) in out
    assert text("cli.usage", language) in out


def test_the_reference_is_that_of_the_commands() -> None:
    """If this fails: python -m tests.commands.tree"""
    assert DOCUMENT.read_text(encoding="utf-8").partition(MARK)[2] == "\n" + reference()


def test_every_text_that_commands_ask_for_exists() -> None:
    asked: set[str] = set()
    for path in (ROOT / "node" / "commands").glob("*.py"):
        for item in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(item, ast.Call) or not isinstance(item.func, ast.Attribute):
                continue
            first = item.args[0] if item.args else None
            named = item.func.attr in ("say", "text", "hint") and isinstance(first, ast.Constant)
            if named and isinstance(first, ast.Constant):
                asked.add(str(first.value))
            about = [k.value for k in item.keywords if k.arg == "about"]
            asked |= {f"option.{v.value}" for v in about if isinstance(v, ast.Constant)}
    assert len(asked) > 50
    assert asked - catalogue("en").keys() == set()


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    program = (
        "import sys, cli; sys.argv = ['wetalk', '--help']\n"
        "try: cli.main()\n"
        f"finally: print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert done.stderr.strip() == "[]"
    assert spent < CPU_MAX_S


def test_an_unknown_command_is_a_question_of_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "frobnicate")
    assert code == USAGE
    assert out == ""
    assert "frobnicate" in err
    assert "Traceback" not in err


def test_errors_are_one_document_with_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "--home", str(tmp_path / "none"), "balance", "--json")
    assert code == REFUSED
    problem = json.loads(out)["error"]
    assert problem["code"] == "home-missing"
    assert problem["detail"] == err.strip()


def test_a_mistake_of_ours_is_told_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("node.storage.doctor.check", broken)
    home = str(tmp_path / "home")
    assert run(capsys, "--home", home, "--language", "en", "init", "--json")[0] == 0
    code, _, err = run(capsys, "--home", home, "doctor")
    assert code == REFUSED
    assert "ZeroDivisionError" in err
    assert "secret detail" not in err


@pytest.mark.parametrize(
    ("typed", "decimals", "units"),
    [("12.50", 2, 1250), ("12.5", 2, 1250), ("7", 2, 700), ("7", 0, 7), ("１２", 2, 1200)],
)
def test_amounts_are_typed_as_decimals(typed: str, decimals: int, units: int) -> None:
    assert amount_of(typed, decimals) == units


@pytest.mark.parametrize("typed", ["", "0", "0.00", "-1", "1,50", "1e3", "12.345", "abc", "1 2"])
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(LocalFault) as caught:
        amount_of(typed, 2)
    assert caught.value.code == "amount-invalid"
