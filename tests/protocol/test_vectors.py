"""The published vectors, run against this node: every file, every case, both ways."""

import random
from typing import Any

import pytest

from node.ledger import close, root
from node.ledger.fold import Fold
from node.ledger.positions import POSITION
from node.protocol import (
    admission,
    codec,
    crypto,
    forks,
    genesis,
    note,
    parts,
    portable,
    statements,
)
from node.protocol.admission import Known, Missing, Refused
from node.protocol.errors import Reject, RemoteFault, Void
from node.protocol.ports import ForkProof
from node.protocol.record import KINDS, LANE_OF_KIND, RawRecord, Record, parse
from node.protocol.state import DictState
from node.views.members import Rules
from tests.protocol import second_close
from tests.vectors import generate, load
from tests.vectors.history import History
from tests.vectors.record_cases import COMMUNITY, FIELDS, header_of
from tests.vectors.world import Community

Case = dict[str, Any]
HISTORIES = [
    case for name in load.names() if name.startswith("history") for case in load.cases(name)
]


def name_of(case: Case) -> str:
    return str(case["name"]).replace(" ", "-")


def outcome(function: Any, *arguments: Any) -> tuple[str, Any]:
    """`ok` and the result, or `reject CODE`."""
    try:
        return "ok", function(*arguments)
    except RemoteFault as fault:
        return f"reject {fault.code}", None


def raw_of(case: Case) -> RawRecord:
    body = None if case["body"] is None else load.data(case["body"])
    return RawRecord(load.data(case["header"]), body, bytes.fromhex(case["signature"]))


def test_the_files_are_what_the_generator_writes() -> None:
    assert [path.name for path, _ in generate.differing()] == []


def test_every_code_of_a_refusal_or_a_void_has_a_vector() -> None:
    said = {case["code"] for name in load.names() for case in load.cases(name) if "code" in case}
    for history in HISTORIES:
        said |= {step["code"] for step in history["steps"] if "code" in step}
    assert {str(code) for code in (*Reject, *Void)} - said == set()


@pytest.mark.parametrize("case", load.cases("codec"), ids=name_of)
def test_codec(case: Case) -> None:
    bytes_ = load.data(case["bytes"])
    got, value = outcome(codec.decode_any, bytes_)
    assert got == load.expectation(case)
    if got == "ok":
        assert codec.encode(value) == bytes_
    if "value" in case:
        assert value == untagged(case["value"])


