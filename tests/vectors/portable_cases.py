"""Vectors of what leaves the network by hand: invitations, export lines, receipts."""

import json
from dataclasses import replace
from typing import Any

from node.protocol import codec, portable
from node.protocol.portable import Invitation, OpenOrder, Receipt
from node.protocol.record import RawRecord
from tests.vectors import worked
from tests.vectors.kind_cases import packed_text
from tests.vectors.world import Community, Made, fill, one_chapter, salt

Case = dict[str, Any]


def invitation_cases() -> list[Case]:
    """Links that are read, with what they say; links that are refused."""
    community = one_chapter("Invited", ["anna"])
    plain = Invitation(addresses=[], chapter="Seoul", code=None, genesis=community.data)
    address = "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWExample"
    full = Invitation([address], "Toronto", salt("code"), community.data)
    cases: list[Case] = []
    for name, found in (("plain", plain), ("with address and code", full)):
        cases.append(
            {
                "name": name,
                "link": portable.encode_invitation(found),
                "expect": "ok",
                "addresses": found.addresses,
                "chapter": found.chapter,
                "one_time_code": None if found.code is None else found.code.hex(),
                "genesis": found.genesis.hex(),
            }
        )
    link = cases[0]["link"]
    head, payload = portable.LINK_PREFIX, link[len(portable.LINK_PREFIX) :]
    cases.append({**cases[0], "name": "blanks around", "link": f"  {link}\n"})
    cases.append({**cases[0], "name": "all blanks around", "link": f" \t\r\n{link}\n\r\t "})
    long = [" " * 98_304, link, "\n" * 98_304]
    cases.append({**cases[0], "name": "blanks do not count", "link": packed_text("".join(long))})
    other = _invitation(plain, "genesis", one_chapter("x", ["anna"]).data[:-1])
    refused = [
        ("no link", "hello", "encoding"),
        ("other scheme", "https://" + link, "encoding"),
        ("padding", link + "=", "encoding"),
        ("standard base64", head + payload[:-4] + "+/+/", "encoding"),
        ("cut", link[:-4], "encoding"),
        ("unused bits set", head + "gB", "encoding"),
        ("nothing", head, "encoding"),
        ("unknown chapter", _invitation(plain, "chapter", "Busan"), "shape"),
        ("code of 15 bytes", _invitation(plain, "code", bytes(15)), "shape"),
        ("empty address", _invitation(plain, "addresses", [""]), "shape"),
        ("seventeen addresses", _invitation(plain, "addresses", [address] * 17), "shape"),
        ("a field more", _invitation(plain, "note", None), "shape"),
        ("genesis cut", other, "encoding"),
        ("genesis of rules 2", _invitation(plain, "genesis", _rules_2(community)), "version"),
        ("genesis of wrong shape", _invitation(plain, "genesis", _shapeless(community)), "shape"),
        ("a no-break space before", "\u00a0" + link, "encoding"),
        ("an ideographic space behind", link + "\u3000", "encoding"),
        ("a form feed behind", link + "\f", "encoding"),
        ("a blank inside", head + " " + payload, "encoding"),
        ("too long", head + "A" * 98_304, "size"),
    ]
    return cases + [
        {"name": name, "link": packed_text(text), "expect": "reject", "code": code}
        for name, text, code in refused
    ]


def _rules_2(community: Community) -> bytes:
    """A genesis document of the next rules version."""
    return _changed(community, "rules", 2)


def _shapeless(community: Community) -> bytes:
    """A canonical document that breaks section 5."""
    return _changed(community, "languages", [])


def _changed(community: Community, field: str, value: object) -> bytes:
    copied: Any = codec.decode_any(community.data)
    copied[field] = value
    return codec.encode(copied)


def _invitation(good: Invitation, field: str, value: object) -> str:
    copied: Any = codec.decode_any(codec.encode(good))
    copied[field] = value
    return portable.LINK_PREFIX + portable.encode64(codec.encode(copied))


