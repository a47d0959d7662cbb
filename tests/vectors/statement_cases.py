"""Vectors of account statements: their form, and what is wrong with those that have it."""

import json
from dataclasses import replace
from typing import Any

from msgspec import structs

from node.protocol import codec, crypto, statements
from node.protocol.record import RawRecord
from node.protocol.statements import Movement, Other, Statement, StatementFile
from tests.vectors.world import Keys, Member, fill, one_chapter

Case = dict[str, Any]
COMMUNITY = one_chapter("Statements", ["anna"])
ANNA, BORA = (Member.create(COMMUNITY, name) for name in ("anna", "bora"))
MONTH = 202_402  # February of a leap year
FIRST, LAST = 1_706_745_600_000, 1_709_251_199_999  # its first and its last millisecond


def statement(**parts: Any) -> Statement:
    """A good statement of Anna's, with some parts replaced."""
    ids = [fill(f"statement {number}") for number in range(6)]
    values: dict[str, Any] = {
        "author": ANNA.id, "chapter": "Seoul", "closing": -250, "made": LAST + 1,
        "member": ANNA.id, "opening": -500, "period": MONTH, "signer": Keys(ANNA.device).public,
        "movements": [
            Movement(ids[0], ids[1], BORA.id, 1_000, FIRST, "쌀 10 kg"),
            Movement(ids[2], ids[3], BORA.id, -750, LAST, None),
        ],
        "others": [Other(ids[4], ids[5], BORA.id, "hours", 150, FIRST + 1, None)],
    }  # fmt: skip
    return Statement(**{**values, **parts})


def file_of(found: Statement, device: Member = ANNA, signer: Member = ANNA) -> StatementFile:
    """The file of a statement, signed by a member's device."""
    signed = crypto.WORD_STATEMENT + statements.message(COMMUNITY.id, found)
    key = Keys(signer.device).secret
    return StatementFile(COMMUNITY.data, device.first[1].raw, found, key.sign(signed).signature)


def cases() -> list[Case]:
    """Good ones, flawed ones, refused ones."""
    one = statement()
    first, second = one.movements
    (other,) = one.others
    empty = statement(movements=[], others=[], opening=7, closing=7)
    other_chapter = statement(chapter="Busan")
    by_officer = statement(author=BORA.id, signer=Keys(BORA.device).public)
    found = file_of(one)
    flawed: list[tuple[str, StatementFile, str | None]] = [
        ("a month", found, None),
        ("nothing happened", file_of(empty), None),
        ("written down by another member", file_of(by_officer, BORA, BORA), None),
        ("no genesis document", replace(found, genesis=b""), "genesis"),
        ("no such chapter", file_of(other_chapter), "genesis"),
        ("of another community", replace(found, genesis=one_chapter("Other", ["anna"]).data),
         "device"),
        ("the device is another member's", file_of(one, BORA), "device"),
        ("the record adds no device", replace(found, device=ANNA.first[0].raw), "device"),
        ("the record is changed", replace(found, device=_unsigned(found.device)), "device"),
        ("signed by another device", file_of(one, ANNA, BORA), "signature"),
        ("another closing than was signed",
         replace(found, statement=structs.replace(one, closing=0)), "signature"),
        ("a note taken out", replace(found, statement=statement(
            movements=[structs.replace(first, note=None), second])), "signature"),
        ("lines in another order", file_of(statement(movements=[second, first])), "lines"),
        ("a trade twice", file_of(statement(
            movements=[first, structs.replace(second, trade=first.trade)])), "lines"),
        ("a trade in both lists", file_of(statement(
            others=[structs.replace(other, trade=first.trade)])), "lines"),
        ("a millisecond too early", file_of(statement(
            movements=[structs.replace(first, time=FIRST - 1), second])), "lines"),
        ("a millisecond too late", file_of(statement(
            movements=[first, structs.replace(second, time=LAST + 1)])), "lines"),
        ("with oneself", file_of(statement(
            movements=[structs.replace(first, partner=ANNA.id), second])), "lines"),
        ("nothing moved", file_of(statement(
            others=[structs.replace(other, amount=0)])), "lines"),
        ("does not add up", file_of(statement(closing=-249)), "sum"),
        ("other units are summed", file_of(statement(closing=-100)), "sum"),
    ]  # fmt: skip
    return [
        *(_read(name, one, flaw) for name, one, flaw in flawed),
        *(
            {"name": name, "text": text, "expect": "reject", "code": code}
            for name, text, code in _refused(statements.encode(found))
        ),
    ]


def _read(name: str, found: StatementFile, flaw: str | None) -> Case:
    return {
        "name": name, "text": statements.encode(found), "expect": "ok", "flaw": flaw,
        "signed": codec.encode(found.statement).hex(),
    }  # fmt: skip


def _unsigned(raw: RawRecord) -> RawRecord:
    return RawRecord(raw.header, raw.body, bytes(64))


def _refused(good: str) -> list[tuple[str, str, str]]:
    def changed(**parts: Any) -> str:
        found = json.loads(good)
        found["statement"].update(parts)
        return json.dumps(found, ensure_ascii=False)

    found = json.loads(good)
    line = found["statement"]["movements"][0]
    without = {name: value for name, value in found["statement"].items() if name != "opening"}
    return [
        ("version 2", good.replace('statement":1', 'statement":2'), "version"),
        ("true for 1", good.replace('statement":1', 'statement":true'), "encoding"),
        ("no JSON", good[:-1], "encoding"),
        ("a name more", changed(note="x"), "encoding"),
        ("a name less", json.dumps({**found, "statement": without}), "encoding"),
        ("a name twice", good[:-1] + ',"signature":""}', "encoding"),
        ("an amount that is text", changed(opening="1"), "encoding"),
        ("an amount with a fraction", changed(opening=1.5), "encoding"),
        ("a number beyond every integer", changed(opening=10**30), "shape"),
        ("a member's id cut", changed(member=found["statement"]["member"][2:]), "encoding"),
        ("an id in capitals", changed(signer="AB" * 32), "encoding"),
        (
            "a signature with padding",
            good.replace('"signature":"', '"signature":"=', 1),
            "encoding",
        ),
        ("opening beyond its bounds", changed(opening=2**53), "shape"),
        ("a month 13", changed(period=202_413), "shape"),
        ("a month 0", changed(period=202_400), "shape"),
        ("a year 1969", changed(period=196_912), "shape"),
        ("no chapter's name", changed(chapter=""), "shape"),
        (
            "an amount beyond its bounds",
            changed(movements=[{**line, "amount": 2**40 + 1}]),
            "shape",
        ),
        ("a note too long", changed(movements=[{**line, "note": "a" * 16_385}]), "shape"),
    ]
