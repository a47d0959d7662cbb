"""Nothing gets in that should not: other hosts, other pages, odd methods, no token, odd bodies."""

import itertools
import json
import socket
from pathlib import Path

import pytest
import trio

from node.api.security import body_max_bytes
from node.client import ApiProblem
from node.protocol import limits
from tests.api.house import Headers, House, make_home, running, serving
from tests.support.homes import Clock, genesis_for, move_in

HOSTS = ["{own}", "localhost:{port}", "127.0.0.1", "evil.example:{port}", "{own}.evil.example", ""]
ORIGINS = [
    None,
    "http://{own}",
    "http://evil.example",
    "null",
    "https://{own}",
    "http://127.0.0.1:1",
]
METHODS = ["POST", "GET", "PUT", "PATCH", "OPTIONS", "TRACE", "DELETE"]
TYPES = ["application/json", "text/plain", "application/x-www-form-urlencoded", None]
TOKENS = ["Bearer {token}", None, "Bearer ", "Bearer {wrong}", "Basic {token}", "{token}"]
PATHS = ["/v1/posts", "/v1/../v1/posts", "/v1%2fposts", "/v1/posts/", "//v1/posts"]
BODY = json.dumps({"room": "hall", "text": "in"}).encode()

Combination = tuple[str, str | None, str, str | None, str | None, str]
HONEST: Combination = (HOSTS[0], ORIGINS[0], METHODS[0], TYPES[0], TOKENS[0], PATHS[0])
FINE = [
    {"{own}", "localhost:{port}"},
    {None, "http://{own}"},
    {"POST"},
    {"application/json"},
    {"Bearer {token}"},
    {"/v1/posts"},
]