def export_cases() -> list[Case]:
    """Lines of an export file."""
    story = worked.story()
    made = story.made
    first, bodyless = made[0][1].raw, made[-1][1].raw
    line = portable.encode_line(first)
    erased = RawRecord(bodyless.header, None, bodyless.signature)
    community = fill("community")
    head = portable.encode_head(community)
    cases: list[Case] = [
        {"name": "first line", "line": portable.encode_head(community), "part": "head",
         "expect": "ok", "community": community.hex()},
        {"name": "first line without a community", "line": '{"wetalk":1}', "part": "head",
         "expect": "ok", "community": None},
        {"name": "first line, null, other order", "part": "head", "expect": "ok",
         "line": '{ "community": null, "wetalk": 1 }', "community": None},
        {"name": "first line with the genesis document", "part": "head", "expect": "ok",
         "line": portable.encode_head(story.community.id, story.community.data),
         "community": story.community.id.hex(), "genesis": story.community.data.hex()},
        {"name": "first line with the genesis document alone", "part": "head", "expect": "ok",
         "line": _alone(story.community.data), "community": None,
         "genesis": story.community.data.hex()},
        {"name": "first line with a community and no genesis", "part": "head", "expect": "ok",
         "line": head[:-1] + ',"genesis":null}', "community": community.hex()},
        _line("record", line, first),
        _line("record with its members in another order", _turned(line), first),
        _line("record without its body", portable.encode_line(erased), erased),
    ]  # fmt: skip
    return cases + _refused_lines(story.community, community, line)


def _alone(document: bytes) -> str:
    """A first line that names no community."""
    found = json.loads(portable.encode_head(fill("community"), document))
    return json.dumps({"wetalk": 1, "genesis": found["genesis"]})


def _turned(line: str) -> str:
    return json.dumps(dict(reversed(json.loads(line).items())), indent=1).replace("\n", " ")


def _refused_lines(founded: Community, community: bytes, line: str) -> list[Case]:
    """Lines that are refused, each with its code."""
    head = portable.encode_head(community)
    quoted = line.replace('"signature"', '"signed"')
    refused = [
        ("version 2", "head", head.replace("1", "2", 1), "version"),
        ("community cut", "head", head.replace(community.hex(), community.hex()[:-1]), "encoding"),
        ("community in capitals", "head", head.replace(community.hex(), "AB" * 32), "encoding"),
        (
            "genesis of another community",
            "head",
            portable.encode_head(community, founded.data),
            "community",
        ),
        (
            "genesis cut",
            "head",
            portable.encode_head(community, founded.data[:-1]),
            "encoding",
        ),
        ("genesis alone, cut", "head", _alone(founded.data[:-1]), "encoding"),
        ("genesis alone, of rules 2", "head", _alone(_rules_2(founded)), "version"),
        ("genesis alone, of wrong shape", "head", _alone(_shapeless(founded)), "shape"),
        (
            "genesis of wrong shape, and of another community",
            "head",
            portable.encode_head(community, _shapeless(founded)),
            "shape",
        ),
        ("true for 1", "head", '{"wetalk":true}', "encoding"),
        ("1.0 for 1", "head", '{"wetalk":1.0}', "encoding"),
        ("a text for 1", "head", '{"wetalk":"1"}', "encoding"),
        ("version twice", "head", '{"wetalk":1,"wetalk":1}', "encoding"),
        ("community twice", "head", '{"wetalk":1,"community":null,"community":null}', "encoding"),
        ("a byte order mark", "head", "\ufeff" + head, "encoding"),
        ("two objects", "head", head + head, "encoding"),
        ("header twice", "record", line[:-1] + ',"header":"gA"}', "encoding"),
        ("a body that is null", "record", '{"header":"","body":null,"signature":""}', "encoding"),
        ("no JSON", "head", "wetalk 1", "encoding"),
        ("a name more", "head", '{"wetalk":1,"x":1}', "encoding"),
        ("no version", "head", "{}", "encoding"),
        ("an array", "record", "[]", "encoding"),
        ("no signature", "record", quoted, "encoding"),
        ("header is a number", "record", '{"header":1,"signature":""}', "encoding"),
        ("padding", "record", '{"header":"gA==","signature":""}', "encoding"),
        ("unused bits set", "record", '{"header":"gB","signature":""}', "encoding"),
        ("line too long", "record", " " * 65_536 + "{}", "size"),
    ]
    return [
        {"name": name, "part": part, "line": packed_text(text), "expect": "reject", "code": code}
        for name, part, text, code in refused
    ]


