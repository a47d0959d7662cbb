"""The worked example as text for docs/protocol.md: every byte of it, explained line by line."""

import textwrap
from collections.abc import Iterable, Iterator

from node.protocol import codec, crypto
from node.protocol.record import LANE_OF_KIND
from tests.vectors import worked
from tests.vectors.history_trades import worked_example
from tests.vectors.record_cases import FIELDS
from tests.vectors.world import Keys, Made, seed

WIDTH = 96


def text() -> str:
    """The section between the markers."""
    story = worked.story()
    lines = [
        "Secret keys are Ed25519 seeds of 32 bytes, made for this example only.",
        "",
        "```",
        *_pair("root seed of Anna", seed("anna")),
        *_pair("root key of Anna, her member id", story.anna.id),
        *_pair("device seed of Anna", seed("anna device")),
        *_pair("device key of Anna", story.anna.key),
        *_pair("root seed of Bora", seed("bora")),
        *_pair("root key of Bora, her member id", story.bora.id),
        *_pair("device seed of Bora", seed("bora device")),
        *_pair("device key of Bora", story.bora.key),
        *_pair("genesis document", story.community.data),
        *_pair("community id", story.community.id),
        *_pair("salt of the order", worked.ORDER_SALT),
        *_pair(f"order, the text {worked.ORDER.decode()}", worked.ORDER),
        "```",
    ]
    for name, made in story.made:
        lines += _record(name, made)
    lines += _outcome()
    return "\n".join(lines) + "\n"


def _pair(name: str, data: bytes) -> list[str]:
    return [f"{name}:", *("  " + line for line in textwrap.wrap(data.hex(), WIDTH))]


def _record(name: str, made: Made) -> Iterator[str]:
    fields = codec.decode_any(made.raw.header)
    assert isinstance(fields, list)
    assert made.raw.body is not None
    kind, lane = fields[1], LANE_OF_KIND[fields[1]]
    yield ""
    yield f"**{name}** (`{kind}`, lane {int(lane)}, seq {fields[5]})"
    yield ""
    yield "```"
    yield from _fields(FIELDS, fields)
    yield from _pair("header", made.raw.header)
    body = codec.decode_any(made.raw.body)
    assert isinstance(body, dict)
    yield from _fields(body, body.values())
    yield from _pair("body", made.raw.body)
    yield from _pair("id", made.id)
    yield from _pair("signed message", crypto.record_message(made.id))
    yield from _pair("signature", made.raw.signature)
    yield "```"


def _fields(names: Iterable[str], values: Iterable[object]) -> Iterator[str]:
    """Fields as a comment, short ones only in full."""
    shown = [f"{name}={_short(value)}" for name, value in zip(names, values, strict=True)]
    yield from textwrap.wrap("# " + " ".join(shown), WIDTH + 2, subsequent_indent="#   ")


def _short(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()[:8] + "…"
    if isinstance(value, list):
        return "[" + ",".join(_short(item) for item in value) + "]"
    return "nil" if value is None else str(value)


def _outcome() -> Iterator[str]:
    end = worked_example().case()["end"]
    yield ""
    yield "All verdicts are `ok`. The state at the end:"
    yield ""
    yield "```"
    for chapter, member, amount in end["balances"]:
        who = "Anna" if bytes.fromhex(member) == Keys("anna").public else "Bora"
        yield f"balance of {who} in chapter {chapter}: {amount}"
    for name, digest in end["sections"].items():
        yield f"section {name}: {digest}"
    yield f"state root: {end['state_root']}"
    for name, digest in end["state_root_of_chapter"].items():
        yield f"state root of {name}: {digest}"
    yield "```"
