"""`wetalk stall`: two members at a market, each with a node, and no network between them."""

import io
import json
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import segno
import trio

from node.commands import root, stall
from node.commands.base import DONE, NOT_RUNNING, REFUSED
from tests.api.house import House, serving
from tests.support.homes import Person, town

Run = Callable[..., Any]


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncGenerator[list[tuple[Person, House]]]:
    """Amina and Baraka, granted, each with an API that the command line finds."""
    persons = (await town(tmp_path, "officer", "amina", "baraka"))[1:]
    async with AsyncExitStack() as stack:
        houses = [(one, await stack.enter_async_context(serving(one.core))) for one in persons]
        for person, house in houses:
            told = json.dumps({"url": f"http://127.0.0.1:{house.port}"})
            (person.core.home.path / "api.json").write_text(told)
            person.core.home.device_key.touch()
        yield houses
    for one in persons:
        one.close()


@pytest.fixture
def wetalk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line of a person: exit code, output, what went to standard error."""

    async def run(
        person: Person, *words: object, typed: str = "", ask: bool = False
    ) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        monkeypatch.setattr(stall, "asks_possible", lambda: ask)
        line = [*map(str, words), "--home", str(person.core.home.path), "--language", "en"]
        code = await trio.to_thread.run_sync(root.run, line)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


async def invoice(seller: House, buyer: Person) -> str:
    made = await seller.do(lambda c: c.propose("invoice", buyer.id.hex(), 1_250, "김치 두 통"))
    return made["id"]


async def test_a_trade_by_files(pair: Any, wetalk: Run, tmp_path: Path) -> None:
    (amina, _), (baraka, b) = pair
    trade = await invoice(b, amina)
    asked, paid = tmp_path / "asked.note", tmp_path / "paid.note"
    code, out, _ = await wetalk(baraka, "stall", "give", trade[:8], asked)
    assert (code, "bytes. Hand it to" in out) == (DONE, True)
    assert asked.stat().st_mode & 0o077 == 0
    code, out, _ = await wetalk(amina, "stall", "take", asked)
    assert code == DONE
    for told in ("12.50", "김치 두 통", "Nothing is paid yet", f"wetalk accept {trade[:8]}"):
        assert told in out
    assert "--anyway" not in out
    assert (await wetalk(amina, "accept", trade[:8]))[0] == DONE
    await wetalk(amina, "stall", "give", trade, paid)
    code, out, _ = await wetalk(baraka, "stall", "take", paid, "--json")
    told = json.loads(out)
    assert (code, told["trades"][0]["standing"], told["answer"]) == (DONE, "paid", None)
    assert (await b.do(lambda client: client.trade(trade)))["state"] == "settled"
    code, _, err = await wetalk(baraka, "stall", "give", trade, paid)
    assert (code, str(paid) in err) == (REFUSED, True)  # nothing is written over


async def test_what_a_scanner_types_is_taken_from_standard_input(pair: Any, wetalk: Run) -> None:
    (amina, _), (baraka, b) = pair
    trade = await invoice(b, amina)
    code, out, _ = await wetalk(baraka, "stall", "give", trade)
    assert (code, out.startswith("WETALK:PART1/NOTE/1/1/")) == (DONE, True)
    code, out, _ = await wetalk(amina, "stall", "take", typed=f"\r\n {out}\r\n")
    assert (code, "wetalk accept" in out) == (DONE, True)


async def test_a_person_who_scans_is_told_what_is_still_missing(
    pair: Any, wetalk: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (amina, _), (baraka, b) = pair
    trade = await invoice(b, amina)
    monkeypatch.setattr(stall, "_characters", lambda qr: 800)
    lines = (await wetalk(baraka, "stall", "give", trade))[1].split()
    assert len(lines) == 3
    typed = "\n".join([lines[2], "garbage", lines[2], lines[0], lines[1], "left unread"])
    code, out, err = await wetalk(amina, "stall", "take", typed=typed, ask=True)
    assert (code, "wetalk accept" in out) == (DONE, True)
    assert "1 of 3. Still missing: 1, 2" in err
    assert "2 of 3. Still missing: 2" in err
    assert err.count("Scan it again") == 1
    code, _, err = await wetalk(amina, "stall", "take", typed=f"{lines[0]}\n\n", ask=True)
    assert (code, "1 of 3 parts are here. Scan these as well: 2, 3" in err) == (REFUSED, True)


@pytest.mark.parametrize(
    "typed", ["", "\n", "hello\n", "WETALK:PART1/NOTE/1/1/A/A\n", "A" * 99_999]
)
async def test_what_is_no_note_is_said_and_changes_nothing(
    pair: Any, wetalk: Run, typed: str
) -> None:
    (amina, _), _ = pair
    before = amina.core.reader.record_count()
    code, out, err = await wetalk(amina, "stall", "take", "--json", typed=typed)
    assert (code, json.loads(out)["error"]["code"]) == (REFUSED, "note-invalid")
    assert "no note" in err
    assert amina.core.reader.record_count() == before


async def test_a_payment_is_settled_and_the_answer_written(
    pair: Any, wetalk: Run, tmp_path: Path
) -> None:
    (amina, a), (baraka, b) = pair
    made = await a.do(lambda c: c.propose("pay", baraka.id.hex(), 500, "빵"))
    notes = [tmp_path / f"{number}.note" for number in range(3)]
    await wetalk(amina, "stall", "give", made["id"], notes[0])
    await wetalk(baraka, "stall", "take", notes[0])
    await b.do(lambda client: client.step(made["id"], "accept"))
    await wetalk(baraka, "stall", "give", made["id"], notes[1])
    amina.core.echo_wanted = True
    code, out, _ = await wetalk(amina, "stall", "take", notes[1], "--answer", notes[2])
    assert (code, notes[2].exists()) == (DONE, False)
    assert "No neighbour has confirmed" in out
    assert "this computer is a copy" in out
    code, out, _ = await wetalk(amina, "stall", "take", notes[1], "--answer", notes[2], "--anyway")
    assert (code, "you have paid" in out, notes[2].exists()) == (DONE, True, True)
    code, out, _ = await wetalk(baraka, "stall", "take", notes[2])
    assert (code, "Paid. Both have signed" in out) == (DONE, True)
    code, _, err = await wetalk(amina, "stall", "take", notes[1], "--answer", notes[2])
    assert (code, str(notes[2]) in err) == (REFUSED, True)


async def test_codes_are_shown_one_after_another(
    pair: Any, wetalk: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (amina, _), (_, b) = pair
    trade = await invoice(b, amina)
    baraka = pair[1][0]
    shown: list[str] = []
    monkeypatch.setattr(stall, "_show_code", shown.append)
    monkeypatch.setattr(stall, "_characters", lambda qr: 800)
    await wetalk(baraka, "stall", "give", trade, "--qr", typed="\n\n1\n\n\n\n", ask=True)
    assert shown == [shown[0], shown[1], shown[2], shown[0], shown[1], shown[2]]
    assert len(set(shown)) == 3
    del shown[:]
    await wetalk(baraka, "stall", "give", trade, "--qr")
    assert len(shown) == 3


async def test_a_greeting_is_one_code_that_a_terminal_shows(pair: Any, wetalk: Run) -> None:
    (amina, _), _ = pair
    code, out, _ = await wetalk(amina, "stall", "hello", "--qr")
    assert code == DONE
    assert "█" in out


def test_codes_hold_what_is_believed() -> None:
    for side, held in zip(stall.SIDES, stall.HELD, strict=True):
        whole = segno.make("A" * held, error="l", micro=False, boost_error=False)
        more = segno.make("A" * (held + 1), error="l", micro=False, boost_error=False)
        assert len(whole.matrix) == side < len(more.matrix)


def test_without_a_node_it_says_so_before_anything_is_scanned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("genesis", "device_key"):
        getattr(stall_home := root.App(path=tmp_path).home, name).parent.mkdir(exist_ok=True)
        getattr(stall_home, name).touch()
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code = root.run(["stall", "take", "--home", str(tmp_path), "--language", "en"])
    assert code == NOT_RUNNING
    assert "wetalk up" in capsys.readouterr().err


def test_alone_it_tells_how_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    assert root.run(["stall", "--language", "ko"]) == DONE
    out = capsys.readouterr().out
    assert "wetalk stall give" in out
    assert "인터넷" in out
