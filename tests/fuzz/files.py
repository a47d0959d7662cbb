"""Targets: what people hand to one another as files, links and codes.

Statements and receipts are also read to the end, with every signature and every record in them; the
statements signed anew where their signer's key is one of the vectors'.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import msgpack
from msgspec import structs

from node.ledger import close
from node.ledger.close import Totals
from node.protocol import crypto, portable, statements
from node.protocol import parts as codes
from node.protocol.errors import LocalFault, RemoteFault
from node.protocol.limits import PARTS_DATA_MAX_BYTES
from node.protocol.office import ChapterClose
from node.protocol.portable import Branch, CloseProof, OpenOrder, Receipt
from node.protocol.record import RawRecord
from node.services.books.close_check import verify_close_proof
from node.services.books.receipt_check import verify_receipt
from node.services.chapters import founding
from node.services.homes.transfers import read_transfers
from tests.fuzz.mutate import unpacked
from tests.fuzz.records import keys, raw_of, signed
from tests.fuzz.target import NO_INPUT, OK, Target, scratch
from tests.vectors import load
from tests.vectors.world import Member, approve, fill, one_chapter

PART_CHARACTERS = 300
RECORDS_MAX_COUNT = 60
PLANS = (
    """name = "민들레 마을"
languages = ["ko", "zh", "en"]
unit = "HOUR"
decimals = 2

[[chapter]]
name = "Seoul"
officers = ["me", "{a}"]
k = 2
witnesses = ["me", "{b}", "{c}"]
q = 2
default_limit = 100
limit_max = "1000.50"
treasury = "me"
""",
    """# the smallest
