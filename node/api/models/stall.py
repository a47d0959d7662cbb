"""Shapes about notes: what is handed over where there is no network, and what became of it."""

from typing import Annotated, Literal

from pydantic import Field

from node.api.models.base import Id, Model, Sentence, Who
from node.api.models.trade import Trade
from node.protocol import limits

PART_EXAMPLE = "WETALK:PART1/NOTE/1/1/7JMGMIAWBSNZGDCN/AAAA"
PART_LEAST_CHARACTERS = 150

Standing = Literal[
    "unknown", "asked", "accepted", "off", "agreed", "paid", "unconfirmed", "final", "doubt"
]
PartText = Annotated[str, Field(max_length=limits.PART_MAX_CHARACTERS, examples=[PART_EXAMPLE])]
PartCharacters = Annotated[
    int,
    Field(
        ge=PART_LEAST_CHARACTERS,
        le=limits.PART_MAX_CHARACTERS,
        description="how long a part may be: what a QR code of the wanted size holds",
    ),
]
Drawn = Annotated[bool, Field(description="with the parts drawn as QR codes")]


class NoteIn(Model):
    """How a note is wanted. `full`: with all that the other side is not known to hold, for a file;
    else without what both had from the network, so that it fits a QR code."""

    full: bool = False
    part_characters: PartCharacters = limits.PART_MAX_CHARACTERS
    drawn: Drawn = False


class GreetingIn(Model):
    """How a greeting is wanted."""

    part_characters: PartCharacters = limits.PART_MAX_CHARACTERS
    drawn: Drawn = False


class Code(Model):
    """A QR code: `path` draws its dark modules (SVG), in a square of `size` with its margin."""

    size: Annotated[int, Field(examples=[33])]
    path: Annotated[str, Field(examples=["M4 4.5h7"])]


class Told(Model):
    """How sure a trade is, in one sentence. `final`: nobody can change it any more."""

    id: Id
    standing: Standing
    final: bool
    text: Sentence


class NoteOut(Model):
    """A note to hand over, in parts; `partner` is null for a greeting, which is for anybody."""

    partner: Who | None
    trades: list[Told]
    records: Annotated[int, Field(description="how many it brings", examples=[2])]
    size: Annotated[int, Field(description="of the note, bytes", examples=[771])]
    parts: list[PartText]
    codes: list[Code]


class NotesIn(Model):
    """The parts of one note, in any order. `anyway` settles before neighbours confirmed our last
    records."""

    parts: Annotated[list[PartText], Field(min_length=1, max_length=limits.PARTS_MAX_COUNT)]
    anyway: bool = False
    part_characters: PartCharacters = limits.PART_MAX_CHARACTERS
    drawn: Drawn = False


class TakenTrade(Told):
    """A trade that a note is about; `trade` is null where not all of it is here yet."""

    trade: Trade | None


class Taken(Model):
    """What became of a note, and the answer to hand back (null: none is waited for).

    `lacking`: how many records it rests on are not here; `unsettled`: trades that wait, and
    `unsettled_text` says for what.
    """

    sender: Who
    own: Annotated[bool, Field(description="made by this very member")]
    trades: list[TakenTrade]
    accepted: Annotated[int, Field(examples=[2])]
    duplicate: Annotated[int, Field(examples=[3])]
    rejected: Annotated[int, Field(examples=[0])]
    lacking: Annotated[int, Field(examples=[0])]
    settled: Annotated[list[Id], Field(examples=[[]])]
    unsettled: Annotated[list[Id], Field(examples=[[]])]
    unsettled_text: Annotated[str | None, Field(examples=[None])]
    answer: NoteOut | None
    text: Sentence
