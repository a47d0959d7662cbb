"""Vectors of canonical MessagePack, of the genesis document, and of hashes with their words."""

import struct
from typing import Any

from node.protocol import codec, crypto, dispute, genesis, portable
from tests.vectors.kind_cases import packed
from tests.vectors.world import Community, fill, one_chapter, salt

Case = dict[str, Any]


def _tagged(value: object) -> object:
    """A value in JSON: bytes as {"bin": hex}, maps as {"map": [[key, value], ...]}."""
    if isinstance(value, bytes):
        return {"bin": value.hex()}
    if isinstance(value, dict):
        return {"map": [[key, _tagged(item)] for key, item in sorted(value.items())]}
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    return value


CANONICAL: list[tuple[str, object]] = [
    ("nil", None),
    ("true", True),
    ("false", False),
    *[(f"integer {n}", n) for n in (0, 1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32)],
    *[(f"integer {n}", n) for n in (2**53 - 1, 2**63 - 1, 2**63, 2**64 - 1)],
    *[(f"integer {n}", n) for n in (-1, -32, -33, -128, -129, -(2**15), -(2**15) - 1)],
    *[(f"integer {n}", n) for n in (-(2**31), -(2**31) - 1, -(2**63))],
    *[(f"text of {n} bytes", "a" * n) for n in (0, 1, 31, 32, 255, 256, 65535, 65536)],
    ("text in Korean", "우리 이야기해요"),
    ("text in decomposed Korean", "\u1112\u1161\u11ab"),
    ("text with a zero byte", "a\0b"),
    ("text beyond the first plane", "\U0001f91d"),
    *[(f"bytes, {n}", b"\xff" * n) for n in (0, 1, 255, 256, 65535, 65536)],
    *[(f"array of {n}", [0] * n) for n in (0, 1, 15, 16, 65535)],
    *[(f"map of {n}", {f"{i:05}": i for i in range(n)}) for n in (0, 1, 15, 16, 300)],
    ("keys in byte order", {"": 1, "B": 2, "a": 3, "aa": 4, "b": 5, "é": 6, "가": 7}),
    ("key of 32 bytes", {"k" * 32: 1}),
]


def _nested(levels: int, inner: bytes = b"\x01") -> bytes:
    return b"\x91" * levels + inner