def _line(name: str, line: str, raw: RawRecord) -> Case:
    body = None if raw.body is None else raw.body.hex()
    return {
        "name": name, "part": "record", "line": line, "expect": "ok", "header": raw.header.hex(),
        "body": body, "signature": raw.signature.hex(),
    }  # fmt: skip


def receipt_cases() -> list[Case]:
    """Receipt files as text."""
    story = worked.story()
    records: list[Made] = [made for _, made in story.made]
    trade = dict(story.made)["trade.propose"].id
    opened = OpenOrder(worked.ORDER_SALT, worked.ORDER)
    raws = tuple(made.raw for made in records)
    full = portable.encode_receipt(Receipt(story.community.data, raws, trade, opened))
    closed = portable.encode_receipt(Receipt(story.community.data, raws, trade, None))
    facts = {"trade": trade.hex(), "genesis": story.community.data.hex(), "records": len(raws)}
    cases: list[Case] = [
        {"name": "with the order", "text": full, "expect": "ok", **facts,
         "order": {"salt": opened.salt.hex(), "order": opened.order.hex()}},
        {"name": "without the order", "text": closed, "expect": "ok", **facts, "order": None},
    ]  # fmt: skip
    refused = [
        ("version 2", closed.replace('receipt":1', 'receipt":2'), "version"),
        ("a name more", closed[:-1] + ',"x":1}', "encoding"),
        ("no records", '{"wetalk_receipt":1,"genesis":"","records":[],"trade":""}', "encoding"),
        ("trade cut", closed.replace(trade.hex(), trade.hex()[:-2]), "encoding"),
        ("true for 1", closed.replace('receipt":1', 'receipt":true'), "encoding"),
        ("1.0 for 1", closed.replace('receipt":1', 'receipt":1.0'), "encoding"),
        ("trade twice", closed[:-1] + f',"trade":"{trade.hex()}"}}', "encoding"),
        (
            "a record's member twice",
            closed.replace('"signature":', '"signature":"","signature":', 1),
            "encoding",
        ),
        ("order is null", closed[:-1] + ',"order":null}', "encoding"),
        ("order without a salt", closed[:-1] + ',"order":{"order":""}}', "encoding"),
        (
            "salt of 15 bytes, and trade cut",
            _short_salt(story.community, raws, trade).replace(trade.hex(), trade.hex()[:-2]),
            "encoding",
        ),
        ("salt of 15 bytes", _short_salt(story.community, raws, trade), "shape"),
    ]
    return [
        *cases,
        *(
            {"name": name, "text": text, "expect": "reject", "code": code}
            for name, text, code in refused
        ),
        *_packed_receipts(Receipt(story.community.data, raws, trade, opened)),
    ]


def _packed_receipts(receipt: Receipt) -> list[Case]:
    """The same receipt as bytes, and what is wrong with others."""
    assert receipt.order is not None
    data = portable.pack_receipt(receipt)
    closed = portable.pack_receipt(replace(receipt, order=None))
    good: Any = codec.decode_any(data)
    order = {"salt": receipt.order.salt.hex(), "order": receipt.order.order.hex()}
    facts = {"expect": "ok", "trade": receipt.trade.hex(), "genesis": receipt.genesis.hex(),
             "records": len(receipt.records)}  # fmt: skip
    first = good["records"][0]
    changed: list[tuple[str, dict[str, Any], str]] = [
        ("version 2", {"wetalk_receipt": 2}, "version"),
        ("version -1", {"wetalk_receipt": -1}, "version"),
        ("true for 1", {"wetalk_receipt": True}, "encoding"),
        ("no records", {"records": []}, "encoding"),
        ("records are nil", {"records": None}, "encoding"),
        ("a record without its signature", {"records": [first[:2]]}, "encoding"),
        ("a record of four parts", {"records": [[*first, b""]]}, "encoding"),
        ("a header that is text", {"records": [["", None, b""]]}, "encoding"),
        ("trade of 31 bytes", {"trade": receipt.trade[1:]}, "encoding"),
        ("an order without a salt", {"order": [receipt.order.order]}, "encoding"),
        ("salt of 15 bytes", {"order": [bytes(15), b""]}, "shape"),
        ("salt of 15 bytes, and version 2", {"order": [bytes(15), b""], "wetalk_receipt": 2},
         "version"),
        ("another field", {"wetalk_receipt": None, "note": 1}, "encoding"),
    ]  # fmt: skip
    refused = [
        *((name, codec.encode({**good, **values}), code) for name, values, code in changed),
        ("cut", data[:-1], "encoding"),
        ("something behind", data + b"\0", "encoding"),
        ("fields in another order", _turned_map(good), "encoding"),
        ("a length in more bytes than it needs", _long_version(data), "encoding"),
        ("a count of four thousand million records", _huge(data, "dd"), "encoding"),
        ("a header of four thousand million bytes", _huge(data, "91c6"), "encoding"),
        ("nothing behind the first byte", b"\x85", "encoding"),
    ]
    return [
        {"name": "as bytes, with the order", "bytes": data.hex(), **facts, "order": order},
        {"name": "as bytes, without the order", "bytes": closed.hex(), **facts, "order": None},
        *(
            {"name": f"as bytes: {name}", "bytes": bad.hex(), "expect": "reject", "code": code}
            for name, bad, code in refused
        ),
    ]