def untagged(value: Any) -> Any:
    """A value from its JSON form."""
    if isinstance(value, dict):
        if "bin" in value:
            return bytes.fromhex(value["bin"])
        return {key: untagged(item) for key, item in value["map"]}
    return [untagged(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", load.cases("genesis"), ids=name_of)
def test_genesis(case: Case) -> None:
    got, found = outcome(genesis.parse, load.data(case["bytes"]))
    assert got == load.expectation(case)
    if found is not None:
        assert found[0].hex() == case["id"]


@pytest.mark.parametrize("case", load.cases("hashes"), ids=name_of)
def test_hashes(case: Case) -> None:
    assert crypto.sha256(*(bytes.fromhex(part) for part in case["parts"])).hex() == case["hash"]


@pytest.mark.parametrize("case", load.cases("signatures"), ids=name_of)
def test_signatures(case: Case) -> None:
    key, message, signature = (
        bytes.fromhex(case[name]) for name in ("public_key", "message", "signature")
    )
    assert crypto.verify(key, message, signature) is (case["expect"] == "valid")


def test_kinds() -> None:
    wrong: list[str] = []
    for case in load.cases("kinds"):
        kind, body = case["kind"], load.data(case["body"])
        fields = header_of(kind, body)
        header = codec.encode([fields[field] for field in FIELDS])
        got, _ = outcome(parse, RawRecord(header, body, bytes(64)), COMMUNITY)
        if got != load.expectation(case):
            wrong.append(f"{kind}, {case['name']}: {got}")
    assert wrong == []


def test_every_kind_has_a_vector() -> None:
    said = {case["kind"] for case in load.cases("kinds")}
    assert said == {kind for kinds in KINDS.values() for kind in kinds} == set(LANE_OF_KIND)


@pytest.mark.parametrize("case", load.cases("records"), ids=name_of)
def test_records(case: Case) -> None:
    community = bytes.fromhex(case["community"])
    found = admission.verify_chunk([raw_of(case)], community)[0]  # type: ignore[arg-type]
    got = f"reject {found.code}" if isinstance(found, Refused) else "ok"
    assert got == load.expectation(case)
    if isinstance(found, Record):
        assert found.id.hex() == case["id"]


@pytest.mark.parametrize("case", load.cases("forks"), ids=name_of)
def test_fork_proofs(case: Case) -> None:
    parts = ("header_a", "signature_a", "header_b", "signature_b")
    proof = ForkProof(*(bytes.fromhex(case[part]) for part in parts))
    got, fork = outcome(forks.verify, proof, bytes.fromhex(case["community"]))
    assert got == load.expectation(case)
    if fork is not None:
        assert fork.lane_key.hex() == case["lane"]
        assert fork.seq == case["seq"]
        assert [record.hex() for record in fork.ids] == case["ids"]


@pytest.mark.parametrize("case", load.cases("invitations"), ids=name_of)
def test_invitations(case: Case) -> None:
    got, found = outcome(portable.decode_invitation, load.text(case["link"]))
    assert got == load.expectation(case)
    if found is not None:
        code = None if found.code is None else found.code.hex()
        said = (found.addresses, found.chapter, code, found.genesis.hex())
        assert said == (case["addresses"], case["chapter"], case["one_time_code"], case["genesis"])


@pytest.mark.parametrize("case", load.cases("exports"), ids=name_of)
def test_exports(case: Case) -> None:
    line, head = load.text(case["line"]), case["part"] == "head"
    got, found = outcome(portable.decode_head if head else portable.decode_line, line)
    if head and got == "ok":
        got, document = outcome(portable.decode_genesis, line)
        assert (document and document.hex()) == case.get("genesis")
    assert got == load.expectation(case)
    if isinstance(found, RawRecord):
        body = None if found.body is None else found.body.hex()
        said = (found.header.hex(), body, found.signature.hex())
        assert said == (case["header"], case["body"], case["signature"])
    elif got == "ok":
        assert (None if found is None else found.hex()) == case["community"]


@pytest.mark.parametrize("case", load.cases("receipts"), ids=name_of)
def test_receipts(case: Case) -> None:
    packed = "bytes" in case
    written = bytes.fromhex(case["bytes"]) if packed else load.text(case["text"])
    got, found = outcome(portable.decode_receipt, written)
    assert got == load.expectation(case)
    if found is not None:
        assert not packed or portable.pack_receipt(found) == written
        order = found.order
        opened = order and {"salt": order.salt.hex(), "order": order.order.hex()}
        said = (found.genesis.hex(), found.trade.hex(), len(found.records), opened)
        assert said == (case["genesis"], case["trade"], case["records"], case["order"])


@pytest.mark.parametrize("case", load.cases("close_proofs"), ids=name_of)
def test_close_proofs(case: Case) -> None:
    got, found = outcome(portable.decode_close_proof, load.text(case["text"]))
    assert got == load.expectation(case)
    if found is not None:
        named = (found.genesis.hex(), found.close.hex(), found.member.hex())
        assert named == (case["genesis"], case["close"], case["member"])
        assert (len(found.records), found.balance) == (case["records"], case["balance"])
        assert list(found.path) == path_of(case["path"])


def totals_of(case: Case) -> close.Totals:
    sums = (case["count"], case["negative"], case["positive"])
    return close.Totals(*sums, bytes.fromhex(case["root"]))


def path_of(packed: list[Any]) -> list[close.Branch]:
    hexed = [[bytes.fromhex(v) if isinstance(v, str) else v for v in step] for step in packed]
    return [close.Branch(*step) for step in hexed]


@pytest.mark.parametrize("case", load.cases("close"), ids=name_of)
def test_closes(case: Case) -> None:
    community, totals = bytes.fromhex(case["community"]), totals_of(case)
    if case["part"] == "path":
        member, path = bytes.fromhex(case["member"]), path_of(case["path"])
        assert not close.leads_to(community, member, case["balance"], path, totals)
        return
    leaves = [(bytes.fromhex(member), balance) for member, balance in case["leaves"]]
    assert close.Tree(community, leaves).totals == totals
    assert second_close.totals(community, leaves) == totals
    for (member, balance), packed in zip(leaves, case["paths"], strict=True):
        path = path_of(packed)
        assert close.leads_to(community, member, balance, path, totals)
        assert second_close.path(community, leaves, member) == [list(step) for step in path]


@pytest.mark.parametrize("case", load.cases("statements"), ids=name_of)
def test_statements(case: Case) -> None:
    got, found = outcome(statements.decode, case["text"])
    assert got == load.expectation(case)
    if found is not None:
        assert statements.flaw_of(found) == case["flaw"]
        assert codec.encode(found.statement).hex() == case["signed"]


@pytest.mark.parametrize("case", load.cases("parts"), ids=name_of)
def test_parts(case: Case) -> None:
    joiner = parts.Joiner()
    *before, last = (load.text(text) for text in case["texts"])
    for text in before:
        joiner.add(text)
        assert joiner.result() is None
    got, _ = outcome(joiner.add, last)
    if got == "ok":
        got, found = outcome(joiner.result)
    assert got == load.expectation(case)
    if got == "ok":
        assert found == (case["kind"], bytes.fromhex(case["bytes"]))


@pytest.mark.parametrize("case", load.cases("pointers"), ids=name_of)
def test_pointers(case: Case) -> None:
    got, found = outcome(parts.read_pointer, case["text"])
    assert got == load.expectation(case)
    if found is not None:
        ids = (found.community.hex(), found.trade.hex(), found.commit.hex())
        assert ids == (case["community"], case["trade"], case["commit"])
        assert parts.point(found) == case["text"].strip()


@pytest.mark.parametrize("case", load.cases("notes"), ids=name_of)
def test_notes(case: Case) -> None:
    got, found = outcome(note.decode, load.data(case["bytes"]))
    assert got == load.expectation(case)
    if found is not None:
        said = {
            "community": found.community.hex(),
            "have": b"".join(found.have).hex(),
            "lacking": [one.hex() for one in found.lacking],
            "orders": [[one.order.hex(), one.salt.hex()] for one in found.orders],
            "seen": found.seen,
            "sender": found.sender.hex(),
            "trades": [trade.hex() for trade in found.trades],
        }
        assert said == case["note"]
        bodies = [None if raw.body is None else raw.body.hex() for raw in found.records]
        assert case["records"] == [
            [raw.header.hex(), body, raw.signature.hex()]
            for raw, body in zip(found.records, bodies, strict=True)
        ]


def replay(case: Case, order: list[Case]) -> tuple[DictState, Rules, list[str]]:
    """Offer records in an order; what waits is offered again after each that was held."""
    community, document = genesis.parse(bytes.fromhex(case["genesis"]))
    rules, state, said = Rules(community, document), DictState(), list[str]()
    fold = Fold(rules)
    for step in order:
        said.append(offer(fold, state, raw_of(step)))
    return state, rules, said


def offer(fold: Fold, state: DictState, raw: RawRecord) -> str:
    """Offer one record; what becomes of it."""
    found = admission.verify_chunk([raw], fold.rules.community)[0]  # type: ignore[arg-type]
    judgement = found if isinstance(found, Refused) else fold.judge(state, found)
    if isinstance(judgement, Refused):
        return f"reject {judgement.code}"
    if isinstance(judgement, Missing):
        return "defer"
    assert isinstance(found, Record)
    if isinstance(judgement, Known):
        if judgement.fills:
            state.apply(None, fold.fill(state, found))
        return "fills" if judgement.fills else "known"
    changes = fold.apply(state, found)
    state.apply(found.raw, changes)
    return "ok" if changes.verdict == "ok" else f"void {changes.verdict}"


@pytest.mark.parametrize("case", HISTORIES, ids=name_of)
def test_histories(case: Case) -> None:
    state, rules, said = replay(case, case["steps"])
    wanted = [load.expectation(step) for step in case["steps"]]
    names = [step["name"] for step in case["steps"]]
    assert list(zip(names, said, strict=True)) == list(zip(names, wanted, strict=True))
    for step in case["steps"]:
        position = POSITION.get(state, bytes.fromhex(step["id"]))
        if "in" in step:
            assert position is not None
            assert (position.incoming, position.outgoing) == (step["in"], step["out"])
    found = History(case["name"], Community(rules.genesis), state, case["steps"]).case()
    assert found["end"] == case["end"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", HISTORIES, ids=name_of)
def test_the_order_of_arrival_changes_no_root(case: Case, seed: int) -> None:
    steps = list(case["steps"])
    random.Random(seed).shuffle(steps)
    waiting, state = steps, DictState()
    community, document = genesis.parse(bytes.fromhex(case["genesis"]))
    fold = Fold(Rules(community, document))
    for _ in range(len(steps)):
        waiting = [step for step in waiting if offer(fold, state, raw_of(step)) == "defer"]
    assert root.state_root(state, fold.rules).hex() == case["end"]["state_root"]
