"""Refusals are problem documents: a stable code, and one sentence in the language asked for."""

import ast
import json

import pytest
import trio

from node.api import problems
from node.client import ApiProblem
from node.i18n import LANGUAGES, catalogue
from node.ledger.alerts import MOVES
from node.protocol.errors import LocalFault, Reject, RemoteFault, StorageFault, Void
from tests.api.house import House, until
from tests.tidy import parse, python_files

FAULTS = ("LocalFault", "StorageFault", "RemoteFault", "WalletError")


def raised_codes() -> set[str]:
    """Every code that our code raises by a literal."""
    found: set[str] = set()
    for path in python_files():
        if path.parts[0] != "node":
            continue
        for call in ast.walk(parse(path)):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.args:
                first = call.args[0]
                if call.func.id in FAULTS and isinstance(first, ast.Constant):
                    found.add(str(first.value))
    return found


def test_every_code_that_is_raised_or_has_a_status_has_its_sentence() -> None:
    codes = raised_codes()
    assert len(codes) > 50
    known = set(problems.STATUS) & codes | {"unauthorised", "busy", "unexpected"}
    lacking = {code for code in codes | known if f"problem.{code}" not in catalogue("en")}
    assert lacking == set()


def test_statuses_follow_whose_fault_it_is() -> None:
    assert problems.status_of(LocalFault("not-echoed")) == 409
    assert problems.status_of(LocalFault("trade-unknown")) == 404
    assert problems.status_of(RemoteFault(Reject.SHAPE)) == 422
    assert problems.status_of(StorageFault("storage-busy")) == 503
    assert problems.status_of(StorageFault("disk-full")) == 507
    assert problems.status_of(LocalFault(Void.OVER_LIMIT)) == 409
    assert MOVES


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_problem_is_told_in_the_language_asked_for(house: House, language: str) -> None:
    headers = [*house.honest(), ("Accept-Language", f"fr, {language};q=0.9")]
    answer = await house.ask("GET", f"/v1/trades/{'0' * 64}", headers)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == language
    told = answer.json
    assert told["status"] == answer.status == 404
    assert told["code"] == "trade-unknown"
    assert told["type"] == "urn:wetalk:problem:trade-unknown"
    assert told["detail"] == catalogue(language)["problem.trade-unknown"]  # type: ignore[arg-type]
    assert told["title"] == catalogue(language)["problem_title.not_found"]  # type: ignore[arg-type]


async def test_without_a_language_the_members_own_is_used(house: House) -> None:
    answer = await house.ask("GET", "/v1/nothing")
    assert answer.headers["content-language"] == "ko"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_without_a_sentence_gets_the_general_one(language: str) -> None:
    told = problems.document(LocalFault("never-heard-of", secret="x"), language)
    assert "never-heard-of" in told["detail"]
    assert told["status"] == 409


async def test_gate_router_validation_and_services_answer_alike(house: House) -> None:
    asked = [
        ("GET", "/v1/identity", [("Host", f"127.0.0.1:{house.port}")], None, 401, "unauthorised"),
        ("GET", "/v1/nothing", None, None, 404, "not-found"),
        ("DELETE", "/v1/identity", None, None, 405, "method-not-allowed"),
        ("GET", "/v1/trades?limit=0", None, None, 422, "request-invalid"),
        ("GET", "/v1/members/xyz", None, None, 422, "request-invalid"),
        ("GET", "/v1/posts?room=x&cursor=made-up", None, None, 422, "cursor-invalid"),
        ("POST", "/v1/posts", None, b'{"room": "x"}', 422, "request-invalid"),
        ("POST", "/v1/posts", None, b'{"room": "x", "text": ""}', 422, "text-empty"),
        ("GET", f"/v1/listings/{'0' * 64}", None, None, 404, "not-found"),
        ("POST", "/v1/identity/confirm", None, b'{"words": "one two"}', 422, "phrase-count"),
        ("POST", "/v1/peers", None, b'{"address": "nowhere"}', 409, "network-off"),
    ]
    for method, path, headers, body, status, code in asked:
        answer = await house.ask(method, path, headers, body)
        told = answer.json
        assert (answer.status, told["code"]) == (status, code), (path, told)
        assert set(told) == {"type", "title", "status", "code", "detail", "values"}
        assert "Traceback" not in told["detail"]
        assert ".py" not in answer.body.decode()
    assert (await house.ask("DELETE", "/v1/identity")).headers["allow"] == "GET"
    refused = await house.ask("GET", "/v1/identity", [("Host", f"127.0.0.1:{house.port}")])
    assert refused.headers["www-authenticate"].startswith("Bearer")


