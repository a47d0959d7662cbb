"""The document suffices: a reader written from docs/protocol.md alone agrees with every vector."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.protocol import second_files, second_reader, second_root
from tests.protocol.second_reader import Chains, Read, Refused
from tests.reference_checker import Checker
from tests.reference_judge import Judge
from tests.vectors import load

Case = dict[str, Any]
HISTORIES = [
    case for name in load.names() if name.startswith("history") for case in load.cases(name)
]


def name_of(case: Case) -> str:
    return str(case["name"]).replace(" ", "-")


def said(function: Callable[..., Any], *arguments: Any) -> tuple[str, Any]:
    """`ok` and the result, or `reject CODE`."""
    try:
        return "ok", function(*arguments)
    except Refused as fault:
        return f"reject {fault}", None


def parts_of(case: Case) -> tuple[bytes, bytes | None, bytes]:
    body = None if case["body"] is None else load.data(case["body"])
    return load.data(case["header"]), body, bytes.fromhex(case["signature"])


def test_the_reader_imports_nothing_of_the_node() -> None:
    for source in (second_reader.__file__, second_files.__file__):
        with open(source, encoding="utf-8") as file:  # noqa: PTH123
            text = file.read()
        assert "import node" not in text
        assert "from node" not in text
        assert "from tests" not in text.replace("from tests.protocol.second_", "")


def test_the_document_has_a_table_for_every_kind() -> None:
    assert all(second_reader.TABLES.values())
    assert set(second_reader.LANE_OF) == {case["kind"] for case in load.cases("kinds")}


@pytest.mark.parametrize("case", load.cases("codec"), ids=name_of)
def test_codec(case: Case) -> None:
    data = load.data(case["bytes"])
    got, value = said(second_reader.unpack, data)
    assert got == load.expectation(case)
    if got == "ok":
        assert second_reader.pack(value) == data


@pytest.mark.parametrize("case", load.cases("genesis"), ids=name_of)
def test_genesis(case: Case) -> None:
    got, found = said(second_reader.read_genesis, load.data(case["bytes"]))
    assert got == load.expectation(case)
    if found is not None:
        assert found[0].hex() == case["id"]


def test_hashes() -> None:
    for case in load.cases("hashes"):
        word, *parts = (bytes.fromhex(part) for part in case["parts"])
        name = word.decode().removeprefix("wetalk/1 ").removesuffix("\0")
        assert second_reader.sha(name, *parts).hex() == case["hash"]


def test_signatures() -> None:
    for case in load.cases("signatures"):
        key, message, signature = (
            bytes.fromhex(case[name]) for name in ("public_key", "message", "signature")
        )
        fits = second_reader.is_signed(key, message, signature)
        assert fits is (case["expect"] == "valid"), case["name"]


def test_kinds() -> None:
    wrong: list[str] = []
    for case in load.cases("kinds"):
        got, value = said(second_reader.unpack, load.data(case["body"]))
        if got == "ok":
            is_map = isinstance(value, dict)
            fits = is_map and second_reader.is_body(case["kind"], value)
            got = "ok" if fits else "reject shape"
        if got != load.expectation(case):
            wrong.append(f"{case['kind']}, {case['name']}: {got}")
    assert wrong == []


@pytest.mark.parametrize("case", load.cases("records"), ids=name_of)
def test_records(case: Case) -> None:
    got, found = said(Read, bytes.fromhex(case["community"]), *parts_of(case))
    assert got == load.expectation(case)
    if found is not None:
        assert found.id.hex() == case["id"]


def test_fork_proofs() -> None:
    for case in load.cases("forks"):
        names = ("community", "header_a", "signature_a", "header_b", "signature_b")
        got, found = said(second_reader.read_fork, *(bytes.fromhex(case[name]) for name in names))
        assert got == load.expectation(case), case["name"]
        if found is not None:
            lane, seq, ids = found
            found = (lane.hex(), seq, [record.hex() for record in ids])
            assert found == (case["lane"], case["seq"], case["ids"])


def test_invitations() -> None:
    for case in load.cases("invitations"):
        got, found = said(second_files.read_invitation, load.text(case["link"]))
        assert got == load.expectation(case), case["name"]
        if found is not None:
            code = None if found["code"] is None else found["code"].hex()
            wanted = (case["addresses"], case["chapter"], case["one_time_code"], case["genesis"])
            assert (found["addresses"], found["chapter"], code, found["genesis"].hex()) == wanted


def test_export_lines() -> None:
    for case in load.cases("exports"):
        head = case["part"] == "head"
        reader = second_files.read_head if head else second_files.read_line
        got, found = said(reader, load.text(case["line"]))
        assert got == load.expectation(case), case["name"]
        if found is None:
            continue
        if head:
            assert (found[0] and found[0].hex()) == case["community"]
        else:
            header, body, signature = found
            found = (header.hex(), None if body is None else body.hex(), signature.hex())
            assert found == (case["header"], case["body"], case["signature"])


def test_receipts() -> None:
    for case in load.cases("receipts"):
        if "bytes" in case:
            got, found = said(second_files.read_packed_receipt, bytes.fromhex(case["bytes"]))
        else:
            got, found = said(second_files.read_receipt, load.text(case["text"]))
        assert got == load.expectation(case), case["name"]
        if found is None:
            continue
        assert (found["genesis"].hex(), found["trade"].hex()) == (case["genesis"], case["trade"])
        order = found["order"] and {name: part.hex() for name, part in found["order"].items()}
        assert order == case["order"]
        community, _ = second_reader.read_genesis(found["genesis"])
        records = [Read(community, *parts) for parts in found["records"]]
        chains = Chains()
        assert {chains.offer(record) for record in records} == {"held"}
        propose = chains.held[found["trade"]]
        if order is not None:
            opened = second_reader.sha("order", found["order"]["salt"], found["order"]["order"])
            assert propose.body["order_hash"] == opened


def test_statements() -> None:
    for case in load.cases("statements"):
        got, found = said(second_files.read_statement, case["text"])
        assert got == load.expectation(case), case["name"]
        if found is not None:
            assert second_files.flaw(found) == case["flaw"], case["name"]
            assert second_reader.pack(found["statement"]).hex() == case["signed"]


def test_parts() -> None:
    for case in load.cases("parts"):
        got, found = said(second_files.read_parts, [load.text(text) for text in case["texts"]])
        assert got == load.expectation(case), case["name"]
        if found is not None:
            assert found == (case["kind"], bytes.fromhex(case["bytes"]))


def test_pointers() -> None:
    for case in load.cases("pointers"):
        got, found = said(second_files.read_pointer, case["text"])
        assert got == load.expectation(case), case["name"]
        if found is not None:
            wanted = [case[name] for name in ("community", "trade", "commit")]
            assert [one.hex() for one in found] == wanted


def test_notes() -> None:
    for case in load.cases("notes"):
        got, found = said(second_files.read_note, load.data(case["bytes"]))
        assert got == load.expectation(case), case["name"]
        if found is not None:
            note, records = found
            assert [_hex(list(raw)) for raw in records] == case["records"]
            said_of = {name: _hex(note[name]) for name in case["note"]}
            assert said_of == case["note"]


def _hex(value: Any) -> Any:
    """Bytes as the vectors write them, also inside lists."""
    if isinstance(value, list):
        return [_hex(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value


@pytest.mark.parametrize("case", HISTORIES, ids=name_of)
def test_records_of_histories(case: Case) -> None:
    """Stages one to three: all but the cuts of rule 21, which only the verdicts' reader knows."""
    community, _ = second_reader.read_genesis(bytes.fromhex(case["genesis"]))
    chains = Chains()
    for step in case["steps"]:
        wanted = load.expectation(step)
        got, record = said(Read, community, *parts_of(step))
        if record is not None:
            assert record.id.hex() == step["id"]
            got = "held" if wanted == "reject revoked" else chains.offer(record)
        assert got == ("held" if step["expect"] in ("ok", "void") else wanted).replace(
            "reject revoked", "held"
        ), step["name"]


