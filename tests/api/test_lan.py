"""The home network: closed unless opened, TLS only, one address, and a token for each phone."""

import http.client
import json
import re
import socket
import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio

from node.api import certificate
from node.api.rates import Rate
from node.client import ApiProblem
from node.commands import root
from node.protocol import limits
from node.protocol.errors import LocalFault
from node.runtime import lan as runtime_lan
from node.storage.home import Home
from tests.api.house import Answer, Headers, House, make_home, running, serving, until
from tests.support.homes import Clock, genesis_for, move_in

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ADDRESS = "127.0.0.1"  # stands for an address of the home network


@dataclass
class Phone:
    """A browser on the home network, which does not know the certificate."""

    port: int

    def ask(
        self, method: str, path: str, headers: Headers | None = None, body: Any = None
    ) -> Answer:
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(ADDRESS, self.port, timeout=20, context=trusting)
        try:
            data = None if body is None else json.dumps(body).encode()
            sent = dict(headers or [])
            if data is not None:
                sent["Content-Type"] = "application/json"
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    async def does(self, method: str, path: str, token: str | None = None, **more: Any) -> Answer:
        headers = list(more.pop("headers", []))
        if token is not None:
            headers.append(("Authorization", f"Bearer {token}"))
        return await trio.to_thread.run_sync(
            lambda: self.ask(method, path, headers, more.get("body")), abandon_on_cancel=True
        )

    def certificate_seen(self) -> bytes:
        """The certificate that a browser would show."""
        pem = ssl.get_server_certificate((ADDRESS, self.port), timeout=20)
        return ssl.PEM_cert_to_DER_cert(pem)


def port_of(url: str | None) -> int:
    found = re.fullmatch(r"https://127\.0\.0\.1:(\d+)/", url or "")
    assert found is not None, url
    return int(found[1])


async def opened(house: House) -> Phone:
    found = await house.do(lambda client: client.open_lan(ADDRESS, 0))
    assert found["state"] == "on", found
    return Phone(port_of(found["url"]))


@pytest.fixture
async def open_house(tmp_path: Path) -> AsyncGenerator[tuple[House, Phone]]:
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    async with serving(person.core) as house:
        yield house, await opened(house)
    person.close()


async def code_for(house: House, name: str = "phone", scopes: tuple[str, ...] = ("read",)) -> Any:
    return await house.do(lambda client: client.open_pairing(name, scopes, 30))


async def test_it_is_closed_unless_opened(house: House) -> None:
    found = await house.do(lambda client: client.lan())
    assert (found["on"], found["state"], found["url"]) == (False, "off", None)
    assert not house.home.certificate.exists()
    with pytest.raises(ApiProblem) as caught:
        await code_for(house)
    assert caught.value.code == "lan-off"


async def test_a_phone_is_let_in_once_by_its_code_with_the_rights_that_were_chosen(
    open_house: tuple[House, Phone],
) -> None:
    house, phone = open_house
    made = await code_for(house, "큰딸 전화기", ("read", "talk"))
    assert made["link"] == f"https://{ADDRESS}:{phone.port}/#pair={made['code']}"
    assert re.fullmatch("[2-9A-HJ-NP-Z]{12}", made["code"])
    assert made["qr"]["path"].startswith("M")
    typed = {"code": f" {made['code'][:6].lower()}-{made['code'][6:]}"}
    answer = await phone.does("POST", "/v1/lan/pair", body=typed)
    assert answer.status == 201, answer.body
    paired = answer.json
    assert (paired["name"], paired["scopes"]) == ("큰딸 전화기", ["read", "talk"])
    assert (await phone.does("GET", "/v1/identity", paired["token"])).status == 200
    assert (await phone.does("GET", "/v1/tokens", paired["token"])).status == 403
    named = {"member": "ab" * 32, "name": "이모"}
    assert (await phone.does("POST", "/v1/contacts", paired["token"], body=named)).status == 200
    again = await phone.does("POST", "/v1/lan/pair", body=typed)
    assert (again.status, again.json["code"]) == (403, "pairing-wrong")
    told = (await house.do(lambda client: client.lan()))["pairings"]
    assert [(one["pairing"], one["token"]) for one in told] == [(made["pairing"], paired["id"])]
    listed = await house.do(lambda client: client.tokens())
    assert [one["name"] for one in listed] == ["큰딸 전화기"]
    await house.do(lambda client: client.remove_token(paired["id"]))
    assert (await phone.does("GET", "/v1/identity", paired["token"])).status == 401


async def test_the_certificate_is_the_one_that_is_told_for_comparison(
    open_house: tuple[House, Phone],
) -> None:
    house, phone = open_house
    told = (await house.do(lambda client: client.lan()))["certificate"]
    seen = await trio.to_thread.run_sync(phone.certificate_seen)
    assert certificate.Certificate.of(seen, NOW).fingerprint == told["fingerprint"]
    assert certificate.Certificate.of(seen, NOW).digits == told["digits"]
    made = await code_for(house)
    assert made["certificate"] == told
    answer = await phone.does("POST", "/v1/lan/pair", body={"code": made["code"]})
    assert answer.json["certificate"] == told
    assert house.home.certificate.stat().st_mode & 0o777 == 0o600