async def test_a_mistake_of_ours_is_logged_and_told_without_a_trace(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.api.status.status", lambda *_: 1 // 0)
    answer = await house.ask("GET", "/v1/status")
    assert (answer.status, answer.json["code"]) == (500, "unexpected")
    assert b"ZeroDivision" not in answer.body
    await until(lambda: "ZeroDivisionError" in caplog.text)  # written after the answer
    assert (await house.ask()).status == 200


async def test_values_stand_beside_the_sentence(house: House) -> None:
    def ask(client: object) -> None:
        client.make_token("x", ("read",), 99_999)  # type: ignore[attr-defined]

    with pytest.raises(ApiProblem) as caught:
        await house.do(ask)
    assert caught.value.status == 422
    body = json.dumps({"name": "x" * 2, "note": "", "member": "ab" * 32}).encode()
    await house.ask("POST", "/v1/contacts", None, body)
    with pytest.raises(ApiProblem) as caught:
        await trio.to_thread.run_sync(house.client("zh").remove_contact, "cd" * 32)
    assert caught.value.values == {"what": "cdcdcdcd"}
    assert "cdcdcdcd" in caught.value.detail


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("method", "path", "body", "misfit", "field"),
    [
        ("POST", "/v1/posts", {"room": "", "text": "x"}, "empty", "room"),
        ("POST", "/v1/posts", {"room": "x", "text": "x" * 20_000}, "long", "text"),
        ("POST", "/v1/posts", {"room": "x"}, "missing", "text"),
        ("POST", "/v1/posts", {"room": 1, "text": "x"}, "no_text", "room"),
        ("POST", "/v1/posts", {"room": "x", "text": "x", "hue": "x"}, "extra", "hue"),
        ("PUT", "/v1/profile", {"name": ""}, "empty", "name"),
        ("GET", "/v1/members?state=bogus", None, "one_of", "state"),
        ("GET", "/v1/statements?month=abc", None, "month", "month"),
        ("GET", "/v1/trades?limit=0", None, "least", "limit"),
        ("GET", "/v1/trades?limit=1000000", None, "most", "limit"),
        ("GET", "/v1/trades?limit=x", None, "no_number", "limit"),
        ("GET", "/v1/members/xyz", None, "form", "member"),
        ("POST", "/v1/posts", [], "form", ""),
    ],
)
async def test_what_does_not_fit_is_told_in_plain_words(
    house: House, language: str, method: str, path: str, body: object, misfit: str, field: str
) -> None:
    sent = None if body is None else json.dumps(body).encode()
    headers = [*house.honest(sent), ("Accept-Language", language)]
    answer = await house.ask(method, path, headers, sent)
    assert (answer.status, answer.json["code"]) == (422, "request-invalid")
    values = answer.json["values"]
    assert (values["misfit"], values["field"]) == (misfit, field)
    words = catalogue(language)  # type: ignore[arg-type]
    told = answer.json["detail"]
    assert words.get(f"field.{field or 'all'}", field) in told or misfit == "month"
    for rest in (values.get("choices", ""), "hue"):
        told = told.replace(rest, "")
    assert language == "en" or not any(letter.isascii() and letter.isalpha() for letter in told)


async def test_every_field_that_is_asked_for_has_a_name(house: House) -> None:
    answer = await house.ask("GET", "/openapi.json")
    document = answer.json
    fields = {
        name
        for shape, found in document["components"]["schemas"].items()
        if shape.endswith(("In", "Change"))
        for name in found["properties"]
    }
    operations = [item for path in document["paths"].values() for item in path.values()]
    fields |= {
        given["name"]
        for operation in operations
        for given in operation.get("parameters", [])
        if given["in"] != "header"
    }
    assert len(fields) > 30
    assert {name for name in fields if f"field.{name}" not in catalogue("en")} == set()