name = "A"
languages = ["en"]
unit = "h"
chapter = [{ name = "B", officers = ["me"] }, { name = 'C', officers = ["{a}"], k = 0x1 }]
""",
    'name = "x"\nlanguages = ["en"]\nunit = "h"\n[[chapter]]\nname = "B"\nofficers = ["me"]\n'
    "default_limit = 1_0\nlimit_max = 0b1111111\nq = 0\nwitnesses = []\n",
)


# --- receipts, statements, proofs -----------------------------------------------------------------
def _receipts() -> list[bytes]:
    cases = [case for case in load.cases("receipts") if case["expect"] == "ok"]
    return [
        bytes.fromhex(case["bytes"]) if "bytes" in case else load.text(case["text"]).encode()
        for case in cases
    ]


def _judge_receipt(data: bytes) -> str:
    try:
        portable.decode_receipt(data)
    except RemoteFault as fault:
        verify_receipt(data)
        return str(fault.code)
    report = verify_receipt(data)
    return OK if report.ok else report.checks[-1].key


def _statements() -> list[bytes]:
    return [case["text"].encode() for case in load.cases("statements") if case["expect"] == "ok"]


def _judge_statement(data: bytes) -> str:
    try:
        found = statements.decode(data)
    except RemoteFault as fault:
        return str(fault.code)
    flaw, signer = statements.flaw_of(found), keys().get(found.statement.signer)
    if flaw is statements.Flaw.SIGNATURE and signer is not None:
        community = crypto.community_id(found.genesis)
        text = crypto.WORD_STATEMENT + statements.message(community, found.statement)
        flaw = statements.flaw_of(replace(found, signature=signer.secret.sign(text).signature))
    return OK if flaw is None else f"flaw {flaw}"


def _proofs() -> list[bytes]:
    cases = [case for case in load.cases("close_proofs") if case["expect"] == "ok"]
    found = [load.text(case["text"]) for case in cases]
    for document, records, act, member, balance, path in map(unpacked, _closes()[:3]):
        raws = tuple(RawRecord(*raw) for raw in records)
        branches = tuple(Branch(*step) for step in path)
        proof = CloseProof(document, raws, act, member, balance, branches)
        found.append(portable.encode_close_proof(proof))
    return [text.encode() for text in found]


def _judge_proof(data: bytes) -> str:
    try:
        found = portable.decode_close_proof(data)
    except RemoteFault as fault:
        assert not verify_close_proof(data).ok
        return str(fault.code)
    report = verify_close_proof(data)
    totals = Totals(len(found.path) + 1, 0, 0, found.close)
    close.leads_to(fill("community"), found.member, found.balance, found.path, totals)
    return OK if report.ok else report.checks[-1].key


def _signed_receipts() -> list[bytes]:
    """[genesis, records, trade, order or nil], to be signed."""
    found = [portable.decode_receipt(data) for data in _receipts()]
    return [
        msgpack.packb(
            [one.genesis, [list(raw) for raw in one.records], one.trade,
             one.order and [one.order.salt, one.order.order]]
        )
        for one in found
    ]  # fmt: skip


def _judge_signed_receipt(data: bytes) -> str:
    """A receipt whose records are signed by whom they name, whatever they say."""
    found = unpacked(data)
    if not isinstance(found, list) or [type(part) for part in found[:3]] != [bytes, list, bytes]:
        return NO_INPUT
    document, trade = found[0], found[2]
    order = None
    if isinstance(found[-1], list) and [type(part) for part in found[-1]] == [bytes, bytes]:
        order = OpenOrder(*found[-1])
    raws, renamed = _resigned(document, found[1])
    receipt = Receipt(document, raws, renamed.get(trade, trade), order)
    report = verify_receipt(portable.encode_receipt(receipt))
    return OK if report.ok else report.checks[-1].key


def _resigned(
    document: bytes, items: list[Any]
) -> tuple[tuple[RawRecord, ...], dict[bytes, bytes]]:
    renamed: dict[bytes, bytes] = {}
    raws = [raw for raw in map(raw_of, items[:RECORDS_MAX_COUNT]) if raw is not None]
    community = crypto.community_id(document)
    return tuple(signed(community, raw, renamed) for raw in raws), renamed


@cache
def _closes() -> list[bytes]:
    """[genesis, records, close, member, balance, path] of a month that two officers closed."""
    community = one_chapter("Closed", ["anna", "bora"], k=2)
    anna, bora = (Member.create(community, name) for name in ("anna", "bora"))
    opened = [anna.start("office"), bora.start("office")]
    leaves = sorted((fill(f"member {n}"), n * 50 - 150) for n in range(7))
    tree = close.Tree(community.id, leaves)
    count, negative, positive, root = tree.totals
    act = ChapterClose(
        approvals=[], chapter="Seoul", count=count, list=community.id, negative=negative,
        period=202_611, positive=positive, root=root, state=fill("state"), supersedes=[],
    )  # fmt: skip
    approval = approve(bora, "chapter.close", act)
    body = structs.replace(act, approvals=[approval.id])
    made = [anna.first[1], bora.first[1], *opened, approval]
    made.append(anna.pen("office").write("chapter.close", body))
    records = [list(one.raw) for one in made]
    return [
        msgpack.packb([community.data, records, made[-1].id, *leaf, [list(b) for b in path]])
        for leaf in leaves
        if (path := tree.path(leaf[0])) is not None
    ]


def _judge_close(data: bytes) -> str:
    """A proof whose records are signed by whom they name, whatever they say."""
    match unpacked(data):
        case [
            bytes() as document,
            list() as items,
            bytes() as act,
            bytes() as member,
            int() as balance,
            list() as path,
        ]:
            raws, renamed = _resigned(document, items)
        case _:
            return NO_INPUT
    try:
        branches = tuple(Branch(*map(_typed, (0, b"", b"", 0, 0, b""), step)) for step in path)
        proof = CloseProof(document, raws, renamed.get(act, act), member, balance, branches)
        text = portable.encode_close_proof(proof)
    except TypeError:
        return NO_INPUT
    report = verify_close_proof(text)
    return OK if report.ok else report.checks[-1].key


def _typed(example: Any, value: Any) -> Any:
    if type(value) is not type(example):
        raise TypeError("no step of a path")
    return value


# --- lines, links, codes --------------------------------------------------------------------------
def _lines() -> list[bytes]:
    cases = [case for case in load.cases("exports") if case["expect"] == "ok"]
    return [load.text(case["line"]).encode() for case in cases]


def _judge_line(data: bytes) -> str:
    said: list[str] = []
    for read in (portable.decode_head, portable.decode_genesis, portable.decode_line):
        try:
            read(data)
        except RemoteFault as fault:
            said.append(str(fault.code))
    return OK if len(said) < 3 else said[-1]


def _links() -> list[bytes]:
    cases = [case for case in load.cases("invitations") if case["expect"] == "ok"]
    return [load.text(case["link"]).encode() for case in cases]


def _judge_link(data: bytes) -> str:
    """The link, and its content put back into a link after base64 was broken."""
    try:
        portable.decode_invitation(data.decode("utf-8", "replace"))
    except RemoteFault as fault:
        return str(fault.code)
    return OK


def _invitations() -> list[bytes]:
    start = len(portable.LINK_PREFIX)
    return [portable.decode64(link.decode().strip()[start:]) for link in _links()]


def _judge_invitation(data: bytes) -> str:
    return _judge_link(portable.LINK_PREFIX.encode() + portable.encode64(data).encode())


def _codes() -> list[bytes]:
    cases = [case for case in load.cases("parts") if case["expect"] == "ok"]
    found = ["\n".join(load.text(text) for text in case["texts"]) for case in cases]
    found += ["\n".join(codes.split(bytes(range(256)) * 3, "note", PART_CHARACTERS))]
    found += [case["text"] for case in load.cases("pointers") if case["expect"] == "ok"]
    return [text.encode() for text in found]


def _judge_codes(data: bytes) -> str:
    """Lines as a scanner gives them, each part with a check of its own that is put right."""
    joiner, said = codes.Joiner(), NO_INPUT
    for line in data.decode("utf-8", "replace").split("\n"):
        try:
            if codes.is_pointer(line):
                codes.read_pointer(line)
            else:
                joiner.add(line)
            said = OK
        except RemoteFault as fault:
            said = str(fault.code)
    return _result(joiner) or said


def _packed() -> list[bytes]:
    long = b"A word or two, and another. " * 40
    return [codes._pack(data) for data in (b"", b"rice", long, bytes(5_000))]


def _judge_packed(data: bytes) -> str:
    """What the parts of a set join to, with marks and checks that fit it."""
    count = 1 + len(data) // 97
    if count > 99:
        return NO_INPUT
    mark, joiner = codes._mark("note", count, data), codes.Joiner()
    for number in range(1, count + 1):
        head = codes._head("note", number, count, mark)
        joiner.add(codes._text(head, data[slice(*codes._cut(len(data), number, count))]))
    return _result(joiner) or NO_INPUT


def _result(joiner: codes.Joiner) -> str | None:
    try:
        found = joiner.result()
    except RemoteFault as fault:
        return str(fault.code)
    if found is None:
        return None
    assert len(found[1]) <= PARTS_DATA_MAX_BYTES
    return OK


# --- plans ----------------------------------------------------------------------------------------
@cache
def _plans() -> list[bytes]:
    ids = {f"{{{name}}}": fill(f"plan {name}").hex() for name in "abc"}
    found: list[bytes] = []
    for plan in PLANS:
        for name, value in ids.items():
            plan = plan.replace(name, value)
        found.append(plan.encode())
    return found


def _judge_plan(data: bytes) -> str:
    try:
        plan = founding.read_plan(data.decode("utf-8", "replace"))
        plan.document(fill("founder"), fill("relay"))
    except LocalFault as fault:
        return str(fault.code)
    assert all(chapter.limit_max >= chapter.default_limit for chapter in plan.chapters)
    return OK


# --- tables of another book -----------------------------------------------------------------------
def _tables() -> list[bytes]:
    last = "9999-12-31T23:59:59-14:00,a,b,1,STANDARD\n"
    rows = "2026-01-02T03:04:05Z,a,b,12.50\n2026-01-02,b,c,1e3\n,c,a,-1\n"
    return [
        f"time,source,target,amount\n{rows}".encode(),
        f"\ufeffTime,Source,Target,Amount,type\n{rows}{last}".encode(),
        b'time,source,target,amount,type\r\n2026,"a ""b""",c,"1",DISBURSEMENT\r\n',
    ]


def _judge_table(data: bytes) -> str:
    try:
        found = list(read_transfers(scratch("table", data), 2))
    except LocalFault as fault:
        return str(fault.code)
    return OK if found and not any(one.fault for one in found) else "rows refused"


TARGETS = (
    Target("receipt", _receipts, _judge_receipt, 4),
    Target("statement", _statements, _judge_statement, 4),
    Target("close-proof", _proofs, _judge_proof, 4),
    Target("signed-receipt", _signed_receipts, _judge_signed_receipt, 4, wrapped=True),
    Target("signed-close", _closes, _judge_close, 4, wrapped=True),
    Target("export-line", _lines, _judge_line, 6),
    Target("link", _links, _judge_link, 2),
    Target("invitation", _invitations, _judge_invitation),
    Target("codes", _codes, _judge_codes),
    Target("packed-codes", _packed, _judge_packed, 2),
    Target("plan", _plans, _judge_plan, 8),
    Target("transfers", _tables, _judge_table, 2),
)