@pytest.mark.parametrize("case", HISTORIES, ids=name_of)
def test_verdicts_and_balances_of_histories(case: Case) -> None:
    """The reference checker, which shares no code with the node, finds what the vectors declare."""
    raws = [parts_of(step) for step in case["steps"] if step["expect"] in ("ok", "void", "fills")]
    checker = Checker(Judge(bytes.fromhex(case["genesis"])), raws)
    verdicts = checker.verdicts()
    for step in case["steps"]:
        record = bytes.fromhex(step["id"])
        if step["expect"] in ("ok", "void") and record in verdicts:
            assert verdicts[record] == step.get("code", "ok"), step["name"]
    end = case["end"]
    book = {key: amount for key, amount in checker.book().items() if amount}
    assert book == {(c, bytes.fromhex(m)): amount for c, m, amount in end["balances"]}
    for trade in end["trades"]:
        found = bytes.fromhex(trade["trade"])
        assert checker.status(found) == trade["status"]
        if trade["status"] in ("settled", "secured"):
            assert checker.contested(found) == trade["contested"]
    assert {bytes.fromhex(key): text for key, text in end["posts"]} == checker.posts()
    shown = {bytes.fromhex(key): bytes.fromhex(newest) for key, newest in end["listings"]}
    assert shown == checker.listings()
    found_digests = {
        name: second_root.digest(rows).hex() for name, rows in second_root.sections(checker, "")
    }
    assert found_digests == end["sections"]
    community, _ = second_reader.read_genesis(bytes.fromhex(case["genesis"]))
    assert second_root.root(checker, community, "").hex() == end["state_root"]
    for chapter, wanted in end["state_root_of_chapter"].items():
        assert second_root.root(checker, community, chapter).hex() == wanted
