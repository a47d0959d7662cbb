"""Vectors of whole records: what stages one and two of admission say, with nothing else known."""

from typing import Any

from node.protocol import codec, crypto
from node.protocol.identity import proof_text
from node.protocol.record import KINDS
from tests.vectors.bodies import EXAMPLES
from tests.vectors.kind_cases import packed
from tests.vectors.world import FIRST_TIME_MS, Keys, fill, signed

Case = dict[str, Any]
COMMUNITY = fill("records")
ROOT, DEVICE = Keys("records root"), Keys("records device")
FIELDS = (
    "version", "kind", "author", "signer", "lane", "seq", "prev", "time", "body_hash", "body_size"
)  # fmt: skip
NO_BODY = object()


def header_of(kind: str, body: bytes, /, **changes: object) -> dict[str, object]:
    """Fields of a header at seq 1 (0 for opening kinds) of the kind's lane, with changes."""
    lane = next(lane for lane, kinds in KINDS.items() if kind in kinds)
    opens = kind in ("identity.create", *(f"{name}.open" for name in _LANES))
    fields: dict[str, object] = {
        "version": 1,
        "kind": kind,
        "author": ROOT.public,
        "signer": ROOT.public if lane == 0 else DEVICE.public,
        "lane": int(lane),
        "seq": 0 if opens else 1,
        "prev": None if opens else fill("prev"),
        "time": FIRST_TIME_MS,
        "body_hash": crypto.sha256(body),
        "body_size": len(body),
    }
    return {**fields, **changes}


_LANES = ("account", "social", "market", "office", "witness")


def _make(
    name: str,
    of: str,
    code: str | None,
    /,
    *,
    body: bytes | None = None,
    sent: object = None,
    header: bytes | None = None,
    community: bytes = COMMUNITY,
    signature: bytes | None = None,
    keys: Keys | None = None,
    **changes: object,
) -> Case:
    data = codec.encode(EXAMPLES[of]) if body is None else body
    fields = header_of(of, data, **changes)
    head = codec.encode([fields[field] for field in FIELDS]) if header is None else header
    signer = keys or (ROOT if fields["signer"] == ROOT.public else DEVICE)
    carried = None if sent is NO_BODY else data if sent is None else sent
    assert carried is None or isinstance(carried, bytes)
    made = signed(community, head, carried, signer)
    case: Case = {
        "name": name,
        "community": COMMUNITY.hex(),
        "header": packed(head),
        "body": None if carried is None else packed(carried),
        "signature": (made.raw.signature if signature is None else signature).hex(),
    }
    if code is None:
        return {**case, "expect": "ok", "id": made.id.hex()}
    return {**case, "expect": "reject", "code": code}


def cases() -> list[Case]:
    """All cases."""
    return [*_valid(), *_headers(), *_places(), *_bodies(), *_signatures()]


def _device_add(community: bytes = COMMUNITY, author: bytes | None = None) -> bytes:
    author = ROOT.public if author is None else author
    text = crypto.WORD_DEVICE_PROOF + proof_text(community, author)
    proof = DEVICE.secret.sign(text).signature
    return codec.encode({"key": DEVICE.public, "proof": proof, "scopes": ["account", "social"]})


def _valid() -> list[Case]:
    skipped = {"device.add"}
    found = [_make(f"{kind}", kind, None) for kind in EXAMPLES if kind not in skipped]
    found += [
        _make("device.add with its proof", "device.add", None, body=_device_add()),
        _make("highest seq", "post.put", None, seq=2**40),
        _make("highest time", "post.put", None, time=2**53 - 1),
        _make("time zero", "post.put", None, time=0),
        _make("social body erased", "post.put", None, sent=NO_BODY),
        _make("market body erased", "listing.put", None, sent=NO_BODY),
        _make("unknown social kind", "post.put", None, kind="song.put"),
        _make("unknown market kind of 32 characters", "listing.put", None, kind="k" * 32),
        _make("unknown kind, other body", "post.put", None, kind="song.put", body=b"\x81\xa1a\x01"),
        _make("unknown kind, body erased", "post.put", None, kind="song.put", sent=NO_BODY),
        _make("largest social body", "post.put", None, kind="song.put", body=_map_of(32_768)),
    ]
    return found