REJECTED: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("never used byte", b"\xc1"),
    ("integer 0 as uint 8", b"\xcc\x00"),
    ("integer 127 as uint 8", b"\xcc\x7f"),
    ("integer 255 as uint 16", b"\xcd\x00\xff"),
    ("integer 65535 as uint 32", b"\xce\x00\x00\xff\xff"),
    ("integer 1 as uint 64", b"\xcf" + struct.pack(">Q", 1)),
    ("integer 2^32 - 1 as uint 64", b"\xcf" + struct.pack(">Q", 2**32 - 1)),
    ("integer 5 as int 8", b"\xd0\x05"),
    ("integer 5 as int 64", b"\xd3" + struct.pack(">q", 5)),
    ("integer -1 as int 8", b"\xd0\xff"),
    ("integer -32 as int 8", b"\xd0\xe0"),
    ("integer -33 as int 16", b"\xd1\xff\xdf"),
    ("integer -129 as int 32", b"\xd2" + struct.pack(">i", -129)),
    ("integer -1 as int 64", b"\xd3" + struct.pack(">q", -1)),
    ("float 32", b"\xca\x3f\x80\x00\x00"),
    ("float 64", b"\xcb\x3f\xf0" + bytes(6)),
    ("not a number", b"\xcb\x7f\xf8" + bytes(6)),
    ("text of 1 byte as str 8", b"\xd9\x01a"),
    ("text of 31 bytes as str 8", b"\xd9\x1f" + b"a" * 31),
    ("text of 32 bytes as str 16", b"\xda\x00\x20" + b"a" * 32),
    ("text of 1 byte as str 32", b"\xdb\x00\x00\x00\x01a"),
    ("text that is no UTF-8", b"\xa1\xff"),
    ("text with a surrogate", b"\xa3\xed\xa0\x80"),
    ("text with an overlong form", b"\xa2\xc0\x80"),
    ("text beyond Unicode", b"\xa4\xf4\x90\x80\x80"),
    ("text cut", b"\xa2a"),
    ("bytes, 1, as bin 16", b"\xc5\x00\x01a"),
    ("bytes, 1, as bin 32", b"\xc6\x00\x00\x00\x01a"),
    ("bytes cut", b"\xc4\x02a"),
    ("array of 1 as array 16", b"\xdc\x00\x01\x01"),
    ("array of 15 as array 16", b"\xdc\x00\x0f" + b"\x01" * 15),
    ("array of 1 as array 32", b"\xdd\x00\x00\x00\x01\x01"),
    ("array cut", b"\x92\x01"),
    ("array that claims four thousand million", b"\xdd\xff\xff\xff\xff"),
    ("map of 1 as map 16", b"\xde\x00\x01\xa1a\x01"),
    ("map of 1 as map 32", b"\xdf\x00\x00\x00\x01\xa1a\x01"),
    ("map cut", b"\x81\xa1a"),
    ("map that claims four thousand million", b"\xdf\xff\xff\xff\xff"),
    ("keys out of order", b"\x82\xa1b\x01\xa1a\x02"),
    ("keys in order of length", b"\x82\xa1b\x01\xa2aa\x02"),
    ("key twice", b"\x82\xa1a\x01\xa1a\x01"),
    ("key twice, other value", b"\x82\xa1a\x01\xa1a\x02"),
    ("integer as key", b"\x81\x01\x01"),
    ("bytes as key", b"\x81\xc4\x01a\x01"),
    ("nil as key", b"\x81\xc0\x01"),
    ("array as key", b"\x81\x91\x01\x01"),
    ("map as key", b"\x81\x81\xa1a\x01\x01"),
    ("key as str 8", b"\x81\xd9\x01a\x01"),
    ("key of 33 bytes", b"\x81\xd9\x21" + b"k" * 33 + b"\x01"),
    ("key of 33 bytes in 11 characters", b"\x81\xd9\x21" + "가".encode() * 11 + b"\x01"),
    ("extension, fixed", b"\xd4\x05x"),
    ("extension, 8", b"\xc7\x01\x05x"),
    ("timestamp", b"\xd6\xff\x00\x00\x00\x01"),
    ("something trailing", b"\x01\x01"),
    ("a zero byte trailing", b"\x81\xa1a\x01\x00"),
    ("nine levels", _nested(9)),
    ("nine levels, the last one empty", _nested(8, b"\x90")),
    ("nine levels, the last one an empty map", _nested(8, b"\x80")),
    ("nine levels of maps", b"\x81\xa1a" * 9 + b"\x01"),
    ("a hundred thousand levels", _nested(100_000)),
    ("wide inside a map", b"\x81\xa1a\xcd\x00\x01"),
]


def codec_cases() -> list[Case]:
    """Each canonical value with its bytes; then bytes that are refused as `encoding`."""
    values = [
        *CANONICAL,
        ("eight levels", [[[[[[[[1]]]]]]]]),
        ("eight levels, the last one empty", [[[[[[[{}]]]]]]]),
    ]
    found: list[Case] = [
        {
            "name": name,
            "bytes": packed(codec.encode(value)),
            "expect": "ok",
            **({"value": _tagged(value)} if len(codec.encode(value)) < 300 else {}),
        }
        for name, value in values
    ]
    return found + [
        {"name": name, "bytes": packed(data), "expect": "reject", "code": "encoding"}
        for name, data in REJECTED
    ]


def genesis_cases() -> list[Case]:
    """A valid document with its id; then one for each rule broken."""
    community = one_chapter("Vectors", ["anna", "bora", "chen"], k=2, limit=100)
    good = codec.decode_any(community.data)
    assert isinstance(good, dict)
    cases = [_good("valid", community.data)]
    witnessed = one_chapter("Witnessed", ["anna"], witnesses=["w1", "w2", "w3", "w4"], q=3)
    cases.append(_good("valid, with witnesses and quorum", witnessed.data))
    for name, path, value, code in _genesis_faults(community):
        cases.append({**_changed(good, name, path, value), "code": code})
    data = community.data
    cases += [
        {"name": name, "bytes": packed(broken), "expect": "reject", "code": code}
        for name, broken, code in (
            ("cut", data[:-1], "encoding"),
            ("a byte trailing", data + b"\0", "encoding"),
            ("an array", codec.encode(list(good.values())), "shape"),
            ("too large", data + bytes(65_537), "size"),
        )
    ]
    return cases


