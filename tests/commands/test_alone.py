"""`wetalk` alone in every state of a home, and what a terminal is given."""

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from pytest_trio import trio_fixture
from rich.cells import cell_len

from node.commands import root, screen
from node.commands.base import DONE
from node.i18n import LANGUAGES, text
from node.services.trading.trade import Proposal
from node.storage.home import Home
from tests.api.house import House, serving
from tests.support.homes import Person, town
from tests.tidy import ROOT

HEAVY = ("libp2p", "trio", "fastapi", "hypercorn", "rich.text", "sqlite_utils", "pydantic")
Say = Callable[..., Any]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """What a command line prints for a home."""

    async def run(home: Home, *words: str, language: str = "ko") -> str:
        line = ["--home", str(home.path), "--language", language, *words]
        assert await trio.to_thread.run_sync(root.run, line) == DONE
        return capsys.readouterr().out

    return run


async def of_houses(
    tmp_path: Path, *names: str
) -> AsyncGenerator[tuple[list[Person], House], None]:
    """Members of a town, and the API over the home of the last one."""
    people = await town(tmp_path, *names)
    home = people[-1].core.home
    async with serving(people[-1].core) as house:
        (home.path / "api.json").write_text(json.dumps({"url": f"http://127.0.0.1:{house.port}"}))
        home.device_key.touch()
        yield people, house
    for one in people:
        one.close()


@trio_fixture
async def pair(tmp_path: Path) -> AsyncGenerator[tuple[list[Person], House], None]:
    async for found in of_houses(tmp_path, "officer", "amina", "baraka"):
        yield found


@trio_fixture
async def hermit(tmp_path: Path) -> AsyncGenerator[tuple[list[Person], House], None]:
    async for found in of_houses(tmp_path, "officer"):
        yield found


@pytest.mark.trio
@pytest.mark.parametrize("language", LANGUAGES)
async def test_before_the_first_start_it_offers_every_way_in(
    say: Say, tmp_path: Path, language: str
) -> None:
    said = await say(Home(tmp_path / "none"), language=language)
    for way in ("wetalk up", "init --community LINK", "restore FILE", "init --restore"):
        assert way in said
    for other in LANGUAGES:
        offered = text("welcome.language", other) in said
        assert offered == (other != language)  # in its own words, to whoever cannot read this


@pytest.mark.trio
async def test_with_nothing_running_it_says_how_to_start_and_nags_about_the_words(
    say: Say, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    await say(home, "init", "--name", "순희", "--json")
    said = await say(home)
    assert said.index(text("phrase.nag", "ko")) < said.index("wetalk up\n")
    assert "wetalk doctor" in said
    home.phrase.unlink()
    assert text("phrase.nag", "ko") not in await say(home)


@pytest.mark.trio
async def test_a_home_of_books_alone_can_verify_them(say: Say, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("time,source,target,amount\n2026-01-01 00:00:00,a,b,1\n")
    home = Home(tmp_path / "books")
    await say(home, "ledger", "replay", str(table))
    home.device_key.unlink(missing_ok=True)
    assert "wetalk ledger verify" in await say(home)


@pytest.mark.trio
async def test_the_balance_and_what_waits_stand_before_suggestions(pair: Any, say: Say) -> None:
    (_, amina, baraka), house = pair
    assert text("next.trades", "ko", count=1) not in await say(baraka.core.home)
    await amina.trade.propose(Proposal(baraka.id, 1_250, invoice=True, order="김치 두 통"))
    await amina.hand_to(baraka)
    said = await say(baraka.core.home)
    order = [
        text("balance.book", "ko", amount="0.00 나눔"),
        text("balance.spendable", "ko", amount="100.00 나눔"),
        f"http://127.0.0.1:{house.port}/",
        text("next.trades", "ko", count=1),
        "    wetalk trade list\n",
        text("welcome.read", "ko"),
    ]
    assert sorted(order, key=said.index) == order
    assert "community invite" not in said  # they are not alone


@pytest.mark.trio
async def test_who_is_alone_is_told_how_to_be_two(hermit: Any, say: Say) -> None:
    (officer,), _ = hermit
    said = await say(officer.core.home)
    assert "wetalk community invite --code --qr" in said
    assert "wetalk community join LINK" in said


@pytest.mark.trio
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [24, 40, 80])
async def test_no_sentence_is_wider_than_the_terminal(
    pair: Any, say: Say, monkeypatch: pytest.MonkeyPatch, language: str, width: int
) -> None:
    (_, _, baraka), _ = pair
    monkeypatch.setattr("node.commands.alone.on_terminal", lambda: True)
    monkeypatch.setattr("node.commands.alone.width_cells", lambda: width)
    said = await say(baraka.core.home, language=language)
    proposed = said.partition(text("status.next", language))[2].splitlines()
    sentences = [line for line in proposed if not line.strip().startswith("wetalk")]
    assert max(map(cell_len, sentences)) <= width
    words = "".join(text(f"welcome.{key}", language) for key in ("read", "search", "pay"))
    assert set(words.replace(" ", "")) <= set("".join(sentences))


def test_alone_it_loads_nothing_heavy(tmp_path: Path) -> None:
    """Without a home and with one, by the real entry of the program."""
    program = (
        "import sys, cli\n"
        "try: cli.main()\n"
        f"finally: print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)\n"
    )
    home = str(tmp_path / "home")
    for words in ([], ["--json", "init"], []):
        line = [sys.executable, "-c", program, "--home", home, *words]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True)
        if not words:
            assert done.stderr.splitlines()[-1] == "[]"


