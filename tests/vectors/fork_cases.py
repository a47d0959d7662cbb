"""Vectors of fork proofs: two headers of one key at one place, and what is no such thing."""

from typing import Any

from node.protocol import codec
from tests.vectors.record_cases import COMMUNITY, DEVICE, FIELDS, header_of
from tests.vectors.world import Keys, fill, signed

Case = dict[str, Any]


def cases() -> list[Case]:
    """All cases; a valid one says the lane, the seq, and both ids in ascending order."""
    left, right = _header("left"), _header("right")
    valid = _case("two posts at one seq", left, right, None)
    turned = _case("the same, turned around", right, left, None)
    start = _case(
        "two opens of one account lane",
        _header("a", "account.open"),
        _header("b", "account.open"),
        None,
    )
    other = {"signer": Keys("records other").public}
    flipped = dict(valid, name="one signature flipped")
    flipped["signature_b"] = (
        f"{int(flipped['signature_b'][:2], 16) ^ 1:02x}" + (flipped["signature_b"][2:])
    )
    del flipped["lane"], flipped["seq"], flipped["ids"]
    swapped = dict(flipped, name="signatures exchanged")
    swapped["signature_a"], swapped["signature_b"] = valid["signature_b"], valid["signature_a"]
    return [
        valid,
        turned,
        start,
        _case("one record twice", left, left, "shape"),
        _case("another seq", left, _header("right", seq=8), "shape"),
        _case("another author", left, _header("right", author=fill("author")), "shape"),
        _case("another signer", left, _header("right", **other), "shape"),
        _case("another lane", left, _header("right", "listing.put"), "shape"),
        _case("a header of 321 bytes", left, right + bytes(321 - len(right)), "size"),
        _case("a header cut", left, right[:-1], "encoding"),
        _case("a header of version 2", left, _header("right", version=2), "version"),
        _case("another community", left, right, "signature", community=fill("other")),
        {**flipped, "expect": "reject", "code": "signature"},
        {**swapped, "expect": "reject", "code": "signature"},
    ]


def _header(text: str, kind: str = "post.put", **changes: object) -> bytes:
    fields = header_of(
        kind, text.encode(), **{"seq": 0 if kind == "account.open" else 7, **changes}
    )
    return codec.encode([fields[field] for field in FIELDS])


def _case(name: str, a: bytes, b: bytes, code: str | None, *, community: bytes = COMMUNITY) -> Case:
    made = [signed(community, header, None, DEVICE) for header in (a, b)]
    case: Case = {
        "name": name,
        "community": COMMUNITY.hex(),
        "header_a": a.hex(),
        "signature_a": made[0].raw.signature.hex(),
        "header_b": b.hex(),
        "signature_b": made[1].raw.signature.hex(),
        "expect": "ok" if code is None else "reject",
    }
    if code is not None:
        return {**case, "code": code}
    fields = codec.decode_any(a)
    assert isinstance(fields, list)
    lane = fields[2] + fields[3] + bytes((fields[4],))
    return {
        **case,
        "lane": lane.hex(),
        "seq": fields[5],
        "ids": sorted(item.id.hex() for item in made),
    }