async def test_without_tls_nothing_is_answered(open_house: tuple[House, Phone]) -> None:
    _, phone = open_house

    def plain() -> bytes:
        with socket.create_connection((ADDRESS, phone.port), timeout=20) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            found = b""
            try:
                while piece := connection.recv(4_096):
                    found += piece
            except ConnectionError:
                pass
            return found

    found = await trio.to_thread.run_sync(plain)
    assert b"HTTP/" not in found
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1

    def handshake() -> None:
        with socket.create_connection((ADDRESS, phone.port), timeout=20) as connection:
            old.wrap_socket(connection).close()

    with pytest.raises((ssl.SSLError, ConnectionError)):
        await trio.to_thread.run_sync(handshake)
    assert (await phone.does("GET", "/")).status == 200


async def test_the_owners_token_opens_nothing_from_the_network(
    open_house: tuple[House, Phone],
) -> None:
    house, phone = open_house
    answer = await phone.does("GET", "/v1/identity", house.token)
    assert (answer.status, answer.json["code"]) == (401, "unauthorised")
    assert (await house.ask()).status == 200


async def test_each_door_answers_to_its_own_names_alone(open_house: tuple[House, Phone]) -> None:
    house, phone = open_house
    own = f"{ADDRESS}:{phone.port}"
    wrong = [f"localhost:{phone.port}", f"{ADDRESS}:{house.port}", "evil.example", ADDRESS]
    for host in wrong:
        answer = await phone.does("GET", "/", headers=[("Host", host)])
        assert (answer.status, answer.json["code"]) == (403, "host-refused"), host
    for origin in (f"http://{own}", f"https://localhost:{phone.port}", "https://evil.example"):
        answer = await phone.does("GET", "/", headers=[("Origin", origin)])
        assert (answer.status, answer.json["code"]) == (403, "origin-refused"), origin
    assert (await phone.does("GET", "/", headers=[("Origin", f"https://{own}")])).status == 200
    assert (await house.ask("GET", "/", [("Host", own)])).status == 403


async def test_codes_are_guessed_neither_quickly_nor_long(
    open_house: tuple[House, Phone], monkeypatch: pytest.MonkeyPatch
) -> None:
    house, phone = open_house
    monkeypatch.setattr("node.api.pairing.PAIRING", Rate(0.001, 3))
    made = await code_for(house)
    for guess in ("222222222222", "", "x" * 65):
        answer = await phone.does("POST", "/v1/lan/pair", body={"code": guess})
        assert answer.status in (403, 422)
    statuses = [
        (await phone.does("POST", "/v1/lan/pair", body={"code": code})).status
        for code in ("333333333333", "444444444444", made["code"])
    ]
    assert statuses == [403, 403, 429]  # the right one too: it was asked too often


async def test_a_code_ends_with_its_time_or_when_the_owner_says(
    open_house: tuple[House, Phone],
) -> None:
    house, phone = open_house
    clock = house.api.core.clock  # type: ignore[union-attr]
    late, taken_back = await code_for(house), await code_for(house)
    clock.now += limits.PAIRING_LIFE_MINUTES * 60_000  # type: ignore[attr-defined]
    assert (await phone.does("POST", "/v1/lan/pair", body={"code": late["code"]})).status == 403
    assert (await house.do(lambda client: client.lan()))["pairings"] == []
    taken_back = await code_for(house)
    await house.do(lambda client: client.close_pairings())
    answer = await phone.does("POST", "/v1/lan/pair", body={"code": taken_back["code"]})
    assert answer.status == 403


async def test_codes_that_nobody_uses_are_few_and_give_no_more_than_their_maker_has(
    open_house: tuple[House, Phone],
) -> None:
    house, _ = open_house
    for _ in range(limits.PAIRINGS_MAX_COUNT):
        await code_for(house)
    with pytest.raises(ApiProblem) as caught:
        await code_for(house)
    assert caught.value.code == "pairings-many"
    made = await house.do(lambda client: client.make_token("manager", ("admin",)))
    manager = house.client(token=made["token"])
    with pytest.raises(ApiProblem) as caught:
        await trio.to_thread.run_sync(manager.open_pairing, "phone", ("trade",), 1)
    assert caught.value.code == "scope-missing"


