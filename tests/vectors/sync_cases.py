"""Vectors of sync: frames, streams of batches, sketches, greetings; what is a breach."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from node.protocol import codec
from node.protocol.crypto import record_id, sha256
from node.protocol.frames import BatchEncoder
from node.protocol.greeting import Settings, greet
from node.protocol.record import RawRecord, parse_header
from node.protocol.sketch import Sketch, Sums, compare
from tests.vectors import worked
from tests.vectors.history_members import post_of
from tests.vectors.kind_cases import packed
from tests.vectors.world import Community, Member, fill, one_chapter

Case = dict[str, Any]
PLAIN, ZLIB = b"\x00", b"\x01"
LARGEST_CONTENT_BYTES = 1_048_576
LANES, KINDS, LANE_NUMBERS, KIND_NUMBERS, SEQS, PREVS, TIMES, ABSENT, VERBATIM, BODIES, SIGNED = (
    range(11)
)


def cases() -> list[Case]:
    """All: `part` says what a case is."""
    return [*_frames(), *_streams(), *_sketches(), *_greetings()]


# --- frames ---------------------------------------------------------------------------------------


def _frame(name: str, frame: bytes, expect: str, content: bytes = b"") -> Case:
    outcome, _, code = expect.partition(" ")
    found: Case = {"name": name, "part": "frame", "frame": packed(frame), "expect": outcome}
    return {**found, **({"code": code} if code else {"content": packed(content)})}


def _messages() -> Iterator[tuple[str, list[Any]]]:
    key, other = bytes(97), bytes(96) + b"\x01"
    yield "greeting", _hello()
    yield "opening", [2, 0, 0, [[[b"", b""], bytes(16)]], [], [], b"", None, b"", b"", b""]
    yield "ranges of all sorts", [
        2, 5, 1, [[[b"", b"\x01"], bytes(16)]], [[b"\x01", b"\x02", bytes(16), [0, 2**40]]],
        [[b"\x02", b"", bytes(8)]], key + other, None, bytes(20), bytes(10), bytes(39),
    ]  # fmt: skip
    yield "a sketch", _turn([bytes(48 * 13), [0] * 47 + [2**32 - 1], [2**48 - 1] + [0] * 47])
    yield "want", [3, 2**53 - 1, True, [[0, False, bytes(32)], [131_071, True, b""]], bytes(64)]
    yield "want nothing", [3, 0, False, [], b""]
    yield "records, none", [4, 0, [7], [b"", [], [], [], [], b"", [], [], [], [], b""]]
    yield "ack", [5, 8]
    yield "proofs", [6, [[b"a", bytes(64), b"b", bytes(64)]]]
    yield "addresses", [7, ["/ip4/127.0.0.1/tcp/4001"]]
    yield "idle", [8]
    yield "good-bye", [9, "done"]
    yield "good-bye with a code that nobody knows", [9, ""]


def _turn(sketch: Any) -> list[Any]:
    return [2, 0, 0, [], [], [], b"", sketch, b"", b"", b""]


def _frames() -> Iterator[Case]:
    for name, message in _messages():
        content = codec.encode(message)
        yield _frame(name, PLAIN + content, "ok", content)
        yield _frame(f"{name}, packed", ZLIB + zlib.compress(content, 1), "ok", content)
    for level in (0, 9):
        content = codec.encode(_hello())
        frame = ZLIB + zlib.compress(content, level)
        yield _frame(f"packed at level {level}", frame, "ok", content)
    yield from _broken_frames()
    for name, message in _broken_messages():
        yield _frame(name, PLAIN + codec.encode(message), "reject frame")
    later = codec.encode([1, 2, "what nobody knows yet"])
    yield _frame("greeting of a later version", PLAIN + later, "reject other-protocol")
    yield _frame("greeting of version 0", PLAIN + codec.encode([1, 0]), "reject other-protocol")
    for size, expect in ((16_384, "reject other-protocol"), (16_385, "reject frame")):
        later = codec.encode([1, 2, bytes(size - 6)])
        assert len(later) == size
        yield _frame(f"a later version in {size} bytes", PLAIN + later, expect)


def _broken_frames() -> Iterator[Case]:
    idle = codec.encode([8])
    stream = zlib.compress(idle)
    yield _frame("nothing", b"", "reject frame")
    yield _frame("first byte 2", b"\x02" + idle, "reject frame")
    yield _frame("first byte 255", b"\xff" + idle, "reject frame")
    yield _frame("no content", PLAIN, "reject frame")
    yield _frame("no stream", ZLIB, "reject frame")
    yield _frame("a stream that is none", ZLIB + idle, "reject frame")
    yield _frame("a stream cut", ZLIB + stream[:-1], "reject frame")
    yield _frame("a stream with a wrong sum", ZLIB + stream[:-1] + b"\0", "reject frame")
    yield _frame("a byte behind the stream", ZLIB + stream + b"\0", "reject frame")
    yield _frame("two streams", ZLIB + stream * 2, "reject frame")
    raw = zlib.compressobj(wbits=-15)
    yield _frame("deflate alone", ZLIB + raw.compress(idle) + raw.flush(), "reject frame")
    gzip = zlib.compressobj(wbits=31)
    yield _frame("gzip", ZLIB + gzip.compress(idle) + gzip.flush(), "reject frame")
    yield _frame("an empty content, packed", ZLIB + zlib.compress(b""), "reject frame")
    full = zlib.compress(bytes(LARGEST_CONTENT_BYTES), 9)
    yield _frame("as much as fits, and no message", ZLIB + full, "reject frame")
    more = zlib.compress(bytes(LARGEST_CONTENT_BYTES + 1), 9)
    yield _frame("one byte more", ZLIB + more, "reject frame-size")
    yield _frame("far more, and cut", ZLIB + zlib.compress(bytes(2**22), 9)[:-9],
                 "reject frame-size")  # fmt: skip
    yield _frame("the longest frame, no message", bytes(262_144), "reject frame")
    yield _frame("one byte longer", bytes(262_145), "reject frame-size")
    yield _frame("something behind the message", PLAIN + idle + b"\xc0", "reject frame")
    yield _frame("not canonical", PLAIN + b"\x92\x05\xcc\x08", "reject frame")
    yield _frame("a map", PLAIN + b"\x81\xa1a\x01", "reject frame")


def _broken_messages() -> Iterator[tuple[str, list[Any]]]:
    hello = _hello()
    yield "no type", []
    yield "type 0", [0]
    yield "type 10", [10]
    yield "a field more", [8, None]
    yield "a field less", [5]
    yield "ack of 0", [5, 0]
    yield "ack of 33", [5, 33]
    yield "ack of true", [5, True]
    yield "good-bye of 33 letters", [9, "x" * 33]
    bare = _turn(None)
    yield "turn 3", [2, 0, 3, *bare[3:]]
    yield "round -1", [2, -1, *bare[2:]]
    yield "bound of 98 bytes", [*bare[:3], [[[bytes(98), b""], bytes(16)]], *bare[4:]]
    yield "ranges that end with the heads", bare[:7]
    yield "ranges without near heads", bare[:10]
    yield "a sketch without seqs", _turn([bytes(48 * 13), [0] * 48])
    yield "a count below 0", _turn([bytes(13), [-1], [0]])
    yield "a count of 2^32", _turn([bytes(13), [2**32], [0]])
    yield "seqs of 2^48", _turn([bytes(13), [1], [2**48]])
    yield "9,217 cells", _turn([b"", [0] * 9_217, []])
    yield "no proofs", [6, []]
    yield "proof with a signature of 63 bytes", [6, [[b"a", bytes(63), b"b", bytes(64)]]]
    yield "no addresses", [7, []]
    yield "33 addresses", [7, ["a"] * 33]
    yield "an empty address", [7, [""]]
    yield "known of 49 ids", [3, 0, False, [[0, False, bytes(49 * 32)]], b""]
    yield "129 kinds", [4, 0, [], [b"", ["k"] * 129, [], [], [], b"", [], [], [], [], b""]]
    yield "greeting without a kind", [*hello[:5], [], *hello[6:]]
    yield "greeting with a nonce of 15 bytes", [*hello[:8], bytes(15), *hello[9:]]
    yield "greeting with a window of 0", [*hello[:7], 0, *hello[8:]]
    yield "greeting whose version is true", [1, True, *hello[2:]]


# --- streams of batches ---------------------------------------------------------------------------


def _stream(
    name: str,
    community: bytes,
    batches: Iterable[list[Any]],
    *records: Any,
    prepared: Iterable[RawRecord] = (),
) -> Case:
    """`prepared`: records whose ids the reader named, one of a lane."""
    found: Case = {
        "name": name,
        "part": "stream",
        "community": community.hex(),
        "prepared": [_place(community, raw) for raw in prepared],
        "batches": [packed(codec.encode(batch)) for batch in batches],
    }
    if not records:
        return {**found, "expect": "reject", "code": "frame"}
    return {**found, "expect": "ok", "records": [[_parts(raw) for raw in part] for part in records]}


def _place(community: bytes, raw: RawRecord) -> list[Any]:
    header = parse_header(raw.header)
    return [header.lane_key.hex(), header.seq, record_id(community, raw.header).hex()]


def _parts(raw: RawRecord) -> list[Any]:
    body = None if raw.body is None else packed(raw.body)
    return [raw.header.hex(), body, raw.signature.hex()]


def _batch(encoder: BatchEncoder, raws: list[RawRecord]) -> list[Any]:
    found = codec.decode_any(codec.encode(encoder.encode(raws)))
    assert isinstance(found, list)
    return found


def _bare(raw: RawRecord) -> RawRecord:
    return raw._replace(body=None)


def _streams() -> Iterator[Case]:
    story = worked.story()
    community = story.community.id
    raws = [made.raw for _, made in story.made]
    encoder = BatchEncoder(community)
    parts = [raws[:5], raws[5:9], raws[9:]]
    batches = [_batch(encoder, part) for part in parts]
    assert None in batches[1][SEQS]
    assert None in batches[2][SEQS]
    yield _stream("a lane table over three messages", community, batches, *parts)
    yield _stream("the second message alone", community, batches[1:])
    yield _stream("nothing", community, [_batch(BatchEncoder(community), [])], [])
    shop = one_chapter("Sync", ["anna"])
    yield from _odd_streams(shop)
    yield from _prepared_streams(shop)
    yield from _broken_streams(community, raws[:5])


def _odd_streams(community: Community) -> Iterator[Case]:
    """Records without body, verbatim ones with and without, lanes and kinds that stand twice."""
    anna = Member.create(community, "anna")
    opened, pen = anna.start("social"), anna.pen("social")
    raws = [opened.raw, *(post_of(pen, f"post {n}").raw for n in range(4))]
    first, one, two, three, four = raws
    bare = [first, _bare(one), two, _bare(three)]
    batch = _batch(BatchEncoder(community.id), bare)
    assert len(batch[ABSENT]) == 2
    yield _stream("absent bodies", community.id, [batch], bare)
    odd = RawRecord(b"no header at all", b"any body", bytes(64))
    wrong = one._replace(body=b"another body")
    mixed = [first, odd, _bare(odd), wrong, one, _bare(two)]
    batch = _batch(BatchEncoder(community.id), mixed)
    assert (len(batch[VERBATIM]), len(batch[ABSENT]), len(batch[TIMES])) == (3, 1, 3)
    yield _stream("verbatim with and without body", community.id, [batch], mixed)
    after = _batch(BatchEncoder(community.id), [first, two])
    after[LANE_NUMBERS] = [1, 0]
    for column in (KIND_NUMBERS, SEQS, TIMES):
        after[column] = after[column][:1]
    after[PREVS], after[VERBATIM] = b"", [two.header]
    last = _batch(BatchEncoder(community.id), [first, one])
    last[LANES], last[LANE_NUMBERS], last[BODIES] = b"", [1], [one.body]
    for column in (KIND_NUMBERS, SEQS, TIMES):
        last[column] = last[column][1:]
    last[TIMES] = [_time(one)]
    last[SIGNED] = one.signature
    yield _stream("what was verbatim is not the lane's last, times start anew", community.id,
                  [after, last], [first, two], [one])  # fmt: skip
    double = _batch(BatchEncoder(community.id), [first, one, two])
    double[LANES] *= 2
    double[KINDS] = ["post.put", "social.open", "post.put", "unused"]
    double[LANE_NUMBERS], double[KIND_NUMBERS] = [1, 2, 2], [1, 0, 2]
    double[SEQS], double[PREVS] = [0, 1, None], _prev(one)
    yield _stream("a lane and a kind twice", community.id, [double], [first, one, two])
    double = [*double[:SEQS], [0, None, None], b"", *double[TIMES:]]
    yield _stream("each place has its own last record", community.id, [double])
    again = _batch(BatchEncoder(community.id), [three, four])
    again[SEQS], again[PREVS] = [4, 5], _prev(three) + _prev(four)  # they are 3 and 4
    headers = [_with_seq(three, 4), _with_seq(four, 5)]
    said = [RawRecord(h, r.body, r.signature) for h, r in zip(headers, (three, four), strict=True)]
    yield _stream("seqs are rebuilt as said, judged later", community.id, [again], said)


def _prepared_streams(community: Community) -> Iterator[Case]:
    """What follows records that the reader named needs neither its lane nor a prev."""
    bela = Member.create(community, "bela")
    said = [bela.start("social").raw]
    pen = bela.pen("social")
    said += [post_of(pen, f"post {n}").raw for n in range(4)]
    sold = [bela.start("market").raw]
    zero, one, two, three, four = said
    ids = [record_id(community.id, raw.header) for raw in said]
    encoder = BatchEncoder(community.id, [ids[1]])
    first, last = [two, sold[0]], [three, four]
    batches = [_batch(encoder, part) for part in (first, last)]
    assert (batches[0][LANE_NUMBERS], batches[0][SEQS], batches[0][PREVS]) == (
        [1, 2],
        [None, 0],
        b"",
    )
    assert len(batches[0][LANES]) == 65
    assert batches[1][LANES] == b""
    yield _stream("a prepared lane", community.id, batches, first, last, prepared=[one])
    yield _stream("the same, not prepared", community.id, batches)
    batch = _batch(BatchEncoder(community.id, [ids[0]]), [two, three])
    assert batch[LANE_NUMBERS] == [2, 2]
    yield _stream("a prepared lane that goes on elsewhere", community.id, [batch], [two, three],
                  prepared=[zero])  # fmt: skip
    batch = _batch(BatchEncoder(community.id, [ids[1], ids[1]]), [two])
    assert batch[LANE_NUMBERS] == [1]
    yield _stream("prepared twice", community.id, [batch], [two], prepared=[one, one])


# --- sketches -------------------------------------------------------------------------------------
Heads = list[tuple[bytes, int]]


def _heads(among: range, *, seq: int = 0) -> Heads:
    """Made-up heads on the lanes of these numbers, in order."""
    made = [(sha256(b"author", bytes([n % 7]), bytes([n % 251, n // 251])), n) for n in among]
    return sorted(
        (
            author
            + sha256(b"signer", author)
            + bytes((n % 6,))
            + sha256(b"id", author, bytes([seq])),
            n + seq,
        )
        for author, n in made
    )


def _sketch_case(name: str, own: Heads, sketch: list[Any], expect: str, **more: Any) -> Case:
    return {
        "name": name,
        "part": "sketch",
        "own": [[key.hex(), seq] for key, seq in own],
        "sketch": packed(codec.encode(sketch)),
        **more,
        "expect": expect,
    }


def _sums(heads: Heads, row: int) -> Sketch:
    sums = Sums()
    for key, seq in heads:
        sums.add(key, seq)
    return sums.sketch(row)


def _columns(sketch: Sketch) -> list[Any]:
    return [sketch.sums, sketch.counts, sketch.seqs]


def _read(name: str, own: Heads, theirs: Heads, row: int, *, readable: bool = True) -> Case:
    """Two sets and the sketch of theirs. What is shown is worked out from the sets."""
    shown = [
        sorted([key[:4] + key[32:34] + key[64:68], seq] for key, seq in set(a) - set(b))
        for a, b in ((theirs, own), (own, theirs))
    ]
    sketch = _sums(theirs, row)
    more = {
        "theirs": [[key.hex(), seq] for key, seq in theirs],
        "row": row,
        "about": compare(_sums(own, row), sketch).estimate,
        "shown": [[[part.hex(), seq] for part, seq in one] for one in shown] if readable else None,
    }
    return _sketch_case(name, own, _columns(sketch), "ok", **more)


def _sketches() -> Iterator[Case]:
    many = _heads(range(30))
    yield _read("two empty sets", [], [], 16)
    yield _read("all from nothing", [], many[:9], 16)
    yield _read("nothing of all", many[:9], [], 16)
    yield _read("the same", many, many, 24)
    moved = sorted([*many[5:], *_heads(range(200, 204)), *_heads(range(300, 303), seq=2)])
    yield _read("some on either side", many, moved, 32)
    further = sorted([*_heads(range(8)), *_heads(range(8, 30), seq=1)])
    yield _read("22 lanes further", many, further, 32)
    yield _read("too many for so few cells", many, further, 16, readable=False)
    high = [(key, 2**40 - n) for n, (key, _) in enumerate(many[:5])]
    yield _read("sums of high seqs", [], high, 3_072)
    sums, counts, seqs = _columns(_sums(many, 16))
    for name, broken in (
        ("no cells", [b"", [], []]),
        ("rows of 17 cells", [bytes(51 * 13), [0] * 51, [0] * 51]),
        ("rows of 8 cells", [bytes(24 * 13), [0] * 24, [0] * 24]),
        ("a cell more", [sums + bytes(13), [*counts, 0], [*seqs, 0]]),
        ("a seq less", [sums, counts, seqs[1:]]),
        ("half a sum", [sums[1:], counts, seqs]),
    ):
        yield _sketch_case(f"a sketch that is none: {name}", [], broken, "reject", code="frame")


def _header(raw: RawRecord) -> list[Any]:
    found = codec.decode_any(raw.header)
    assert isinstance(found, list)
    return found


def _time(raw: RawRecord) -> int:
    return int(_header(raw)[7])


def _prev(raw: RawRecord) -> bytes:
    return bytes(_header(raw)[6])


def _with_seq(raw: RawRecord, seq: int) -> bytes:
    fields = _header(raw)
    fields[5] = seq
    return codec.encode(fields)


def _broken_streams(community: bytes, raws: list[RawRecord]) -> Iterator[Case]:
    """One column of a good batch changed."""
    good = _batch(BatchEncoder(community), raws)
    assert good[SEQS][0] == 0
    time = good[TIMES]
    for name, column, value in (
        ("lane kind 6", LANES, good[LANES][:64] + b"\x06" + good[LANES][65:]),
        ("half a lane", LANES, good[LANES] + b"\0"),
        ("lane number above the table", LANE_NUMBERS, [99, *good[LANE_NUMBERS][1:]]),
        ("lane number below 0", LANE_NUMBERS, [-1, *good[LANE_NUMBERS][1:]]),
        ("a verbatim record that is not there", LANE_NUMBERS, [0, *good[LANE_NUMBERS][1:]]),
        ("a lane number less", LANE_NUMBERS, good[LANE_NUMBERS][1:]),
        ("kind number beyond the kinds", KIND_NUMBERS, [99, *good[KIND_NUMBERS][1:]]),
        ("kind number below 0", KIND_NUMBERS, [-1, *good[KIND_NUMBERS][1:]]),
        ("a kind number more", KIND_NUMBERS, [*good[KIND_NUMBERS], 0]),
        ("a seq below 0", SEQS, [-1, *good[SEQS][1:]]),
        ("a seq too high", SEQS, [2**40 + 1, *good[SEQS][1:]]),
        ("nil where nothing was sent before", SEQS, [None, *good[SEQS][1:]]),
        ("a prev that is missing", SEQS, [1, *good[SEQS][1:]]),
        ("a prev left over", PREVS, good[PREVS] + bytes(32)),
        ("half a prev", PREVS, good[PREVS] + bytes(16)),
        ("a time below 0", TIMES, [-1, *time[1:]]),
        ("a time above 2^53 - 1", TIMES, [2**53, *time[1:]]),
        ("a time less", TIMES, time[1:]),
        ("an absent body left over", ABSENT, [[bytes(32), 1]]),
        ("an absent body that is missing", BODIES, [None, *good[BODIES][1:]]),
        ("a verbatim header left over", VERBATIM, [b"x"]),
        ("a body less", BODIES, good[BODIES][1:]),
        ("half a signature", SIGNED, good[SIGNED][:-32]),
        ("a signature more", SIGNED, good[SIGNED] + bytes(64)),
    ):
        yield _stream(name, community, [[*good[:column], value, *good[column + 1 :]]])


# --- greetings ------------------------------------------------------------------------------------


def _hello() -> list[Any]:
    found = greet(fill("sync"), Settings(agent="vectors"), b"n" * 16, sha256()[:16])
    said = codec.decode_any(codec.encode(found))
    assert isinstance(said, list)
    return said


def _greetings() -> Iterator[Case]:
    """What a node of the community that keeps lane kinds 0, 1 and 2 says to a greeting."""
    for name, field, value, expect in (
        ("as it should be", 4, "vectors", [0, 1, 2]),
        ("kinds of later versions", 5, [0, 2, 3, 77, 255], [0, 2]),
        ("identity alone", 5, [0], [0]),
        ("features nobody knows", 11, ["x", "y"], [0, 1, 2]),
        ("version 2", 1, 2, "other-protocol"),
        ("another community", 2, fill("another"), "other-community"),
        ("rules 2", 3, 2, "other-rules"),
        ("without identity", 5, [1, 2], "frame"),
        ("kinds descending", 5, [1, 0], "frame"),
        ("a kind twice", 5, [0, 1, 1], "frame"),
    ):
        yield _greeting(name, {field: value}, expect)
    yield _greeting("all of it: version first", {1: 2, 2: fill("a"), 3: 2, 5: [1]},
                    "other-protocol")  # fmt: skip
    yield _greeting("community before rules", {2: fill("a"), 3: 2, 5: [1]}, "other-community")
    yield _greeting("rules before kinds", {3: 2, 5: [1]}, "other-rules")


def _greeting(name: str, changed: dict[int, Any], expect: str | list[int]) -> Case:
    hello = _hello()
    for field, value in changed.items():
        hello[field] = value
    found: Case = {
        "name": name,
        "part": "greeting",
        "community": fill("sync").hex(),
        "keeps": [0, 1, 2],
        "content": packed(codec.encode(hello)),
    }
    if isinstance(expect, str):
        return {**found, "expect": "reject", "code": expect}
    return {**found, "expect": "ok", "common": expect}
