"""Vectors of parts: bytes as numbered texts for QR codes."""

from base64 import b32encode
from hashlib import sha256
from typing import Any

from node.protocol import crypto, parts
from tests.vectors.kind_cases import packed_text
from tests.vectors.world import fill

Case = dict[str, Any]
NOISE = b"".join(fill(f"parts {number}") for number in range(5))  # nothing to pack
# zlib of b"rice " * 100, by the reference library: other libraries may pack otherwise
PACKED = "78da2bca4c4e55281a2546120100b0b6b02d"


def cases() -> list[Case]:
    """Sets that join, whatever their order; texts that are refused."""
    one = parts.split(b"rice", "text", 200)
    three = parts.split(NOISE, "noise", 150)
    return [
        _good("one part", one, "text", b"rice"),
        _good("no bytes", parts.split(b"", "text", 200), "text", b""),
        _good("three parts", three, "noise", NOISE),
        _good("in another order", [three[2], three[0], three[1]], "noise", NOISE),
        _good("some twice", [three[0], three[1], three[0], three[2]], "noise", NOISE),
        _good("blanks around", [f" \t\r\n{text}\n" for text in three], "noise", NOISE),
        _good("packed", _made("TEXT", 1, b"\1" + bytes.fromhex(PACKED)), "text", b"rice " * 100),
        *(
            {"name": name, "texts": [packed_text(text) for text in texts], "expect": "reject",
             "code": code}
            for name, texts, code in [*_refused(one[0], three), *_unjoinable()]
        ),
    ]  # fmt: skip


def pointer_cases() -> list[Case]:
    """Pointers that are read, and texts that are none."""
    ids = [fill(name) for name in ("community", "trade", "commit")]
    text = "/".join(["WETALK:TRADE1", *(_base32(one) for one in ids)])
    facts = dict(zip(("community", "trade", "commit"), (one.hex() for one in ids), strict=True))
    short = "/".join(["WETALK:TRADE1", *(_base32(one) for one in ids[:2])])
    refused = [
        ("two ids", short, "encoding"),
        ("four ids", text + "/" + _base32(ids[0]), "encoding"),
        ("small letters", text.lower(), "encoding"),
        ("an id of 31 bytes", short + "/" + _base32(ids[2][1:]), "encoding"),
        ("unused bits set", text[:-1] + "B", "encoding"),
        ("padding", text + "====", "encoding"),
        ("version 2", text.replace("TRADE1", "TRADE2"), "version"),
        ("version 0", text.replace("TRADE1", "TRADE0"), "encoding"),
        ("a part", parts.split(b"rice", "text", 200)[0], "encoding"),
        ("nothing", "", "encoding"),
    ]
    return [
        {"name": "a pointer", "text": text, "expect": "ok", **facts},
        {"name": "blanks around", "text": f"\t{text}\r\n", "expect": "ok", **facts},
        *(
            {"name": name, "text": text, "expect": "reject", "code": code}
            for name, text, code in refused
        ),
    ]


def _base32(data: bytes) -> str:
    return b32encode(data).decode().rstrip("=")


def _good(name: str, texts: list[str], kind: str, data: bytes) -> Case:
    return {"name": name, "texts": texts, "expect": "ok", "kind": kind, "bytes": data.hex()}


def _refused(one: str, three: list[str]) -> list[tuple[str, list[str], str]]:
    """Texts of which the last is refused."""
    head = one[: one.rindex("/") + 1]
    last = three[2]
    other = parts.split(NOISE, "other", 150)
    return [
        ("no part", ["rice"], "encoding"),
        ("a link", ["wetalk:join?c=gA"], "encoding"),
        ("small letters", [one.lower()], "encoding"),
        ("version 2", [one.replace("PART1", "PART2")], "version"),
        ("version 02", [one.replace("PART1", "PART02")], "encoding"),
        ("number 0", [one.replace("/1/1/", "/0/1/")], "encoding"),
        ("number 2 of 1", [one.replace("/1/1/", "/2/1/")], "shape"),
        ("a thousand parts", [one.replace("/1/1/", "/1/1000/")], "encoding"),
        ("a digit of another alphabet", [one.replace("/1/1/", "/1/١/")], "encoding"),
        ("kind of 17 letters", [one.replace("TEXT", "T" * 17)], "encoding"),
        ("another kind", [one.replace("TEXT", "TEST")], "encoding"),
        ("a character read wrongly", [head + "B" + one[len(head) + 1 :]], "encoding"),
        ("cut", [one[:-1]], "encoding"),
        ("padding", [one + "="], "encoding"),
        ("a check alone, cut", [head + "AAAA"], "encoding"),
        ("a blank inside", [one.replace("/TEXT", "/ TEXT")], "encoding"),
        ("a no-break space before", ["\u00a0" + one], "encoding"),
        ("too long", [head + "A" * 4_296], "size"),
        ("another set", [three[0], one], "other-set"),
        ("another kind of the same bytes", [three[0], other[1]], "other-set"),
        ("the same bytes in more parts", [three[0], parts.split(NOISE, "noise", 120)[1]],
         "other-set"),
        ("another piece under one number", [last, _lie(last)], "other-set"),
    ]  # fmt: skip


def _unjoinable() -> list[tuple[str, list[str], str]]:
    """Whole sets that each part of says nothing wrong, and that nobody's program makes."""
    stream = b"\1" + bytes.fromhex(PACKED)
    shifted = [_part("TEXT", n, 2, b"\0rice", piece) for n, piece in ((1, b"\0ri"), (2, b"ce"))]
    return [
        ("another mark", [_part("TEXT", 1, 1, b"\0rice", b"\0soup")], "encoding"),
        ("cut elsewhere", shifted, "encoding"),
        ("packed in an unknown way", _made("TEXT", 1, b"\2rice"), "encoding"),
        ("nothing packed", _made("TEXT", 1, b""), "encoding"),
        ("a stream that is cut", _made("TEXT", 1, stream[:-1]), "encoding"),
        ("something after the stream", _made("TEXT", 1, stream + b"\0"), "encoding"),
        ("no stream", _made("TEXT", 1, b"\1rice"), "encoding"),
    ]


def _lie(text: str) -> str:
    """Another piece, rightly checked, under the same number and mark."""
    head = text[: text.rindex("/") + 1]
    return head + _base32(b"lie" + _check(head, b"lie"))


def _made(kind: str, count: int, packed: bytes) -> list[str]:
    size = len(packed)
    cuts = [(n * size // count, (n + 1) * size // count) for n in range(count)]
    return [
        _part(kind, n + 1, count, packed, packed[start:end]) for n, (start, end) in enumerate(cuts)
    ]


def _part(kind: str, number: int, count: int, packed: bytes, piece: bytes) -> str:
    """A part written out by hand, with the mark of `packed`, whatever its piece."""
    covered = crypto.WORD_PARTS + f"{kind}/{count}/".encode() + packed
    mark = _base32(sha256(covered).digest()[:10])
    head = f"WETALK:PART1/{kind}/{number}/{count}/{mark}/"
    return head + _base32(piece + _check(head, piece))


def _check(head: str, piece: bytes) -> bytes:
    return sha256(crypto.WORD_PART + head.encode() + piece).digest()[:4]