def hostile() -> list[Combination]:
    """At least 200 combinations, each wrong in one place or in several."""
    everything = itertools.product(HOSTS, ORIGINS, METHODS, TYPES, TOKENS, PATHS)
    wrong = [
        one
        for one in everything
        if any(part not in fine for part, fine in zip(one, FINE, strict=True))
    ]
    single = [
        (*HONEST[:place], part, *HONEST[place + 1 :])
        for place, parts in enumerate((HOSTS, ORIGINS, METHODS, TYPES, TOKENS, PATHS))
        for part in parts
        if part not in FINE[place]
    ]
    return single + wrong[:: len(wrong) // 200]  # type: ignore[return-value]


def filled(house: House, combination: Combination) -> Headers:
    host, origin, _, kind, token, _ = combination
    values = {
        "own": f"127.0.0.1:{house.port}",
        "port": house.port,
        "token": house.token,
        "wrong": "x" * 43,
    }
    headers = [("Host", host), ("Origin", origin), ("Content-Type", kind), ("Authorization", token)]
    written = [(name, value.format(**values)) for name, value in headers if value is not None]
    return [*written, ("Content-Length", str(len(BODY)))]


async def test_two_hundred_hostile_combinations_fail_and_change_nothing(house: House) -> None:
    combinations = hostile()
    assert len(combinations) >= 200
    before = await house.do(lambda client: client.status()["heads"])
    for combination in combinations:
        answer = await house.ask(combination[2], combination[5], filled(house, combination), BODY)
        assert answer.status in (401, 403, 404, 405, 413, 415, 422, 400), combination
        assert not any(name.startswith("access-control") for name in answer.headers), combination
        assert "set-cookie" not in answer.headers
    assert await house.do(lambda client: client.status()["heads"]) == before


@pytest.mark.parametrize("host", ["{own}", "localhost:{port}"])
@pytest.mark.parametrize("origin", [None, "http://{own}"])
async def test_the_honest_combinations_succeed(house: House, host: str, origin: str | None) -> None:
    combination = (host, origin, *HONEST[2:])
    answer = await house.ask("POST", "/v1/posts", filled(house, combination), BODY)
    assert answer.status == 201, answer.body


async def test_answers_forbid_framing_sniffing_and_foreign_content(house: House) -> None:
    for path in ("/v1/identity", "/v1/nothing", "/"):
        headers = (await house.ask("GET", path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "*" not in policy
    assert (await house.ask("GET", "/v1/identity")).headers["cache-control"] == "no-store"


async def test_what_the_browser_calls_cross_site_is_refused(house: House) -> None:
    for site, status in (
        ("same-origin", 200),
        ("none", 200),
        ("cross-site", 403),
        ("same-site", 403),
    ):
        headers = [*house.honest(), ("Sec-Fetch-Site", site)]
        assert (await house.ask("GET", "/v1/identity", headers)).status == status


async def test_no_preflight_is_answered_not_for_a_private_network_either(house: House) -> None:
    asked = [
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization, content-type"),
        ("Access-Control-Request-Private-Network", "true"),
        ("Access-Control-Request-Local-Network", "true"),
    ]
    for origin in ("https://evil.example", f"http://127.0.0.1:{house.port}"):
        for path in ("/v1/posts", "/v1/identity", "/"):
            headers = [("Host", f"127.0.0.1:{house.port}"), ("Origin", origin), *asked]
            answer = await house.ask("OPTIONS", path, headers)
            assert answer.status in (403, 405)
            assert not any(name.startswith("access-control") for name in answer.headers)


async def test_a_second_host_or_token_header_is_refused(house: House) -> None:
    for name, value in (("Host", "evil.example"), ("Authorization", "Bearer x"), ("Origin", "a")):
        headers = [*house.honest(), (name, value), (name, value)]
        answer = await house.ask("GET", "/v1/identity", headers)
        assert answer.status in (400, 403, 422)


async def test_a_body_is_bounded_by_its_header_and_by_count(house: House) -> None:
    most = body_max_bytes({"path": "/v1/posts"})
    told = [*house.honest(), ("Content-Type", "application/json")]
    answer = await house.ask("POST", "/v1/posts", [*told, ("Content-Length", str(most + 1))], b"{}")
    assert answer.status == 413
    chunk = b"%x\r\n" % (most // 2) + b" " * (most // 2) + b"\r\n"
    chunked = [*told, ("Transfer-Encoding", "chunked")]
    answer = await house.ask("POST", "/v1/posts", chunked, chunk * 4 + b"0\r\n\r\n")
    assert answer.status == 413
    assert answer.json["code"] == "request-too-large"


@pytest.mark.parametrize(
    "request_text",
    [
        "GET /v1/identity HTTP/1.1\r\n\r\n",
        "GET /v1/identity HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n",
        "GET http://evil.example/v1/identity HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /v1/identity HTTP/1.1\r\nHost: {own}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /v1/identity HTTP/1.1\r\nHost: {own}\r\nContent-Length: 5\r\n"
        "Transfer-Encoding: chunked\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET /v1/identity HTTP/1.1\r\nHost: {own}\r\nX: " + "a" * 40_000 + "\r\n\r\n",
    ],
)
async def test_malformed_requests_are_refused_and_the_node_lives(
    house: House, request_text: str
) -> None:
    sent = request_text.format(own=f"127.0.0.1:{house.port}", token=house.token).encode()

    def send() -> bytes:
        with socket.create_connection(("127.0.0.1", house.port), timeout=10) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            found = b""
            try:
                while piece := connection.recv(65_536):
                    found += piece
            except ConnectionError:
                pass
            return found

    found = await trio.to_thread.run_sync(send)
    assert not found.startswith(b"HTTP/1.1 2")
    assert b"device" not in found
    assert (await house.ask()).status == 200


async def test_text_that_is_no_json_is_refused_with_a_sentence(house: House) -> None:
    for body in (b"{", b"\xff\xfe", b"[]", b"null", b'{"room": 1, "text": "x"}', b"[" * 100_000):
        answer = await house.ask("POST", "/v1/posts", None, body)
        assert answer.status == 422, body[:20]
        assert answer.json["code"] == "request-invalid"


async def test_unknown_fields_are_refused_and_what_was_sent_is_not_repeated(house: House) -> None:
    secret = "abandon ability able about"
    body = json.dumps({"words": {"all": secret}, "more": secret}).encode()
    answer = await house.ask("POST", "/v1/identity/confirm", None, body)
    assert answer.status == 422
    assert secret.encode() not in answer.body


async def test_the_owners_token_is_for_the_owner_alone_and_outlives_the_node(
    tmp_path: Path,
) -> None:
    home = make_home(tmp_path)
    async with running(home) as house:
        assert home.token.stat().st_mode & 0o777 == 0o600
        token = house.token
        assert len(token) >= limits.TOKEN_SECRET_BYTES
    home.token.chmod(0o600)
    async with running(home) as house:
        assert house.token == token
    home.token.chmod(0o644)  # somebody may have read it
    async with running(home) as house:
        assert house.token != token
        assert home.token.stat().st_mode & 0o777 == 0o600
        stolen = [("Host", f"127.0.0.1:{house.port}"), ("Authorization", f"Bearer {token}")]
        assert (await house.ask("GET", "/v1/identity", stolen)).status == 401


async def test_a_client_may_do_what_its_token_says_until_it_is_taken_back(house: House) -> None:
    made = await house.do(lambda client: client.make_token("kiosk", ("read",), 1))
    kiosk = house.client(token=made["token"])
    assert (await trio.to_thread.run_sync(kiosk.identity))["member"]
    with pytest.raises(ApiProblem) as caught:
        await trio.to_thread.run_sync(kiosk.say, "hall", "hello")
    assert (caught.value.status, caught.value.code) == (403, "scope-missing")
    with pytest.raises(ApiProblem) as caught:
        await trio.to_thread.run_sync(kiosk.tokens)
    assert caught.value.code == "scope-missing"
    listed = await house.do(lambda client: client.tokens())
    assert [(one["name"], one["scopes"]) for one in listed] == [("kiosk", ["read"])]
    assert made["token"] not in json.dumps(listed)
    await house.do(lambda client: client.remove_token(made["id"]))
    with pytest.raises(ApiProblem) as caught:
        await trio.to_thread.run_sync(kiosk.identity)
    assert caught.value.status == 401


async def test_no_token_gives_more_than_it_has(house: House) -> None:
    made = await house.do(lambda client: client.make_token("manager", ("admin", "read")))
    manager = house.client(token=made["token"])
    with pytest.raises(ApiProblem) as caught:
        await trio.to_thread.run_sync(manager.make_token, "friend", ("trade",))
    assert caught.value.code == "scope-missing"
    await trio.to_thread.run_sync(manager.make_token, "friend", ("read",))


async def test_an_expired_token_is_none(tmp_path: Path) -> None:
    clock = Clock()
    person = move_in(tmp_path, "amina", genesis_for("amina"), clock)
    async with serving(person.core) as house:
        made = await house.do(lambda client: client.make_token("day", ("read",), 1))
        day = house.client(token=made["token"])
        assert (await trio.to_thread.run_sync(day.contacts)) == []
        clock.now += 24 * 3_600_000
        with pytest.raises(ApiProblem) as caught:
            await trio.to_thread.run_sync(day.contacts)
        assert caught.value.code == "unauthorised"
    person.close()


async def test_a_client_that_leaves_leaves_nothing_behind(house: House) -> None:
    """More connections than there is room for, one after the other, none of them waited for."""
    body = json.dumps({"member": "ab" * 32, "name": "이모"}).encode()
    with trio.fail_after(limits.API_IDLE_MAX_S - 5):
        for _ in range(2 * limits.API_CONNECTIONS_MAX_COUNT):
            assert (await house.ask("POST", "/v1/contacts", None, body)).status == 200
