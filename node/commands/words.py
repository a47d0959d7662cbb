"""The 24 words between a person and the program: showing them once, checking three, asking for all.

Rules: words go to a terminal or a 0600 file, never to `--json`, a log or a pipe; what is typed is
not echoed into any message. The file goes when the words were confirmed.
"""

import secrets
from pathlib import Path
from typing import Final

import click

from node.commands.base import REFUSED, App, asks_possible
from node.commands.screen import on_terminal
from node.protocol import limits
from node.protocol.errors import LocalFault
from node.services.members.setup import Made
from node.storage.home import Home
from node.wallet import phrase_file
from node.wallet.errors import WalletError
from node.wallet.phrase import Phrase, check, normalise
from node.wallet.private_file import read_private

CHECKED_COUNT: Final = 3
TRIES_COUNT: Final = 3
COLUMNS_COUNT: Final = 4


def hand_over(app: App, made: Made) -> None:
    """Give a new member their words: on a terminal shown and checked, else they wait in a file."""
    try:
        _hand_over(app, made)
    except click.Abort:  # the member is made: only the check is left for later
        app.line()
        app.say("phrase.nag")
        raise click.exceptions.Exit(REFUSED) from None


def _hand_over(app: App, made: Made) -> None:
    home = app.home
    if app.json or not asks_possible():
        app.hint("phrase.file", path=str(home.phrase))
        return
    app.say("phrase.explain")
    app.line()
    _show(app, made.phrase)
    app.line()
    if not click.confirm(app.text("words.noted"), default=True):
        app.say("phrase.nag")
        return
    click.clear()
    if on_terminal():
        click.echo("\x1b[3J", nl=False)  # what scrolled away holds the words too
    if _ask_some(app, made.phrase):
        phrase_file.confirm(home.phrase, made.phrase.text, made.member)
        app.say("phrase.confirmed")
    else:
        app.say("phrase.nag")


def _show(app: App, phrase: Phrase) -> None:
    numbered = [f"{number:2}. {word}" for number, word in enumerate(phrase.words, start=1)]
    for start in range(0, len(numbered), COLUMNS_COUNT):
        app.line("    " + "\t".join(numbered[start : start + COLUMNS_COUNT]))


def _ask_some(app: App, phrase: Phrase) -> bool:
    """True iff three words, asked by number, are right."""
    places = sorted(secrets.SystemRandom().sample(range(len(phrase.words)), CHECKED_COUNT))
    for place in places:
        for _ in range(TRIES_COUNT):
            typed = click.prompt(app.text("words.which", number=place + 1), type=str)
            if normalise(typed).words == normalise(phrase.words[place]).words:
                break
            app.say("words.not_that")
        else:
            return False
    return True


def ask_phrase(app: App, file: Path | None) -> Phrase:
    """The words as typed, or from a private file. Raises PhraseError; LocalFault phrase-needed."""
    if file is not None:
        data = read_private(file, limits.PHRASE_MAX_CHARACTERS * 4)
        return check(data.decode(errors="replace"))
    if not asks_possible():
        raise LocalFault("phrase-needed")
    for tries_left in reversed(range(TRIES_COUNT)):
        typed = click.prompt(app.text("phrase.ask"), type=str, prompt_suffix="\n")
        try:
            return check(typed)
        except WalletError as error:
            if tries_left == 0:
                raise
            from node.i18n import problem_text

            app.line(problem_text(error.code, app.language, **error.values))
    raise AssertionError("the last try returns or raises")


def phrase_of_home(app: App, home: Home, file: Path | None) -> Phrase:
    """The words that still wait in the home, else those that are typed."""
    if file is None and phrase_file.is_waiting(home.phrase):
        return phrase_file.read_phrase(home.phrase)
    return ask_phrase(app, file)


def ask_password(app: App, file: Path | None, *, twice: bool, key: str = "words.password") -> str:
    """A password, typed unseen or the first line of a file. Raises LocalFault terminal-needed.

    `key` names the question in the catalogue.
    """
    if file is not None:
        data = read_private(file, limits.PASSPHRASE_MAX_BYTES + 2)
        return data.decode(errors="replace").rstrip("\r\n")
    if not asks_possible():
        raise LocalFault("terminal-needed")
    while True:
        typed: str = click.prompt(app.text(key), hide_input=True, type=str)
        again = app.text("words.password_again")
        if not twice or click.prompt(again, hide_input=True, type=str) == typed:
            return typed
        app.say("words.not_same")


def remind(app: App) -> None:
    """Nag while the words lie in a file."""
    if phrase_file.is_waiting(app.home.phrase):
        app.hint("phrase.nag")
