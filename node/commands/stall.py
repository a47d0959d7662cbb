"""Trading with no network: `stall hello`, `stall give`, `stall take`.

Rules: a note is a file of lines, or the same lines as QR codes, or as text to send; what a scanner
types is read line by line. Codes are as large as the terminal shows them whole. Nothing is agreed
to here: that is `accept`, with its own risk told.

Left to others: which records a note needs (the node), drawing on paper.
"""

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click

from node.commands.base import (
    DONE,
    REFUSED,
    App,
    argument,
    asks_possible,
    clean,
    group,
    option,
)
from node.commands.screen import on_terminal
from node.commands.trade import TRADE
from node.protocol import limits, parts
from node.protocol.errors import LocalFault, RemoteFault

QR: Final = option("--qr", is_flag=True, about="stall_qr")
FILE: Final = argument("file", type=click.Path(path_type=Path), metavar="FILE", required=False)
CODES_FEW_COUNT: Final = 4  # more are a nuisance: say how to need fewer
BORDER_MODULES: Final = 2
SIDES: Final = range(57, 138, 8)  # of QR codes of versions 10, 12, … 30, in modules
HELD: Final = (395, 535, 667, 854, 1_046, 1_249, 1_460, 1_704, 1_990, 2_223, 2_520)
"""How many characters such codes hold, with the least correction."""
PIPED_CHARACTERS: Final = 1_249
LINE_MAX_CHARACTERS: Final = 2 * limits.PART_MAX_CHARACTERS  # longer is no part, and is not kept
FILE_MAX_BYTES: Final = 2 * limits.NOTE_REQUEST_MAX_BYTES


@group("stall", "wetalk stall give 7d90ab12 --qr")
def stall(app: App) -> None:
    app.result({"text": app.text("stall.how")})
    for part in ("how", "risk"):  # several lines: not through `say`, which makes them one
        app.line(app.text(f"stall.{part}").strip() + "\n")


@stall.sub("hello", "wetalk stall hello --qr", FILE, QR)
def hello(app: App, file: Path | None, qr: bool) -> None:
    wished = {"part_characters": _characters(qr and file is None)}
    _hand_over(app, app.client.post("/trades/greeting", wished), file, qr)


@stall.sub("give", "wetalk stall give 7d90ab12 for-minsu.note", TRADE, FILE, QR)
def give(app: App, trade_id: str, file: Path | None, qr: bool) -> None:
    full = app.client.trade(trade_id)
    wished = {"full": file is not None, "part_characters": _characters(qr and file is None)}
    _hand_over(app, app.client.post(f"/trades/{full}/note", wished), file, qr)


def _characters(qr: bool) -> int:
    """How long a part may be: what a code holds that the terminal shows whole, or any length."""
    if not qr:
        return limits.PART_MAX_CHARACTERS
    if not on_terminal():
        return PIPED_CHARACTERS
    columns, rows = shutil.get_terminal_size()
    room = min(columns, 2 * (rows - 2)) - 2 * BORDER_MODULES
    shown = [held for side, held in zip(SIDES, HELD, strict=True) if side <= room]
    return max(shown, default=HELD[0])


def _hand_over(app: App, found: dict[str, Any], file: Path | None, qr: bool) -> None:
    """Give a note out: into a file, as codes, or as lines."""
    if file is not None:
        _write(file, found["parts"])
    app.result({**found, "file": None if file is None else str(file)})
    if app.json:
        return
    name = _name(app, found)
    if file is not None:
        told = {"path": str(file), "records": found["records"], "size": found["size"]}
        app.say("stall.file_made", name=name, **told)
    elif qr:
        show_codes(app, found["parts"], name)
    else:
        for part in found["parts"]:
            app.line(part)
    if file is not None or qr:
        for trade in found["trades"]:
            app.line(trade["text"])


def _name(app: App, found: dict[str, Any]) -> str:
    partner = found["partner"]
    return app.text("stall.anybody") if partner is None else clean(partner["name"])


def _write(file: Path, texts: Sequence[str]) -> None:
    """A new file for its owner alone: the order stands in it."""
    from node.storage.home import create_private, publish

    if file.exists():
        raise LocalFault("file-exists", path=str(file))
    temporary = file.with_name(f"{file.name}.part")
    try:
        create_private(temporary)
        temporary.write_text("".join(f"{text}\n" for text in texts), encoding="ascii")
        publish(temporary, file)
    except OSError as problem:
        raise LocalFault("file-not-writable", str(problem), path=str(file)) from None
    finally:
        temporary.unlink(missing_ok=True)


def show_codes(app: App, texts: Sequence[str], name: str) -> None:
    """QR codes on a terminal, one after another as they are read; elsewhere all of them."""
    if len(texts) > CODES_FEW_COUNT:
        app.hint("stall.codes_many", count=len(texts), name=name)
    if len(texts) == 1 or not asks_possible():
        for text in texts:
            _show_code(text)
        app.say("stall.code_one", name=name)
        return
    number = 1
    while number <= len(texts):
        click.clear()
        _show_code(texts[number - 1])
        asked = app.text("stall.code", number=number, count=len(texts))
        typed = click.prompt(asked, default="", show_default=False, prompt_suffix=" ")
        again = typed.strip()
        chosen = int(again) if again.isascii() and again.isdigit() else 0
        number = chosen if 1 <= chosen <= len(texts) else number + 1