async def test_closing_ends_what_is_open_and_a_restart_remembers(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    async with running(home) as house:
        phone = await opened(house)
        made = await code_for(house)
        token = (await phone.does("POST", "/v1/lan/pair", body={"code": made["code"]})).json
        seen = await trio.to_thread.run_sync(phone.certificate_seen)
    async with running(home) as house:
        found = await house.do(lambda client: client.lan())
        assert (found["on"], found["state"]) == (True, "on")
        phone = Phone(port_of(found["url"]))
        assert await trio.to_thread.run_sync(phone.certificate_seen) == seen
        assert (await phone.does("GET", "/v1/identity", token["token"])).status == 200
        found = await house.do(lambda client: client.close_lan())
        assert (found["on"], found["state"], found["url"]) == (False, "off", None)
        with pytest.raises(ConnectionError):
            await phone.does("GET", "/")
    async with running(home) as house:
        assert (await house.do(lambda client: client.lan()))["on"] is False


@pytest.mark.parametrize("address", ["0.0.0.0", "8.8.8.8", "10.99.99.99", "::1", "home", ""])
async def test_only_an_own_address_of_a_home_network_is_opened(house: House, address: str) -> None:
    with pytest.raises(ApiProblem) as caught:
        await house.do(lambda client: client.open_lan(address, 0))
    assert (caught.value.status, caught.value.code) == (422, "lan-address")
    assert (await house.do(lambda client: client.lan()))["on"] is False


async def test_what_fails_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LAN_LOOK_S", 0.02)
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    with socket.create_server((ADDRESS, 0)) as other:
        port = other.getsockname()[1]
        async with serving(person.core) as house:
            found = await house.do(lambda client: client.open_lan(ADDRESS, port))
            assert (found["on"], found["state"], found["url"]) == (True, "failed", None)
            assert str(port) in found["text"]
            other.close()
            api = house.api
            assert api is not None
            await until(lambda: api.live.lan().state == "on")
    person.close()


async def test_another_address_of_this_computer_is_moved_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the home's router gives it one."""
    monkeypatch.setattr(limits, "LAN_LOOK_S", 0.02)
    given = ["127.0.0.2"]
    monkeypatch.setattr(runtime_lan, "address_of_system", lambda: given[0])
    person = move_in(tmp_path, "amina", genesis_for("amina"), Clock())
    async with serving(person.core) as house:
        found = await house.do(lambda client: client.open_lan(None, 0))
        assert found["url"].startswith("https://127.0.0.2:")
        given[0] = "127.0.0.3"
        api = house.api
        assert api is not None
        await until(lambda: (api.live.lan().url or "").startswith("https://127.0.0.3:"))
    person.close()


def test_a_certificate_is_kept_until_its_time_or_its_address_is_over(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = certificate.ready(home, "192.168.0.5", NOW)
    assert certificate.ready(home, "192.168.0.5", NOW + timedelta(days=300)) == first
    key = home.certificate.read_bytes().partition(b"-----END PRIVATE KEY-----")[0]
    moved = certificate.ready(home, "192.168.0.6", NOW)
    assert moved.fingerprint != first.fingerprint
    assert certificate.ready(home, "192.168.0.5", NOW) == moved  # it names both
    renewed = certificate.ready(home, "192.168.0.6", NOW + timedelta(days=380))
    assert renewed.fingerprint != moved.fingerprint
    assert home.certificate.read_bytes().startswith(key)
    home.certificate.chmod(0o644)  # somebody may have read it
    replaced = certificate.ready(home, "192.168.0.6", NOW + timedelta(days=380))
    assert replaced.fingerprint != renewed.fingerprint
    assert not home.certificate.read_bytes().startswith(key)
    home.certificate.write_bytes(b"-----BEGIN nonsense")
    assert certificate.ready(home, "192.168.0.6", NOW).until > NOW
    assert home.certificate.stat().st_mode & 0o777 == 0o600


def test_a_certificate_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalFault) as caught:
        certificate.context(Home(tmp_path))
    assert caught.value.code == "lan-certificate"


async def test_the_commands_open_pair_and_close(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(make_home(tmp_path)) as house:

        async def says(*words: str, language: str = "en") -> str:
            chosen = ["--home", str(house.home.path), "--language", language, "lan", *words]
            assert await trio.to_thread.run_sync(root.run, chosen) == 0
            return capsys.readouterr().out

        assert "closed" in await says()
        on = await says("on", "--address", ADDRESS, "--port", "0")
        told = await house.do(lambda client: client.lan())
        assert told["url"] in on
        assert told["certificate"]["fingerprint"].split(":")[-1] in on
        shown = await says("pair", "my-phone")
        assert "█" in shown or "▄" in shown
        code = re.search(r"type the code ([2-9A-Z]{12})", shown)
        assert code is not None
        phone = Phone(port_of(told["url"]))
        paired = await phone.does("POST", "/v1/lan/pair", body={"code": code[1]})
        assert paired.json["scopes"] == ["read", "talk", "trade"]
        assert paired.json["text"] == "앞으로 180일 동안 쓸 수 있어요"  # the member's language
        assert told["certificate"]["digits"] in await says(language="ko")
        assert "closed" in await says("off")
