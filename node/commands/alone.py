"""`wetalk` alone: in a few lines how it is, and what is worth doing next.

Rules: quick (it is typed often), so nothing is opened but what is asked of a running node, and the
drawing library stays away; friendly in every state, also where nothing runs; each proposal is a
sentence with the command that does it, and fits a narrow terminal.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from node.commands.base import App, clean
from node.commands.screen import emphasised, on_terminal, width_cells, wrapped
from node.i18n import LANGUAGES, amount_text, text

MARGIN: Final = 2  # columns before a sentence; the command below it has twice as many
TOLD_ABOVE: Final = frozenset({"neighbours"})  # hints that say what stands above them anyway

Deed = tuple[str, str | None]  # a sentence, and the command
NOBODY: Final = (
    ("first", "wetalk up"),
    ("invited", "wetalk init --community LINK"),
    ("back", "wetalk restore FILE"),
    ("back_without", "wetalk init --restore --community LINK"),
)
BOOKS: Final = (("verify", "wetalk ledger verify"),)
STOPPED: Final = (
    ("up", "wetalk up"),
    ("boot", "wetalk service install"),
    ("doctor", "wetalk doctor"),
)
ALONE: Final = (
    ("invite", "wetalk community invite --code --qr"),
    ("join", "wetalk community join LINK"),
)
BELONGING: Final = (
    ("read", "wetalk read"),
    ("search", "wetalk search WORDS"),
    ("pay", "wetalk pay MEMBER AMOUNT"),
)
HELP: Final = ("help", "wetalk --help")


def welcome(app: App) -> None:
    """How it is, and what to do next."""
    app.say("app.tagline")
    if not app.home.genesis.exists():
        app.result({"running": False, "home": None})
        app.say("welcome.nobody")
        _propose(app, [*_deeds(app, NOBODY), *_languages(app)])
    elif not app.home.device_key.exists():
        app.result({"running": False, "home": str(app.home.path)})
        app.say("problem.home-books", path=str(app.home.path))
        _propose(app, _deeds(app, BOOKS))
    else:
        _member(app)


def _member(app: App) -> None:
    from node.client import ApiProblem, NotRunning

    try:
        found = app.client.get("/status")
    except NotRunning:
        app.result({"running": False, "home": str(app.home.path)})
        app.say("status.stopped")
        _propose(app, [*_words(app), *_deeds(app, STOPPED)])
        return
    except ApiProblem as problem:  # it is starting, or busy
        app.result({"running": True, "home": str(app.home.path)})
        app.line(clean(problem.detail))
        _propose(app, [])
        return
    app.result({"running": True, **found})
    if not app.json:
        _running(app, found)


def _words(app: App) -> Iterator[Deed]:
    """Words that lie in a file come before everything else."""
    if app.home.phrase.exists():
        yield app.text("phrase.nag"), None


def _running(app: App, found: dict[str, Any]) -> None:
    from node.commands.running import web_address

    app.say("status.running")
    app.say("status.member", name=found["member"]["name"], member=found["member"]["id"][:12])
    app.say("status.community", name=found["community"])
    for line in _balance(app):
        app.line(line)
    app.line(found["sync"]["text"])
    if found["sync"]["in_sync"]:
        app.say("peers.count", count=found["sync"]["neighbours"])
    address = web_address(app)
    if address is not None:
        app.say("status.web", address=address)
    hints = [one for one in found["next"] if one["code"] not in TOLD_ABOVE]
    pressing = [(clean(one["text"]), one["command"]) for one in hints]
    if any(one["code"] == "restoring" for one in hints):
        _propose(app, pressing)  # there is nothing else to do yet
        return
    alone = len(app.client.get("/members", limit=2)["items"]) < 2
    _propose(app, [*pressing, *_deeds(app, ALONE if alone else BELONGING)])


def _balance(app: App) -> Iterator[str]:
    """What is mine, and what I can spend: nothing for somebody without an account."""
    from node.client import ApiProblem

    try:
        found = app.client.get("/balance")
    except ApiProblem:
        return
    for name in ("book", "spendable"):
        if found[name] is not None:
            amount = f"{amount_text(found[name], found['decimals'])} {clean(found['unit_name'])}"
            yield app.text(f"balance.{name}", amount=amount)


def _deeds(app: App, proposed: Iterable[tuple[str, str]]) -> Iterator[Deed]:
    return ((app.text(f"welcome.{key}"), command) for key, command in proposed)


def _languages(app: App) -> Iterator[Deed]:
    """The other languages, each offered in itself."""
    for language in LANGUAGES:
        if language != app.language:
            yield text("welcome.language", language), f"wetalk --language {language}"


def _propose(app: App, deeds: Iterable[Deed]) -> None:
    """Sentences, each with its command below; the last one leads on."""
    if app.json:
        return
    app.line()
    app.say("status.next")
    for sentence, command in (*deeds, *_deeds(app, (HELP,))):
        for line in _lines(sentence, MARGIN):
            app.line(line)
        if command is not None:
            app.line(" " * 2 * MARGIN + emphasised(command, bold=True))


def _lines(sentence: str, margin: int) -> Iterator[str]:
    """A sentence, wrapped where a person reads it."""
    room = width_cells() - margin
    lines = wrapped(sentence, room) if on_terminal() and room > 0 else (sentence,)
    return (" " * margin + line for line in lines)