def _turned_map(good: dict[str, Any]) -> bytes:
    parts = [codec.encode(name) + codec.encode(good[name]) for name in sorted(good, reverse=True)]
    return bytes([0x80 + len(parts)]) + b"".join(parts)


def _long_version(data: bytes) -> bytes:
    assert data[-1] == 1
    return data[:-1] + b"\xcc\x01"


def _huge(data: bytes, head: str) -> bytes:
    start = data.index(b"\xa7records") + 8
    return data[:start] + bytes.fromhex(head) + b"\xff" * 4


def _short_salt(community: Community, raws: tuple[RawRecord, ...], trade: bytes) -> str:
    return portable.encode_receipt(Receipt(community.data, raws, trade, OpenOrder(bytes(15), b"")))


def close_proof_cases() -> list[Case]:
    """Proofs of a balance as text: their form."""
    story = worked.story()
    made = [one for _, one in story.made]
    member, act = fill("member"), made[-1].id
    step = portable.Branch(2, fill("first"), fill("last"), 5, 7, fill("hash"))
    proof = portable.CloseProof(story.community.data, (made[0].raw,), act, member, -1250, (step,))
    text = portable.encode_close_proof(proof)
    said = {
        "genesis": proof.genesis.hex(), "records": 1, "close": act.hex(), "member": member.hex(),
        "balance": proof.balance,
        "path": [[v.hex() if isinstance(v, bytes) else v for v in step]],
    }  # fmt: skip
    path = text[text.index('"path":[') + 8 : -2]
    refused = [
        ("version 2", text.replace('proof":1', 'proof":2'), "version"),
        ("true for 1", text.replace('proof":1', 'proof":true'), "encoding"),
        ("a name more", text[:-1] + ',"x":1}', "encoding"),
        ("balance twice", text[:-1] + ',"balance":1}', "encoding"),
        ("a balance with a point", text.replace("-1250", "-1250.0"), "encoding"),
        ("a balance as text", text.replace("-1250", '"-1250"'), "encoding"),
        ("no path", text.replace(f'"path":[{path}]', '"path":null'), "encoding"),
        ("a path of 54", text.replace(path, ",".join([path] * 54)), "encoding"),
        ("a step without its hash", text.replace(f',"{step.hash.hex()}"', ""), "encoding"),
        ("a step's member in capitals", text.replace(step.first.hex(), step.first.hex().upper()),
         "encoding"),
        ("member cut", text.replace(member.hex(), member.hex()[:-2]), "encoding"),
        ("no records", text.replace(text[text.index('"records":[') + 11 : text.index('],"close"')],
                                    ""), "encoding"),
        ("too long", text + " " * 1_048_576, "size"),
    ]  # fmt: skip
    return [
        {"name": "a proof", "text": text, "expect": "ok", **said},
        {"name": "a path of 53", "text": text.replace(path, ",".join([path] * 53)), "expect": "ok",
         **said, "path": said["path"] * 53},
        *(
            {"name": name, "text": packed_text(written), "expect": "reject", "code": code}
            for name, written, code in refused
        ),
    ]  # fmt: skip
