"""Targets: bytes of records, alone, in hints and fork proofs, and offered to a whole ledger.

The ledger's inputs are signed anew by whoever they name, as far as the vectors' keys are known, and
name each other by their new ids: so that what is wrong with them is found by judgement and fold,
not by the first hash.
"""

import re
from functools import cache
from typing import Any

import msgpack

from node.ledger import book
from node.ledger.fold import Fold
from node.protocol import admission, codec, crypto, forks, genesis, hints, note, office
from node.protocol.admission import Known, Missing, Refused
from node.protocol.errors import RemoteFault
from node.protocol.ports import ForkProof
from node.protocol.record import LANE_OF_KIND, RawRecord
from node.protocol.shapes import CommunityId
from node.protocol.state import DictState
from node.views.members import Rules
from tests.fuzz.mutate import unpacked
from tests.fuzz.target import NO_INPUT, OK, Target
from tests.vectors import load
from tests.vectors.bodies import EXAMPLES
from tests.vectors.record_cases import COMMUNITY, FIELDS, header_of
from tests.vectors.world import Keys

STEPS_MAX_COUNT = 4  # records of one input
KINDS = sorted(LANE_OF_KIND)
_BODY_SIZE, _BODY_HASH, _SIGNER = 9, 8, 3
Case = dict[str, Any]


# --- one record -----------------------------------------------------------------------------------
def record_of(case: Case) -> RawRecord:
    """A record of the vectors."""
    body = None if case["body"] is None else load.data(case["body"])
    return RawRecord(load.data(case["header"]), body, bytes.fromhex(case["signature"]))


def raw_of(found: Any) -> RawRecord | None:
    """[header, body or nil, signature], whatever is in them."""
    if not isinstance(found, list) or len(found) != 3:
        return None
    header, body, signature = found
    if not isinstance(header, bytes) or not isinstance(signature, bytes):
        return None
    return RawRecord(header, body, signature) if isinstance(body, bytes | None) else None


def _records() -> list[bytes]:
    return [msgpack.packb(list(record_of(case))) for case in load.cases("records")]


def _judge_record(data: bytes) -> str:
    raw = raw_of(unpacked(data))
    if raw is None:
        return NO_INPUT
    (found,) = admission.verify_chunk([raw], CommunityId(COMMUNITY))
    return str(found.code) if isinstance(found, Refused) else OK


def _bodies() -> list[bytes]:
    """[number of the kind, body]."""
    return [
        msgpack.packb([KINDS.index(case["kind"]), load.data(case["body"])])
        for case in load.cases("kinds")
        if case["expect"] == "ok"
    ]


def _judge_body(data: bytes) -> str:
    """A body in a header that fits it, so that its shape is what is judged."""
    found = unpacked(data)
    if not isinstance(found, list) or [type(part) for part in found] != [int, bytes]:
        return NO_INPUT
    kind, body = KINDS[found[0] % len(KINDS)], found[1]
    fields = header_of(kind, body)
    header = msgpack.packb([fields[field] for field in FIELDS])
    parsed = admission.parse(RawRecord(header, body, bytes(64)), CommunityId(COMMUNITY))
    return str(parsed.code) if isinstance(parsed, Refused) else OK


# --- a ledger -------------------------------------------------------------------------------------
@cache
def keys() -> dict[bytes, Keys]:
    """Keys of the vectors, by public key: all short texts of their modules may be names."""
    texts = {
        text
        for path in load.FOLDER.glob("*.py")
        for text in re.findall(r'"([^"\n{]{1,30})"', path.read_text(encoding="utf-8"))
    }
    found = [Keys(name) for text in texts for name in (text, f"{text} device")]
    return {key.public: key for key in found}


@cache
def _states() -> list[tuple[Rules, DictState, list[RawRecord]]]:
    """Moments of the histories: the state, and the records that come next."""
    found: list[tuple[Rules, DictState, list[RawRecord]]] = []
    for name in load.names():
        for case in load.cases(name) if name.startswith("history") else ():
            community, document = genesis.parse(bytes.fromhex(case["genesis"]))
            rules, state = Rules(community, document), DictState()
            steps = [record_of(step) for step in case["steps"]]
            for number, raw in enumerate(steps):
                if number % 3 == 0 and number:
                    found.append((rules, state.copy(), steps[number : number + STEPS_MAX_COUNT]))
                _offer(Fold(rules), state, raw)
    return found


def _ledger_inputs() -> list[bytes]:
    return [
        msgpack.packb([number, [[raw.header, raw.body, raw.signature] for raw in steps]])
        for number, (_, _, steps) in enumerate(_states())
    ]


def _judge_ledger(data: bytes) -> str:
    found = unpacked(data)
    if not isinstance(found, list) or len(found) != 2 or not isinstance(found[1], list):
        return NO_INPUT
    states = _states()
    rules, state, _ = states[found[0] % len(states) if isinstance(found[0], int) else 0]
    state, said = state.copy(), NO_INPUT
    renamed: dict[bytes, bytes] = {}
    for item in found[1][:STEPS_MAX_COUNT]:
        raw = raw_of(item)
        if raw is None:
            continue
        said = _offer(Fold(rules), state, signed(rules.community, raw, renamed))
        assert sum(amount for _, _, amount in book.balances(state)) == 0, "books do not add up"
    return said


