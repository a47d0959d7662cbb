"""The command line against running nodes: an officer and a member, two real processes on loopback.

The nodes are started once for this file; each test takes what it needs from the common day.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.commands import root
from node.commands.base import DONE, REFUSED, USAGE

PROGRAM = [sys.executable, "-c", "from cli import main; main()"]
LISTEN = "/ip4/127.0.0.1/tcp/0"
PATIENCE_S = 60.0
POLL_S = 0.1


def until(found: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(POLL_S)
    raise AssertionError(f"never came: {what}")


@dataclass
class House:
    """A home with its node running in a process of its own."""

    home: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def out(self) -> Path:
        return self.home.with_suffix(".out")

    def start(self, *wishes: str) -> dict[str, Any]:
        """Start `up --json`; what its first line says."""
        command = [*PROGRAM, "--home", str(self.home), "--json", "up", "--api-port", "0"]
        with self.out.open("wb") as out, self.home.with_suffix(".err").open("wb") as err:
            self.process = subprocess.Popen(
                [*command, "--listen", LISTEN, *wishes], stdout=out, stderr=err, stdin=-3
            )
        until(lambda: b"\n" in self.out.read_bytes(), "the first line of up")
        return json.loads(self.out.read_bytes().splitlines()[0])

    def stop(self) -> int:
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(signal.SIGINT)
        try:
            return process.wait(15)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


@dataclass
class Asker:
    """Runs commands on one home, in this process, and reads their JSON."""

    house: House
    capsys: pytest.CaptureFixture[str]
    member: str

    def __call__(self, *arguments: str, code: int = DONE) -> Any:
        found = root.run(["--home", str(self.house.home), "--json", *arguments])
        shown = self.capsys.readouterr()
        assert found == code, (arguments, shown.out, shown.err)
        return json.loads(shown.out)

    def says(self, *arguments: str, language: str = "en", code: int = DONE) -> str:
        chosen = ["--home", str(self.house.home), "--language", language]
        found = root.run([*chosen, *arguments])
        shown = self.capsys.readouterr()
        assert found == code, (arguments, shown.out, shown.err)
        return shown.out

    def until_trade(self, trade: str, state: str) -> dict[str, Any]:
        def there() -> Any:
            items = self("trade", "list")["items"]
            return next((t for t in items if t["id"] == trade and t["state"] == state), None)

        return until(there, f"trade {state}")


@dataclass(frozen=True)
class Day:
    officer: House
    member: House
    officer_id: str
    member_id: str
    ready: dict[str, Any]


def call(home: Path, *arguments: str) -> Any:
    done = subprocess.run(
        [*PROGRAM, "--home", str(home), "--json", *arguments],
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp("day")
    officer, member = House(folder / "officer"), House(folder / "member")
    try:
        officer_id = call(officer.home, "init", "--name", "순희", "--language", "ko")["member"]
        ready = officer.start()
        link = folder / "invitation"
        link.write_text(call(officer.home, "community", "invite", "--code")["link"])
        made = call(member.home, "init", "--name", "Anna", "--community", str(link))
        member.start("--no-web")
        until(lambda: call(member.home, "balance")["limit"], "the first limit")
        yield Day(officer, member, officer_id, made["member"], ready)
    finally:
        for house in (officer, member):
            if house.process is not None:
                house.stop()


@pytest.fixture
def officer(day: Day, capsys: pytest.CaptureFixture[str]) -> Asker:
    return Asker(day.officer, capsys, day.officer_id)


@pytest.fixture
def member(day: Day, capsys: pytest.CaptureFixture[str]) -> Asker:
    return Asker(day.member, capsys, day.member_id)


def test_up_says_first_where_the_node_is(day: Day) -> None:
    ready = day.ready
    assert ready["member"] == day.officer_id
    assert all("/p2p/" in address for address in ready["addresses"])
    token = Path(ready["token_file"])
    assert token.stat().st_mode & 0o077 == 0
    assert token.read_text().strip() not in day.officer.out.read_text()
    lines = day.officer.out.read_text().splitlines()[1:]
    assert json.loads(lines[0])["event"] in ("ready", "reset")
    until(
        lambda: '"event": "member.admit"' in day.officer.out.read_text(), "the event of admission"
    )


def test_a_second_node_in_one_home_is_refused_kindly(day: Day) -> None:
    done = subprocess.run(
        [*PROGRAM, "--home", str(day.officer.home), "up", "--api-port", "0"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == REFUSED
    assert "Traceback" not in done.stderr
    assert str(day.officer.process.pid if day.officer.process else "") in done.stderr


def test_status_and_the_lonely_command_say_how_it_is(officer: Asker, member: Asker) -> None:
    assert officer("status")["running"] is True
    assert officer("status")["sync"]["neighbours"] == 1
    assert "순희" in officer.says("status")
    assert "순희" in officer.says()
    assert len(member("peers")["items"]) == 1
    assert "127.0.0.1" in member.says("peers")


def test_a_payment_goes_its_way_by_names_and_prefixes(officer: Asker, member: Asker) -> None:
    officer("contact", "add", member.member[:8], "옆집")
    assert [one["name"] for one in officer("contact", "list")["items"]] == ["옆집"]
    trade = officer("pay", "옆집", "12.50", "--for", "김치 두 포기", "--anyway")["id"]
    officer("contact", "remove", "옆집")
    offered = member.until_trade(trade, "proposed")
    assert (offered["amount"], offered["for"]) == (1250, None)
    member("accept", trade[:8], "--anyway")
    settled = officer.until_trade(trade, "settled")
    assert settled["for"] == "김치 두 포기"
    member.until_trade(trade, "settled")
    assert member("balance")["book"] == 1250
    assert officer("balance", member.member)["book"] == 1250
    assert "12.50" in officer.says("trade", "show", trade[:8])
    member("rate", trade[:8], "5", "--text", "고마워요")
    back = member("refund", trade[:8], "2.50", "--anyway")["id"]
    officer.until_trade(back, "proposed")
    officer("accept", back[:8], "--anyway")
    member.until_trade(back, "settled")
    statement = officer("statement")
    assert sum(one["amount"] for one in statement["movements"]) == -1000
    table = officer.says("statement", "--csv").splitlines()
    assert table[0].startswith("time,trade,partner")
    assert any(",-12.50,김치 두 포기" in line for line in table)


def test_an_invoice_is_paid_and_its_receipt_proves_itself(
    officer: Asker, member: Asker, tmp_path: Path
) -> None:
    trade = member("invoice", "순희", "30", "--for", "lamp", "--anyway")["id"]
    officer.until_trade(trade, "proposed")
    officer("accept", trade[:10], "--anyway")
    member.until_trade(trade, "settled")
    file = tmp_path / "receipt.json"
    member("receipt", "export", trade[:10], str(file), "--order")
    assert "lamp" in member.says("receipt", "show", trade[:10])
    found = member("receipt", "verify", str(file))
    assert (found["ok"], found["level"]) == (True, "L2")
    assert root.run(["receipt", "verify", str(file)]) == DONE  # no home is asked
    member.capsys.readouterr()
    file.write_text(file.read_text().replace(trade, officer.member))
    assert member("receipt", "verify", str(file), code=REFUSED)["ok"] is False


def test_a_proposal_is_taken_back_or_declined(officer: Asker, member: Asker) -> None:
    first = officer("pay", "Anna", "1", "--anyway")["id"]
    officer("release", first, "--anyway")
    assert officer("trade", "show", first)["state"] == "released"
    second = officer("pay", "Anna", "1", "--anyway")["id"]
    member.until_trade(second, "proposed")
    member("decline", second)
    officer.until_trade(second, "declined")


@pytest.mark.parametrize(
    ("amount", "code"),
    [("0", "amount-invalid"), ("1.005", "amount-invalid"), ("900", "over-limit")],
)
def test_amounts_that_cannot_be_are_refused(officer: Asker, amount: str, code: str) -> None:
    found = officer("pay", "Anna", amount, code=REFUSED)
    assert found["error"]["code"] == code
    assert found["error"]["detail"]


def test_nobody_is_guessed(officer: Asker) -> None:
    assert officer("pay", "nobody", "1", code=REFUSED)["error"]["code"] == "member-unknown"
    assert officer("accept", "abc", code=REFUSED)["error"]["code"] == "id-short"
    assert officer("accept", "abcdef", code=REFUSED)["error"]["code"] == "trade-unknown"


def test_talk_is_read_edited_and_erased(officer: Asker, member: Asker) -> None:
    post = officer("say", "마당", "안녕\u202e하세요\x1b[31m")["id"]

    def read() -> Any:
        return next((p for p in member("read", "마당")["items"] if p["id"] == post), None)

    until(read, "the post")
    shown = member.says("read", "마당")
    assert "안녕하세요" in shown
    assert "\x1b" not in shown
    assert [room["name"] for room in member("read")["items"]] == ["마당"]
    officer("post", "edit", post[:8], "안녕하십니까")
    until(lambda: (read() or {}).get("text") == "안녕하십니까", "the edit")
    assert member("post", "edit", post[:8], "x", code=REFUSED)["error"]["code"] == "not-yours"
    officer("post", "delete", post[:8])
    until(lambda: read() is None, "the deletion")


def test_listings_are_found_changed_and_closed(officer: Asker, member: Asker) -> None:
    listing = officer(
        "sell", "배추 열 포기", "--price", "12.50", "--region", "KR-11", "--tag", "배추"
    )["id"]

    def found() -> Any:
        hits = member("search", "배추", "--max", "20.00")["items"]
        return [hit for hit in hits if hit["listing"]["id"] == listing]

    until(found, "the listing")
    assert member("search", "배추", "--max", "5.00")["items"] == []
    assert "12.50" in member.says("search", "배추")
    officer("listing", "edit", listing[:8], "--price", "9.00")
    until(lambda: member("listing", "show", listing[:8])["price"]["amount"] == 900, "the new price")
    assert "9.00" in member.says("listing", "show", listing[:8], language="ko")
    officer("listing", "close", listing[:8])
    until(lambda: not found(), "the end of the listing")
    member("want", "韩语老师", "--in", "zh")


def test_officers_grant_and_others_do_not(officer: Asker, member: Asker) -> None:
    assert officer("chapter", "requests")["items"] == []
    officer("chapter", "grant", "Anna", "150.00")
    until(lambda: member("balance")["limit"] == 15_000, "the higher limit")
    refused = member("chapter", "grant", "순희", "1.00", code=REFUSED)
    assert refused["error"]["code"] in ("not-officer", "not-allowed")


def test_profiles_and_devices_are_shown(officer: Asker, member: Asker) -> None:
    member("profile", "set", "--about", "I mend lamps", "--speaks", "en", "--region", "KR-11")
    assert member("profile")["about"] == "I mend lamps"
    assert [one["this"] for one in member("device", "list")["items"]] == [True]
    assert member("id")["member"] == member.member
    assert officer("community", "show", "--root")["root"]
    listed = officer("community", "show", "--members")["members"]
    assert {(one["name"], one["membership"]) for one in listed} == {
        ("순희", "officer"),
        ("Anna", "member"),
    }


def test_books_are_the_same_and_verify_everywhere(
    officer: Asker, member: Asker, tmp_path: Path
) -> None:
    until(lambda: officer("ledger", "root")["root"] == member("ledger", "root")["root"], "one root")
    for asker in (officer, member):
        found = asker("ledger", "verify", "--from-scratch")
        assert (found["ok"], found["level"], found["sum_of_balances"]) == (True, "L2", 0)
    exported = tmp_path / "records"
    count = officer("export", str(exported))["records"]
    again = member("import", str(exported))
    assert (again["read"], again["duplicate"], again["rejected"]) == (count, count, {})
    private = tmp_path / "password"
    private.touch(0o600)
    private.write_text("비밀")
    saved = officer("backup", str(tmp_path / "saved"), "--password-file", str(private))
    assert saved["records"] == count  # beside the running node


def test_following_a_room_shows_what_comes(day: Day, officer: Asker) -> None:
    command = [*PROGRAM, "--home", str(day.member.home), "--json", "read", "길", "--follow"]
    out = day.member.home.with_suffix(".follow")
    with out.open("wb") as file:
        reader = subprocess.Popen(command, stdout=file, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        officer("say", "길", "첫 마디")
        until(lambda: "첫 마디" in out.read_text(encoding="utf-8"), "the first word")
        officer("say", "길", "둘째 마디")
        until(lambda: "둘째 마디" in out.read_text(encoding="utf-8"), "the second word")
    finally:
        reader.terminate()
        reader.wait()


def test_a_running_node_joins_another_community(officer: Asker, tmp_path: Path) -> None:
    newcomer = House(tmp_path / "newcomer")
    call(newcomer.home, "init", "--name", "小明", "--language", "zh")
    link = tmp_path / "invitation"
    link.write_text(officer("community", "invite", "--code")["link"])
    newcomer.start()
    try:
        before = newcomer.out.read_bytes().splitlines()[0]
        call(newcomer.home, "community", "join", str(link))
        until(lambda: newcomer.out.read_bytes().count(b'"api"') == 2, "the second start")
        until(lambda: call(newcomer.home, "status")["sync"]["neighbours"], "a neighbour")
        until(lambda: call(newcomer.home, "balance")["limit"], "the first limit")
        again = json.loads(before)
        assert call(newcomer.home, "id")["member"] == again["member"]
        assert call(newcomer.home, "status")["community"] == officer("community")["name"]
    finally:
        assert newcomer.stop() == DONE


def test_completion_of_a_restore_is_not_asked_of_a_whole_home(officer: Asker) -> None:
    assert officer("restore", "--finish", code=REFUSED)["error"]["code"] == "home-in-use"
    assert officer("restore", code=USAGE)["error"]["code"] == "usage"


def test_a_member_comes_back_over_the_network(day: Day, officer: Asker, tmp_path: Path) -> None:
    """The last test of the day: the member's computer is lost, the 24 words are not."""
    words = day.member.home / "phrase.txt"
    officer("chapter", "grant", "Anna", "150.00")
    until(lambda: call(day.member.home, "balance")["limit"] == 15_000, "the higher limit")
    before = call(day.member.home, "balance")
    balance = before["book"]
    day.member.stop()
    link = tmp_path / "invitation"
    link.write_text(officer("community", "invite")["link"])
    again = House(tmp_path / "again")
    prepared = call(
        again.home, "init", "--restore", "--community", str(link), "--words-file", str(words)
    )
    assert prepared["member"] == day.member_id
    again.start()
    try:
        until(lambda: call(again.home, "status")["sync"]["in_sync"], "being up to date")
        until(
            lambda: any(
                one["id"] == day.member_id and one["balance"] == balance
                for one in _members(again.home)
            ),
            "the old balance",
        )
    finally:
        assert again.stop() == DONE
    done = call(again.home, "restore", "--finish", "--words-file", str(words))
    assert len(done["shut_out"]) == 1
    again.start()
    try:
        until(lambda: call(again.home, "balance")["limit"] == 15_000, "the limit carried over")
        after = call(again.home, "balance")
        assert (after["book"], after["spendable"]) == (balance, before["spendable"])
        trade = call(again.home, "invoice", "순희", "1.00", "--anyway")["id"]
        officer.until_trade(trade, "proposed")
        officer("accept", trade, "--anyway")
        until(lambda: call(again.home, "balance")["book"] == balance + 100, "the new income")
    finally:
        assert again.stop() == DONE


def _members(home: Path) -> list[dict[str, Any]]:
    from node.client import Client

    return list(Client.of_home(home).members())