def _map_of(size: int) -> bytes:
    """A canonical map of that many bytes."""
    return b"\x81\xa1a\xc5" + (size - 6).to_bytes(2, "big") + bytes(size - 6)


def _headers() -> list[Case]:
    """Faults of the header alone."""
    body = codec.encode(EXAMPLES["post.put"])
    fields = [header_of("post.put", body)[field] for field in FIELDS]
    good = codec.encode(fields)
    wide = good.replace(b"\x02\x01\xc4", b"\x02\xcc\x01\xc4", 1)
    assert wide != good

    def with_(name: str, code: str, **changes: object) -> Case:
        return _make(name, "post.put", code, **changes)  # type: ignore[arg-type]

    return [
        with_("321 bytes", "size", header=good + bytes(321 - len(good))),
        with_("no header", "encoding", header=b""),
        with_("a byte trailing", "encoding", header=good + b"\0"),
        with_("seq as uint 8", "encoding", header=wide),
        with_("nine fields", "encoding", header=codec.encode(fields[:9])),
        with_("eleven fields", "encoding", header=codec.encode([*fields, None])),
        with_("a map", "encoding", header=codec.encode({"version": 1})),
        with_("version 2", "version", version=2),
        with_("version 0", "version", version=0),
        with_("version as text", "encoding", version="1"),
        with_("version true", "encoding", version=True),
        with_("kind of two characters", "encoding", kind="ab"),
        with_("kind of 33 characters", "encoding", kind="k" * 33),
        with_("kind as bytes", "encoding", kind=b"post.put"),
        with_("author of 31 bytes", "encoding", author=bytes(31)),
        with_("signer of 33 bytes", "encoding", signer=bytes(33), keys=DEVICE),
        with_("author as text", "encoding", author="a" * 32),
        with_("lane 6", "encoding", lane=6),
        with_("lane -1", "encoding", lane=-1),
        with_("lane by name", "encoding", lane="social"),
        with_("seq -1", "encoding", seq=-1),
        with_("seq 2^40 + 1", "encoding", seq=2**40 + 1),
        with_("prev of 31 bytes", "encoding", prev=bytes(31)),
        with_("time 2^53", "encoding", time=2**53),
        with_("time -1", "encoding", time=-1),
        with_("time as float", "encoding", header=_with_float(fields)),
        with_("body hash of 31 bytes", "encoding", body_hash=bytes(31)),
        with_("body size 0", "encoding", body_size=0),
        with_("body size 32769", "encoding", body_size=32_769),
    ]


def _with_float(fields: list[object]) -> bytes:
    parts = [codec.encode(field) for field in fields]
    parts[7] = b"\xcb" + bytes(8)
    return b"\x9a" + b"".join(parts)


def _places() -> list[Case]:
    """Kinds, lanes and places that do not go together."""
    return [
        _make("seq 1 without prev", "post.put", "chain", prev=None),
        _make("seq 0 with prev", "social.open", "chain", prev=fill("prev")),
        _make("opening kind at seq 1", "social.open", "kind", seq=1, prev=fill("prev")),
        _make("other kind at seq 0", "post.put", "kind", seq=0, prev=None),
        _make("unknown kind at seq 0", "post.put", "kind", kind="song.put", seq=0, prev=None),
        _make("opening kind of another lane", "market.open", "kind", lane=2),
        _make("kind of another lane", "post.put", "kind", lane=3),
        _make("account kind on a social lane", "trade.settle", "kind", lane=2),
        _make("social kind on an account lane", "post.put", "kind", lane=1),
        *[
            _make(f"unknown kind on {name} lane", kind, "unsupported-kind", kind="later.kind")
            for name, kind in (
                ("an identity", "device.revoke"),
                ("an account", "trade.settle"),
                ("an office", "office.approve"),
                ("a witness", "witness.stamp"),
            )
        ],
        _make(
            "identity lane signed by a device", "identity.create", "not-authorised",
            signer=DEVICE.public,
        ),
        _make("identity body of 4097 bytes", "device.revoke", "size", body_size=4_097),
        _make("account body of 16385 bytes", "trade.settle", "size", body_size=16_385),
        _make("office body of 4097 bytes", "office.approve", "size", body_size=4_097),
        _make("witness body of 4097 bytes", "witness.stamp", "size", body_size=4_097),
    ]  # fmt: skip