def signed(community: bytes, raw: RawRecord, renamed: dict[bytes, bytes]) -> RawRecord:
    """The record with names of records before it, its body's hash, and its signature put right, as
    far as its signer's key is known. `renamed`: old ids to new ones; takes in this one's."""
    before = crypto.record_id(community, raw.header)
    header, body = raw.header, raw.body
    for old, new in renamed.items():
        header = header.replace(old, new)
        body = None if body is None else body.replace(old, new)
    fields = unpacked(header)
    if not isinstance(fields, list) or len(fields) != 10:
        return raw
    if body is not None:
        fields[_BODY_HASH], fields[_BODY_SIZE] = crypto.sha256(body), len(body)
        try:
            header = msgpack.packb(fields)
        except (ValueError, OverflowError, TypeError):
            return raw
    signer = keys().get(fields[_SIGNER]) if isinstance(fields[_SIGNER], bytes) else None
    if signer is None:
        return RawRecord(header, body, raw.signature)
    made = renamed[before] = crypto.record_id(community, header)
    return RawRecord(header, body, signer.secret.sign(crypto.record_message(made)).signature)


def _offer(fold: Fold, state: DictState, raw: RawRecord) -> str:
    """Take a record in as a node does; what becomes of it."""
    found = admission.verify_chunk([raw], fold.rules.community)[0]  # type: ignore[arg-type]
    judged = found if isinstance(found, Refused) else fold.judge(state, found)
    if isinstance(judged, Refused):
        return str(judged.code)
    if isinstance(judged, Missing):
        return "waits"
    assert not isinstance(found, Refused)
    if isinstance(judged, Known):
        if judged.fills:
            state.apply(None, fold.fill(state, found))
        return "known"
    changes = fold.apply(state, found)
    state.apply(found.raw, changes)
    assert changes.verdict is not None
    return OK if changes.verdict == "ok" else f"void {changes.verdict}"


# --- what carries records -------------------------------------------------------------------------
def _forks() -> list[bytes]:
    parts = ("header_a", "signature_a", "header_b", "signature_b")
    found = [[bytes.fromhex(case[part]) for part in parts] for case in load.cases("forks")]
    return [msgpack.packb(case) for case in found]


def _judge_fork(data: bytes) -> str:
    found = unpacked(data)
    if not isinstance(found, list) or [type(part) for part in found] != [bytes] * 4:
        return NO_INPUT
    try:
        forks.verify(ForkProof(*found), CommunityId(COMMUNITY))
    except RemoteFault as fault:
        return str(fault.code)
    return OK


def _hints() -> list[bytes]:
    raws = [record_of(case) for case in load.cases("records") if case["expect"] == "ok"]
    return [
        payload for n in range(0, len(raws), 5) for payload in hints.pack(raws[n : n + n % 9 + 1])
    ]


def _judge_hint(data: bytes) -> str:
    found = hints.unpack(data)
    if found is None:
        return "refused"
    admission.verify_chunk(found, CommunityId(COMMUNITY))
    return OK


def _documents() -> list[bytes]:
    cases = [case for case in load.cases("genesis") if case["expect"] == "ok"]
    return [load.data(case["bytes"]) for case in cases]


def _judge_document(data: bytes) -> str:
    try:
        community, document = genesis.parse(data)
    except RemoteFault as fault:
        return str(fault.code)
    assert genesis.parse(genesis.encode(document))[0] == community
    return OK


def _proposals() -> list[bytes]:
    acts = {
        kind: codec.decode(codec.encode(EXAMPLES[kind]), shape)
        for kind, shape in office.ACTS.items()
    }
    return [office.act_content(kind, act) for kind, act in acts.items()]


def _judge_proposal(data: bytes) -> str:
    return "refused" if office.proposed(data) is None else OK


def _notes() -> list[bytes]:
    return [load.data(case["bytes"]) for case in load.cases("notes") if case["expect"] == "ok"]


def _judge_note(data: bytes) -> str:
    try:
        found = note.decode(data)
    except RemoteFault as fault:
        return str(fault.code)
    admission.verify_chunk(found.records, CommunityId(found.community))
    return OK


TARGETS = (
    Target("record", _records, _judge_record, 10, wrapped=True),
    Target("body", _bodies, _judge_body, 12, wrapped=True),
    Target("ledger", _ledger_inputs, _judge_ledger, 8, wrapped=True),
    Target("fork", _forks, _judge_fork, wrapped=True),
    Target("proposal", _proposals, _judge_proposal),
    Target("hint", _hints, _judge_hint),
    Target("genesis", _documents, _judge_document),
    Target("note", _notes, _judge_note, 4),
)
