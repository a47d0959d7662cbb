"""The example programs, run as their users run them, against real nodes, through a restart."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import trio

from node.client import Client
from tests.api.house import make_home, serving
from tests.api.test_runtime import process
from tests.support.homes import Person, town
from tests.tidy import ROOT

EXAMPLES = ROOT / "docs" / "examples"
MOST_S = 120.0


class Program:
    """A running example; what it says stands in a file."""

    def __init__(self, popen: "subprocess.Popen[bytes]", out: Path) -> None:
        self.popen = popen
        self.out = out

    @property
    def said(self) -> str:
        return self.out.read_text(encoding="utf-8")

    async def says(self, words: str) -> None:
        with trio.fail_after(MOST_S):
            while words not in self.said:
                assert self.popen.poll() is None or words in self.said, self.said
                await trio.sleep(0.02)

    async def ends(self) -> int:
        with trio.fail_after(MOST_S):
            while self.popen.poll() is None:
                await trio.sleep(0.02)
        return self.popen.returncode


def _heed_ctrl_c() -> None:
    """A test run in the background of a shell has it ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def program(folder: Path, name: str, *words: str) -> Generator[Program]:
    """Start an example, and stop it however the test ends."""
    out = folder / f"{name}.out"
    with out.open("wb") as said:
        popen = subprocess.Popen(
            [sys.executable, str(EXAMPLES / name), *words],
            cwd=folder,
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
            preexec_fn=_heed_ctrl_c,
        )
    try:
        yield Program(popen, out)
    finally:
        popen.kill()
        popen.wait()


@pytest.mark.parametrize("name", ["bot.py", "point_of_sale.py"])
async def test_an_example_explains_itself_and_says_plainly_what_is_wrong(
    name: str, tmp_path: Path
) -> None:
    with program(tmp_path, name, "--help") as shown:
        assert await shown.ends() == 0
        assert "--token-file" in shown.said
    words = ["마당"] if name == "bot.py" else ["민수", "12.50"]
    with program(tmp_path, name, *words, "--token-file", "nowhere") as refused:
        assert await refused.ends() == 1
        assert refused.said == "nowhere: No such file or directory\n"
    if name == "point_of_sale.py":
        with program(tmp_path, name, *words, "--home", str(tmp_path)) as alone:
            assert await alone.ends() == 1
            assert alone.said == "The node does not answer. Start it with: wetalk up\n"


async def test_the_bot_answers_each_question_once_through_restarts(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    # The bot has its place in a file, and a token that may look and talk.
    with process(home) as node:
        client = Client.of_home(home.path)
        port = int(node.told["api"].rpartition(":")[2])
        made = client.make_token("bot", ("read", "talk"), 1)
        (tmp_path / "bot.token").write_text(made["token"] + "\n")
        client.put_listing("goods", "김치 한 포기")
        words = ["마당", "--home", str(home.path), "--token-file", "bot.token"]
        with program(tmp_path, "bot.py", *words) as bot:
            with trio.fail_after(MOST_S):
                while not (tmp_path / "bot.seen").exists():
                    await trio.sleep(0.02)
            asked = client.say("마당", "!find 김치")["id"]
            client.say("다른 방", "!find 김치")
            await bot.says("!find 김치")
            os.kill(node.popen.pid, signal.SIGKILL)
            await bot.says("I wait for it")
            with process(home, api_port=port):
                client = Client.of_home(home.path)
                later = client.say("마당", "!help me")["id"]
                await bot.says("!help me")
                assert replies(client, asked) == ["· 김치 한 포기"]
                assert [text[:6] for text in replies(client, later)] == ["Ask me"]
                bot.popen.send_signal(signal.SIGINT)
                assert await bot.ends() == 0
                last = client.say("마당", "!find 마늘")["id"]  # while the bot is away
                with program(tmp_path, "bot.py", *words) as again:
                    await again.says("!find 마늘")
                assert replies(client, last) == ["Nothing of that kind today."]
                assert len(replies(client, asked)) == len(replies(client, later)) == 1
                assert len(client.posts("다른 방")["items"]) == 1


def replies(client: Client, post: str) -> list[str]:
    return [one["text"] for one in client.post_shown(post)["replies"]]


async def pay(buyer: Person, seller: Person, trade: str) -> None:
    """The buyer hears of an invoice, and accepts it; the seller hears of that."""
    await seller.hand_to(buyer)
    await buyer.trade.accept(bytes.fromhex(trade))
    await buyer.hand_to(seller)


async def test_the_till_makes_an_invoice_once_and_waits_for_its_payment_through_a_restart(
    tmp_path: Path,
) -> None:
    officer, seller, buyer = await town(tmp_path, "officer", "amina", "baraka")
    token = tmp_path / "till.token"

    token = tmp_path / "till.token"
    async with serving(seller.core) as house:
        port = house.port
        made = await house.do(lambda client: client.make_token("till", ("read", "trade"), 1))
        token.write_text(made["token"])
        await house.do(lambda client: client.put_contact(buyer.id.hex(), "바라카"))
        wishes = ["--address", f"http://127.0.0.1:{port}", "--token-file", str(token)]
        for name, amount, why in (("nobody", "1", "Nobody is"), ("바라카", "0.001", "no amount")):
            with program(tmp_path, "point_of_sale.py", name, amount, *wishes) as refused:
                assert await refused.ends() == 1
                assert why in refused.said
        words = ["바라카", "12.50", "--for", "김치", "--number", "17", *wishes]
        with program(tmp_path, "point_of_sale.py", *words, "--qr") as till:
            await till.says("▄")
            [trade] = await house.do(lambda client: list(client.trades()))
            assert (trade["amount"], trade["for"], trade["invoice"]) == (1_250, "김치", True)
            assert f"Invoice {trade['id'][:12]}" in till.said
    with ExitStack() as open_till:
        async with serving(seller.core, port) as house:
            till = open_till.enter_context(program(tmp_path, "point_of_sale.py", *words))
            await till.says("Invoice")  # of the same number
            assert len(await house.do(lambda client: list(client.trades()))) == 1
        await till.says("I wait for it")
        async with serving(seller.core, port):
            await pay(buyer, seller, trade["id"])
            assert await till.ends() == 0
    assert re.search(r"바라카: 12\.50 나눔\. Paid\.", till.said)
    for person in (officer, seller, buyer):
        person.close()


async def test_the_till_says_that_it_was_not_paid_or_never_will_be(tmp_path: Path) -> None:
    officer, seller, buyer = await town(tmp_path, "officer", "amina", "baraka")
    async with serving(seller.core) as house:
        token = tmp_path / "token"
        token.write_text(house.token)
        wishes = ["--address", f"http://127.0.0.1:{house.port}", "--token-file", str(token)]
        words = [buyer.id.hex()[:8], "1", "--number", "1", *wishes]
        with program(tmp_path, "point_of_sale.py", *words, "--minutes", "0") as till:
            assert await till.ends() == 1
            assert "Not paid yet; it still can be. Look with: wetalk trade show" in till.said
        with program(tmp_path, "point_of_sale.py", *words) as till:
            await till.says("Invoice")
            [trade] = await house.do(lambda client: list(client.trades()))
            await seller.hand_to(buyer)
            await buyer.trade.decline(bytes.fromhex(trade["id"]))
            await buyer.hand_to(seller)
            assert await till.ends() == 1
            assert "The buyer has said no." in till.said
    for person in (officer, seller, buyer):
        person.close()
