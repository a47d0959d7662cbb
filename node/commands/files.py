"""Nothing is ever trapped: `backup`, `restore`, `export`, `import`.

Rules: a backup never holds a device key; a restored member always has a new one, and the old ones
are shut out at the heads known; records of a file go through the same admission as a neighbour's.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from node.commands.base import DONE, REFUSED, App, argument, command, option
from node.commands.member import WORDS_FILE
from node.commands.screen import on_terminal
from node.protocol.errors import LocalFault, WetalkError

if TYPE_CHECKING:
    from node.services.core import Core

PASSWORD_FILE: Final = option(
    "--password-file", type=click.Path(path_type=Path), metavar="FILE", about="password_file"
)
FILE: Final = argument("file", type=click.Path(path_type=Path), metavar="FILE")


@command("backup", "wetalk backup ~/wetalk.backup", FILE, PASSWORD_FILE)
def backup(app: App, file: Path, password_file: Path | None) -> None:
    from node.commands import words
    from node.commands.local import read_home
    from node.services.homes import backups
    from node.storage.pictures import own_files
    from node.wallet import keyfile

    with read_home(app) as reader:
        member = keyfile.read_info(app.home.device_key).member_id
        password = words.ask_password(app, password_file, twice=True)
        with told_of(file):
            genesis, pictures = app.home.genesis.read_bytes(), own_files(app.home)
            count = backups.write(file, password, member, genesis, reader, pictures)
    app.result({"file": str(file), "records": count})
    app.say("backup.done", path=str(file), count=count)


@command(
    "restore",
    "wetalk restore ~/wetalk.backup",
    argument("file", type=click.Path(path_type=Path), metavar="FILE", required=False),
    option("--finish", is_flag=True, about="finish"),
    option("--since", metavar="TRADE", about="since"),
    WORDS_FILE,
    PASSWORD_FILE,
)
def restore(
    app: App,
    file: Path | None,
    finish: bool,
    since: str | None,
    words_file: Path | None,
    password_file: Path | None,
) -> None:
    if (file is None) != finish:
        raise click.UsageError(app.text("cli.file_or_finish"))
    if file is None:
        _finish(app, words_file, since)
    else:
        _from_file(app, file, words_file, password_file, since)


def _finish(app: App, words_file: Path | None, since: str | None) -> None:
    from node.commands import words
    from node.commands.local import open_home
    from node.services.members import setup
    from node.services.publish import Publisher

    with open_home(app, signing=True) as core:
        if not setup.is_restoring(core):
            raise LocalFault("nothing-to-restore")
        trade = _own_trade(core, since)
        phrase = words.ask_phrase(app, words_file)
        old = setup.finish_restore(core, Publisher(core), phrase, since=trade)
        member = core.member.hex()
    _restored(app, member, old, None)


def _own_trade(core: "Core", typed: str | None) -> bytes | None:
    """A trade of this member as typed. Raises LocalFault trade-unknown, id-short, id-ambiguous."""
    from node.commands.asking import one_of
    from node.ledger.trades import MEMBER_TRADE

    if typed is None:
        return None
    own = (key.hex() for _, key in MEMBER_TRADE.under(core.reader, core.member))
    return bytes.fromhex(one_of(own, typed, "trade-unknown"))


def _from_file(
    app: App,
    file: Path,
    words_file: Path | None,
    password_file: Path | None,
    since: str | None,
) -> None:
    """Restore from a backup, or from an export, which holds the records alone."""
    from node.commands import words
    from node.commands.local import open_home
    from node.services.homes import backups
    from node.services.homes.portability import genesis_of, read_lines
    from node.services.members import setup
    from node.services.publish import Publisher
    from node.storage.home import HomeLock
    from node.wallet.errors import Problem, WalletError
    from node.wallet.phrase import root_key

    begun = _restore_begun(app)
    password, member = None, None
    first = next(read_lines(file), b"")
    if first.startswith(b"{"):
        document = genesis_of(first, str(file))
        if document is None:
            raise LocalFault("file-format", path=str(file))
    else:
        password = words.ask_password(app, password_file, twice=False)
        head = backups.read_head(file, password)
        document, member = head.genesis, head.member
    phrase = words.ask_phrase(app, words_file)
    with root_key(phrase) as key:
        if member not in (None, key.public_key):
            raise WalletError(Problem.PHRASE_OTHER)
        member = key.public_key
    if begun not in (None, (member, document)):
        raise LocalFault("home-exists", path=str(app.home.path))
    if begun is None:
        with HomeLock(app.home):
            setup.prepare_restore(app.home, phrase, app.language, document)
    with open_home(app, signing=True) as core:
        if password is None:
            records = import_into(app, core, file)["accepted"]
        else:
            records = backups.restore_into(core, file, password).accepted
        try:
            trade = _own_trade(core, since)
            old = setup.finish_restore(core, Publisher(core), phrase, whole=True, since=trade)
        except LocalFault:
            app.hint("restore.records_here")  # so nothing need be read again
            raise
    _restored(app, member.hex(), old, records)


def _restore_begun(app: App) -> tuple[bytes, bytes] | None:
    """Member and founding document of a home that still waits to be restored; None: no home yet.

    Raises LocalFault home-exists for any other.
    """
    from node.commands.local import open_home
    from node.services.members import setup
    from node.wallet.keyfile import read_info

    if not app.home.genesis.exists():
        return None
    with open_home(app) as core:
        if not setup.is_restoring(core):
            raise LocalFault("home-exists", path=str(app.home.path))
    return read_info(app.home.device_key).member_id, app.home.genesis.read_bytes()


def _restored(app: App, member: str, old: tuple[bytes, ...], records: int | None) -> None:
    app.result(
        {
            "member": member,
            "home": str(app.home.path),
            "finished": True,
            "records": records,
            "shut_out": [device.hex() for device in old],
        }
    )
    app.say("restore.done", member=member[:12])
    if old:
        app.say("restore.shut_out", count=len(old))


@contextmanager
def told_of(file: Path) -> Generator[None]:
    """What cannot be written here is a file that the member named, not the home."""
    try:
        yield
    except WetalkError as fault:
        if fault.code != "home-not-writable":
            raise
        raise LocalFault("file-not-writable", fault.detail, path=str(file)) from None


@command("export", "wetalk export records.jsonl", FILE)
def export(app: App, file: Path) -> None:
    export_to(app, file)


def export_to(app: App, file: Path) -> None:
    """Write every record held into a file, asking the node if one runs here."""
    from node.commands.local import is_running, open_home
    from node.services.homes.portability import export_file

    if is_running(app):
        with told_of(file):
            count = app.client.save_export(file)
    else:
        with open_home(app) as core, told_of(file):
            count = export_file(core, file)
    app.result({"file": str(file), "records": count})
    app.say("export.done", path=str(file), count=count)


@command("import", "wetalk import records.jsonl", FILE)
def import_(app: App, file: Path) -> int:
    from node.commands.local import is_running

    if app.home.genesis.exists() and is_running(app):
        found = app.client.send_lines("/records/import", file)
    else:
        found = _import_here(app, file)
    app.result(found)
    refused = sum(found["rejected"].values())
    app.say("import.done", **{**found, "rejected": refused})
    return REFUSED if refused else DONE


def _import_here(app: App, file: Path) -> dict[str, Any]:
    """Import into this home; an empty one becomes a home of the file's community, without a
    member."""
    from node.commands.local import open_home
    from node.services.homes.portability import core_from_export, read_lines
    from node.storage.home import HomeLock

    if app.home.genesis.exists():
        with open_home(app) as core:
            return import_into(app, core, file)
    first = next(read_lines(file), b"")
    with HomeLock(app.home):
        core = core_from_export(app.home, first)
        try:
            return import_into(app, core, file)
        finally:
            core.close()


def import_into(app: App, core: Any, file: Path) -> dict[str, Any]:
    """Import a file through admission, with a bar on a terminal."""
    import trio

    from node.services.homes.portability import import_lines, read_lines
    from node.services.incoming.intake import Intake

    async def run() -> Any:
        with _progress(app, file) as told:
            lines = read_lines(file)
            return await import_lines(core, Intake(core), lines, told, name=str(file))

    return trio.run(run).as_json()  # pyright: ignore[reportUnknownMemberType]


def _silent(_: Any) -> None:
    """Nobody watches."""


@contextmanager
def _progress(app: App, file: Path) -> Generator[Any]:
    """Told the report so far; a bar on a terminal."""
    if app.json or not on_terminal():
        yield _silent
        return
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task(app.text("import.progress"), total=file.stat().st_size)

        def told(report: Any) -> None:
            bar.update(task, completed=report.size_bytes)

        yield told


COMMANDS: Final = {"backup": backup, "restore": restore, "export": export, "import": import_}
