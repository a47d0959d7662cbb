"""Requests are counted: generously for the owner, by client for others, strictly before a token."""

from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from node.api import rates as module
from node.api.rates import Rate, Rates
from node.client import ApiProblem
from node.protocol import limits
from node.protocol.errors import LocalFault
from tests.api.house import House, serving
from tests.support.homes import Clock, genesis_for, move_in


class Wall:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def is_let_in(rates: Rates, rate: Rate) -> bool:
    try:
        rates.take(rate, b"one")
    except LocalFault as fault:
        return int(fault.values["seconds"]) < 1  # type: ignore[call-overload]
    return True


@given(
    st.lists(st.floats(0, 5, allow_nan=False), min_size=1, max_size=200),
    st.integers(1, 20),
    st.sampled_from([0.1, 1.0, 7.0]),
)
def test_no_client_gets_more_than_its_burst_and_its_rate(
    pauses: list[float], burst: int, per_s: float
) -> None:
    wall, let_in = Wall(), 0
    rates = Rates(wall)
    for pause in pauses:
        wall.now += pause
        let_in += is_let_in(rates, Rate(per_s, burst))
    assert let_in <= burst + wall.now * per_s + 1e-6


def test_who_waits_as_long_as_told_is_let_in() -> None:
    wall = Wall()
    rates, rate = Rates(wall), Rate(0.3, 2)
    for _ in range(2):
        rates.take(rate, b"one")
    with pytest.raises(LocalFault) as caught:
        rates.take(rate, b"one")
    rates.take(rate, b"another")
    wall.now += float(caught.value.values["seconds"])  # type: ignore[arg-type]
    rates.take(rate, b"one")


def test_what_is_remembered_of_clients_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RATES_KEPT_MAX_COUNT", 10)
    wall = Wall()
    rates, rate = Rates(wall), Rate(1, 3)
    for number in range(100):
        wall.now += 0.01
        rates.take(rate, b"%d" % number)
        assert len(rates._buckets) <= 10
    wall.now += 60  # all are full again
    rates.take(rate, b"new")
    assert len(rates._buckets) == 1


@pytest.fixture
async def strict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """A house where a client may ask three times, and come five times without a token."""
    monkeypatch.setattr("node.api.security.CLIENT", Rate(0.01, 3))
    monkeypatch.setattr("node.api.security.FAILED", Rate(0.01, 5))
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    async with serving(person.core) as house:
        yield house
    person.close()


async def test_a_client_that_asks_too_much_is_told_for_how_long_to_wait(strict: House) -> None:
    made = await strict.do(lambda client: client.make_token("loop", ("read",)))
    headers = [("Host", f"127.0.0.1:{strict.port}"), ("Authorization", f"Bearer {made['token']}")]
    statuses = [(await strict.ask("GET", "/v1/identity", headers)).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    answer = await strict.ask("GET", "/v1/identity", headers)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["code"] == "too-many-requests"
    assert int(answer.headers["retry-after"]) == answer.json["values"]["seconds"] > 0
    other = await strict.do(lambda client: client.make_token("calm", ("read",)))
    calm = strict.client(token=other["token"])
    assert (await trio.to_thread.run_sync(calm.identity))["member"]


async def test_wrong_tokens_are_counted_and_lock_nobody_else_out(strict: House) -> None:
    wrong = [("Host", f"127.0.0.1:{strict.port}"), ("Authorization", "Bearer " + "x" * 43)]
    statuses = [(await strict.ask("GET", "/v1/identity", wrong)).status for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    for _ in range(20):  # the owner, from the same address
        assert (await strict.ask()).status == 200
    made = await strict.do(lambda client: client.make_token("kiosk", ("read",)))
    assert await trio.to_thread.run_sync(strict.client(token=made["token"]).identity)


async def test_the_client_raises_the_refusal_with_its_seconds(strict: House) -> None:
    made = await strict.do(lambda client: client.make_token("loop", ("read",)))
    client = strict.client(token=made["token"])
    for _ in range(3):
        await trio.to_thread.run_sync(client.identity)
    with pytest.raises(ApiProblem) as caught:
        await trio.to_thread.run_sync(client.identity)
    assert (caught.value.status, caught.value.code) == (429, "too-many-requests")


def test_the_owner_may_ask_more_than_a_node_can_answer() -> None:
    assert module.OWNER.per_s > 2_000
    assert module.OWNER.burst > 5 * module.CLIENT.burst
