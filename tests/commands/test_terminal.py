"""What a person at a terminal sees: words are shown once, three are asked back, then they go."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from node.client import Client
from node.services.members.setup import Person, create_home
from node.storage.home import Home

ANSWER_MAX_S = 20.0
PROGRAM = [sys.executable, "-c", "from cli import main; main()"]


class Terminal:
    """A process at a pseudo-terminal."""

    def __init__(self, *arguments: str) -> None:
        self._own, other = pty.openpty()
        environment = {**os.environ, "TERM": "dumb", "PYTHONIOENCODING": "utf-8"}
        self.process = subprocess.Popen(
            [*PROGRAM, *arguments], stdin=other, stdout=other, stderr=other, env=environment
        )
        os.close(other)
        self.seen = ""

    def until(self, pattern: str) -> re.Match[str]:
        """Read on until something matches what came since the last time."""
        deadline = time.monotonic() + ANSWER_MAX_S
        while (found := re.search(pattern, self.seen)) is None:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._own], [], [], max(left, 0))
            assert ready, f"never came: {pattern}\n{self.seen}"
            self.seen += os.read(self._own, 65_536).decode("utf-8", "replace")
        self.seen = self.seen[found.end() :]
        return found

    def type(self, line: str) -> None:
        os.write(self._own, line.encode() + b"\n")

    def end(self) -> int:
        """The exit code, once what is left was read."""
        deadline = time.monotonic() + ANSWER_MAX_S
        try:
            while select.select([self._own], [], [], max(deadline - time.monotonic(), 0))[0]:
                self.seen += os.read(self._own, 65_536).decode("utf-8", "replace")
        except OSError:  # the other side is closed
            pass
        return self.process.wait(ANSWER_MAX_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._own)


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    opened = Terminal(*arguments)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def first_words(screen: Terminal) -> list[str]:
    """Answer the first questions; the words as they were shown."""
    screen.until("What shall your neighbours call you")
    screen.type("Anna")
    shown = screen.until(r"(?s)(?: 1\. .*24\. \S+)")[0]
    numbered = dict(re.findall(r"(\d+)\. (\S+)", shown))
    screen.until("written them down")
    screen.type("y")
    return [numbered[str(number)] for number in range(1, 25)]


def test_words_are_shown_and_three_are_asked_back(home: Home) -> None:
    with terminal("--home", str(home.path), "--language", "en", "init") as screen:
        words = first_words(screen)
        for _ in range(3):
            number = int(screen.until(r"word number (\d+)")[1])
            screen.type(words[number - 1])
        screen.until("The words are right")
        assert screen.end() == 0
    assert home.genesis.exists()
    assert not home.phrase.exists()


def test_words_that_were_not_noted_stay_in_their_file(home: Home) -> None:
    with terminal("--home", str(home.path), "--language", "en", "init") as screen:
        first_words(screen)
        for _ in range(3):
            screen.until("word number")
            screen.type("wrong")
        screen.until("wetalk id confirm")
        assert screen.end() == 0
    assert home.phrase.exists()


def test_walking_away_while_words_are_asked_keeps_them(home: Home) -> None:
    with terminal("--home", str(home.path), "--language", "en", "init") as screen:
        first_words(screen)
        screen.until("word number")
        screen.type("\x04")  # the end of input
        assert screen.end() == 1
        assert "Traceback" not in screen.seen
    assert home.phrase.exists()


def test_the_first_start_shows_the_way_to_the_web_page_where_the_member_is_made(home: Home) -> None:
    wishes = ["--api-port", "0", "--listen", "/ip4/127.0.0.1/tcp/0"]
    with terminal("--home", str(home.path), "--language", "en", "up", *wishes) as screen:
        screen.until("There is nobody here yet")
        page, token = screen.until(r"(http://127\.0\.0\.1:\d+)/#token=(\S+)").groups()
        assert home.token.read_text(encoding="ascii").strip() == token
        screen.until("wetalk init")
        assert not home.genesis.exists()
        Client(page, token).new_member("Anna", "en")
        screen.until("WeTalk is running")
        assert screen.until(r"(http://127\.0\.0\.1:\d+)/#token=(\S+)").groups() == (page, token)
        screen.until("Press Ctrl-C")
        screen.process.send_signal(signal.SIGINT)
        assert screen.end() == 0
        assert "Traceback" not in screen.seen
    assert not home.api.exists()


def test_the_first_start_without_the_web_page_asks_in_the_terminal(home: Home) -> None:
    wishes = ["--api-port", "0", "--listen", "/ip4/127.0.0.1/tcp/0", "--no-web"]
    with terminal("--home", str(home.path), "--language", "en", "up", *wishes) as screen:
        words = first_words(screen)
        for _ in range(3):
            number = int(screen.until(r"word number (\d+)")[1])
            screen.type(words[number - 1])
        screen.until("WeTalk is running")
        screen.process.send_signal(signal.SIGINT)
        assert screen.end() == 0
        assert "Traceback" not in screen.seen


def test_a_new_password_is_asked_twice_until_both_are_the_same(home: Home, tmp_path: Path) -> None:
    create_home(home, Person("순희", "ko"))
    file = tmp_path / "copy.backup"
    with terminal("--language", "ko", "--home", str(home.path), "backup", str(file)) as screen:
        for typed, told in (("길다란 말", "두 번 적은 것이 서로 달라요"), ("같은 말", "담았어요")):
            screen.until("비밀번호: ?")
            screen.type(typed)
            screen.until("한 번 더: ?")
            screen.type("같은 말")
            screen.until(told)
        assert screen.end() == 0
    assert file.exists()


def test_a_question_left_unanswered_says_that_nothing_was_done(home: Home) -> None:
    with terminal("--home", str(home.path), "--language", "ko", "init") as opened:
        opened.until("부르면 좋을까요")
        opened.type("\x04")
        opened.until("아무것도 하지 않았어요")
        assert opened.end() == 1
    assert not home.genesis.exists()