# --- what a terminal is given ---------------------------------------------------------------------
def test_wrapped_lines_lose_nothing_and_fit() -> None:
    for written in (
        "나눔을 보내요 그리고 읽어요",
        "一起聊一起买卖互相帮助",
        "a bc def " * 9,
        "x" * 50,
        "",
    ):
        for room in (4, 7, 20):
            lines = list(screen.wrapped(written, room))
            assert "".join("".join(lines).split()) == "".join(written.split())
            assert all(cell_len(line) <= room for line in lines)


NAMES = ("trade", "sides", "amount", "state", "goods", "level", "for")
HEADINGS = [text(f"column.{name}", "ko") for name in NAMES]
NEEDED = "김치 두 통하고 깍두기 조금"
ROWS = [
    ["7d90ab12", "순희 → 민수", "12.50 나눔", "상대의 대답을 기다려요", "기다리기", "L2", NEEDED],
    ["8e01bc23", "王芳 → 순희", "1,200.00 나눔", "거래가 맺어졌어요", "맺어짐", "L2", ""],
]


def drawn(capsys: pytest.CaptureFixture[str], monkeypatch: Any, width: int) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    screen.draw_table(NAMES, HEADINGS, ROWS)
    return capsys.readouterr().out.splitlines()


def test_columns_of_wide_characters_stand_straight(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = drawn(capsys, monkeypatch, 100)
    ends = {cell_len(line[: line.index("나눔")]) for line in lines[1:] if "나눔" in line}
    assert len(ends) == 1  # amounts end in one column


def test_ids_and_amounts_are_never_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in (24, 30, 40, 50, 60, 80):
        lines = drawn(capsys, monkeypatch, width)
        assert max(map(cell_len, lines)) <= width
        for row in ROWS:
            assert any(row[0] in line for line in lines)
            assert any(row[2] in line for line in lines)


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_fits_the_terminal_in_every_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    for width in (40, 60, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        for path in ([], ["statement"], ["restore"], ["chapter", "policy"]):
            assert root.run([*path, "--language", language, "--help"]) == DONE
            lines = capsys.readouterr().out.splitlines()
            prose = [line for line in lines if "wetalk " not in line and "--" not in line]
            assert max(map(cell_len, prose)) <= width, (width, path)


def test_emphasis_is_left_out_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "on_terminal", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert screen.emphasised("x", bold=True) != "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert screen.emphasised("x", bold=True) == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert screen.emphasised("x", bold=True) == "x"