def _show_code(text: str) -> None:
    import segno

    code = segno.make(text, error="l", micro=False)
    code.terminal(sys.stdout, border=BORDER_MODULES, compact=True)


# --- taking ---------------------------------------------------------------------------------------
@stall.sub(
    "take",
    "wetalk stall take from-minsu.note --qr",
    argument("files", type=click.Path(path_type=Path), metavar="FILE", nargs=-1),
    QR,
    option("--answer", type=click.Path(path_type=Path), metavar="FILE", about="stall_answer"),
    option("--anyway", is_flag=True, about="stall_anyway"),
)
def take(app: App, files: tuple[Path, ...], qr: bool, answer: Path | None, anyway: bool) -> int:
    if answer is not None and answer.exists():
        raise LocalFault("file-exists", path=str(answer))  # before anything is taken in
    client = app.client  # no node: say so before somebody scans twenty codes
    texts = [text for file in files for text in _lines_of(file)] if files else _scanned(app)
    characters = _characters(qr and answer is None)
    wished = {"anyway": anyway, "part_characters": characters}
    found = client.post("/trades/notes", {"parts": texts, **wished})
    if answer is not None and found["answer"] is not None:
        _write(answer, found["answer"]["parts"])
    app.result(found)
    if not app.json:
        _told(app, found, qr, answer)
    return REFUSED if found["lacking"] or found["rejected"] else DONE


def _lines_of(file: Path) -> list[str]:
    """The lines of a file. Raises LocalFault file-missing, file-unreadable, note-invalid."""
    try:
        with file.open("rb") as source:
            data = source.read(FILE_MAX_BYTES + 1)
    except FileNotFoundError:
        raise LocalFault("file-missing", path=str(file)) from None
    except OSError as problem:
        raise LocalFault("file-unreadable", str(problem), path=str(file)) from None
    if len(data) > FILE_MAX_BYTES:
        raise LocalFault("note-invalid")
    return _fitting(data.decode("latin-1").splitlines())


def _fitting(lines: Iterable[str]) -> list[str]:
    """Lines that may be parts; what is not makes no note. Raises LocalFault note-invalid."""
    texts = [line.strip(parts.BLANKS) for line in lines]
    texts = [text for text in texts if text]
    if not texts or not all(map(parts.is_part, texts)):
        raise LocalFault("note-invalid")
    if len(texts) > limits.PARTS_MAX_COUNT or len(max(texts, key=len)) > limits.PART_MAX_CHARACTERS:
        raise LocalFault("note-invalid")
    return texts


def _typed() -> Iterator[str]:
    """Lines of standard input, of bounded length."""
    while line := sys.stdin.readline(LINE_MAX_CHARACTERS):
        yield line


def _scanned(app: App) -> list[str]:
    """The parts that a scanner types, or somebody pastes; until all are there."""
    if not asks_possible():
        return _fitting(_typed())
    app.hint("stall.scan")
    joiner, texts = parts.Joiner(), list[str]()
    for line in _typed():
        if not line.strip():
            break
        try:
            joiner.add(line)
        except RemoteFault:
            app.hint("stall.scan_again")
            continue
        texts.append(line.strip(parts.BLANKS))
        if not joiner.missing:
            break
        missing = ", ".join(map(str, joiner.missing))
        app.hint("stall.scanned", have=joiner.have, total=joiner.total, missing=missing)
    return _fitting(texts)


def _told(app: App, found: dict[str, Any], qr: bool, answer: Path | None) -> None:
    """What became of a note, and what to do next."""
    app.line(found["text"])
    for told in found["trades"]:
        _told_trade(app, told)
    if found["settled"]:
        app.say("stall.settled")
    if found["unsettled"]:
        app.line(found["unsettled_text"])
        app.say("stall.risk")
    given = found["answer"]
    if given is None:
        return
    name = _name(app, given)
    if answer is not None:
        told = {"path": str(answer), "records": given["records"], "size": given["size"]}
        app.say("stall.file_made", name=name, **told)
    elif qr:
        app.say("stall.answer_show", name=name)
        show_codes(app, given["parts"], name)
    else:
        app.say("stall.answer_hint", name=name)


def _told_trade(app: App, told: dict[str, Any]) -> None:
    trade = told["trade"]
    if trade is not None:
        payer, payee = trade["payer"]["name"], trade["payee"]["name"]
        app.say("stall.trade", payer=payer, payee=payee, amount=trade["amount_text"])
        if trade["for"]:
            app.line(clean(trade["for"]))
    app.line(told["text"])
    if trade is None:
        return
    if told["standing"] == "unconfirmed":  # may the goods change hands all the same?
        app.line(trade["goods_text"])
    for text in trade["alert_texts"]:
        app.line(text)
    if "accept" in trade["next_steps"]:
        start = told["id"][:8]
        app.say("stall.next_accept" if trade["invoice"] else "stall.next_accept_pay", id=start)
        app.say("stall.next_decline", id=start)
        app.say("stall.next_give", id=start)
        if app.client.get("/identity")["waiting_for_echo"]:
            app.say("stall.risk")


COMMANDS: Final = {"stall": stall}