def _bodies() -> list[Case]:
    """Bodies that do not match, are missing, or are of a wrong form."""
    body = codec.encode(EXAMPLES["post.put"])
    unknown = {"kind": "song.put"}
    found = [
        _make(f"{kind} without its body", kind, "body", sent=NO_BODY)
        for kind in (
            "identity.create", "account.open", "trade.settle", "office.open", "witness.open",
            "social.open", "market.open",
        )
    ]  # fmt: skip
    return [
        *found,
        _make("body of other bytes", "post.put", "body", sent=body[:-1] + b"!"),
        _make("body shorter", "post.put", "body", sent=body[:-1]),
        _make("body longer", "post.put", "body", sent=body + b"\0"),
        _make("empty body", "post.put", "body", sent=b""),
        _make("size of another body", "post.put", "body", body_size=len(body) + 1),
        _make("body not canonical", "post.put", "encoding", body=body + b"\0"),
        _make("body of another shape", "post.put", "shape", body=b"\x80"),
        _make("unknown kind, body an array", "post.put", "shape", body=b"\x90", **unknown),
        _make("unknown kind, not canonical", "post.put", "encoding", body=b"\xde\0\0", **unknown),
        _make("unknown kind, a float", "post.put", "encoding", body=_float_body(), **unknown),
        _make("unknown kind, nine levels", "post.put", "encoding", body=_deep_body(), **unknown),
    ]


def _float_body() -> bytes:
    return b"\x81\xa1a\xcb" + bytes(8)


def _deep_body() -> bytes:
    return b"\x81\xa1a" + b"\x91" * 8 + b"\x01"


def _signatures() -> list[Case]:
    """Signatures that are none, or of something else."""
    good = bytes.fromhex(_make("", "post.put", None)["signature"])
    flipped = bytes((good[0] ^ 1,)) + good[1:]
    high = int.from_bytes(good[32:], "little") + 2**252 + 27742317777372353535851937790883648493
    other = Keys("records other")
    body = _device_add()
    return [
        _make("signature of 63 bytes", "post.put", "signature", signature=good[:-1]),
        _make("signature of 65 bytes", "post.put", "signature", signature=good + b"\0"),
        _make("no signature", "post.put", "signature", signature=b""),
        _make("one bit flipped", "post.put", "signature", signature=flipped),
        _make(
            "S + L", "post.put", "signature", signature=good[:32] + high.to_bytes(32, "little")
        ),
        _make("signed for another community", "post.put", "signature", community=fill("other")),
        _make("signed by another key", "post.put", "signature", keys=other),
        _make("signed by the author's root", "post.put", "signature", keys=ROOT),
        _make("signer of small order", "post.put", "signature", signer=b"\x01" + bytes(31)),
        _make("another header signed", "post.put", "signature", signature=good, seq=2),
        _make("device proof of another community", "device.add", "signature",
              body=_device_add(community=fill("other"))),
        _make("device proof for another author", "device.add", "signature",
              body=_device_add(author=other.public)),
        _make("device proof, one bit flipped", "device.add", "signature",
              body=_flip(body, body.index(b"\xc4\x40") + 3)),
    ]  # fmt: skip


def _flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]