def _good(name: str, data: bytes) -> Case:
    found, _ = genesis.parse(data)
    return {"name": name, "bytes": packed(data), "expect": "ok", "id": found.hex()}


def _genesis_faults(community: Community) -> list[tuple[str, tuple[str | int, ...], object, str]]:
    chapter = ("chapters", 0)
    officers = list(community.document.chapters[0].officers)
    return [
        ("rules version 2", ("rules",), 2, "version"),
        ("salt of 15 bytes", ("salt",), b"\0" * 15, "shape"),
        ("no name", ("name",), "", "shape"),
        ("name of 33 characters", ("name",), "가" * 33, "shape"),
        ("no chapter", ("chapters",), [], "shape"),
        ("no language", ("languages",), [], "shape"),
        ("seventeen languages", ("languages",), ["en"] * 17, "shape"),
        ("decimals 7", ("unit", "decimals"), 7, "shape"),
        ("unit without code", ("unit", "code"), "", "shape"),
        ("a field more", ("note",), None, "shape"),
        ("two chapters of one name", ("chapters", 1, "name"), "Seoul", "shape"),
        ("k of 0", (*chapter, "k"), 0, "shape"),
        ("k above the officers", (*chapter, "k"), 4, "shape"),
        ("no officers", (*chapter, "officers"), [], "shape"),
        ("officer twice", (*chapter, "officers"), [officers[0], *officers], "shape"),
        ("q without witnesses", (*chapter, "q"), 1, "shape"),
        ("witnesses without q", (*chapter, "witnesses"), [fill("w")], "shape"),
        ("default above the highest limit", (*chapter, "default_limit"), 50_001, "shape"),
        ("limit of 2^53", (*chapter, "limit_max"), 2**53, "shape"),
        ("negative limit", (*chapter, "default_limit"), -1, "shape"),
        ("treasury of 31 bytes", (*chapter, "treasury"), bytes(31), "shape"),
        ("true for a number", (*chapter, "k"), True, "shape"),
        ("half a quorum", (*chapter,), _half(community), "shape"),
    ]


def _half(community: Community) -> object:
    chapter = codec.decode_any(codec.encode(community.document.chapters[0]))
    assert isinstance(chapter, dict)
    return {**chapter, "q": 2, "witnesses": [fill(f"w{n}") for n in range(4)]}


def _changed(good: dict[str, Any], name: str, path: tuple[str | int, ...], value: object) -> Case:
    copied: Any = codec.decode_any(codec.encode(good))
    place = copied
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return {"name": name, "bytes": packed(codec.encode(copied)), "expect": "reject"}


def hash_cases() -> list[Case]:
    """Every hash with a domain word: its parts, in order, and the result."""
    community, member, order_salt = fill("community"), fill("member"), salt("order")
    code = salt("code")
    cases = [
        ("order hash", portable.order_hash(order_salt, "쌀 10 kg".encode()),
         [b"wetalk/1 order\0", order_salt, "쌀 10 kg".encode()]),
        ("order hash of an empty order", portable.order_hash(order_salt, b""),
         [b"wetalk/1 order\0", order_salt]),
        ("invite", portable.invite_proof(community, member, code),
         [b"wetalk/1 invite\0", community, member, code]),
        ("record id", crypto.record_id(community, b"header"),
         [b"wetalk/1 record\0", community, b"header"]),
        ("panel rank", dispute.panel_rank(community, fill("trade"), member),
         [b"wetalk/1 panel\0", community, fill("trade"), member]),
        ("community id", crypto.community_id(b"genesis"),
         [b"wetalk/1 genesis\0", b"genesis"]),
    ]  # fmt: skip
    return [
        {"name": name, "parts": [part.hex() for part in parts], "hash": found.hex()}
        for name, found, parts in cases
    ]
