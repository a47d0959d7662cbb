"""Shapes that all others are made of.

Rules: ids are 64 lowercase hex digits, times ISO 8601 UTC with `Z`, amounts integers in minor units
beside their unit and decimals. Requests with unknown fields are refused. Every field that needs one
carries an example; `openapi` builds whole examples from them.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from node.protocol import limits

Scope = Literal["read", "talk", "trade", "admin"]
Language = Literal["ko", "zh", "en"]
ListingKind = Literal["gift", "goods", "loan", "service", "share", "want"]
Stock = Literal["few", "many", "one", "unknown"]
Direction = Literal["pay", "invoice"]

ID_EXAMPLE = "5f0c1c3a0f5d5f1e6a0c7f4b9c0d8e7a1b2c3d4e5f60718293a4b5c6d7e8f901"
Id = Annotated[str, Field(pattern="^[0-9a-f]{64}$", examples=[ID_EXAMPLE])]
Time = Annotated[str, Field(examples=["2026-09-22T04:53:20.000Z"])]
Name = Annotated[
    str, Field(min_length=1, max_length=limits.NAME_SIZE_MAX_BYTES // 3, examples=["김순희"])
]
# What is shown has no bounds: others wrote it with other programs, and cleaning may empty it.
NameShown = Annotated[str, Field(examples=["김순희"])]
RoomShown = Annotated[str, Field(examples=["마당"])]
TextShown = Annotated[str, Field(examples=["안녕하세요"])]
WordShown = Annotated[str | None, Field(examples=["ko"])]
ChapterShown = Annotated[str, Field(examples=["마을"])]
Text = Annotated[str, Field(max_length=limits.TEXT_SIZE_MAX_BYTES, examples=["안녕하세요"])]
Word = Annotated[str, Field(min_length=1, max_length=limits.WORD_SIZE_MAX_BYTES, examples=["ko"])]
Amount = Annotated[int, Field(ge=1, le=limits.AMOUNT_MAX_UNITS, examples=[1250])]
Sum = Annotated[int, Field(examples=[-2500])]
Decimals = Annotated[int, Field(ge=0, le=limits.DECIMALS_MAX_COUNT, examples=[2])]
Unit = Annotated[str, Field(examples=["credit"])]
Cursor = Annotated[str | None, Field(max_length=limits.CURSOR_MAX_CHARACTERS, examples=[None])]
Words = Annotated[
    str,
    Field(
        min_length=1,
        max_length=limits.PHRASE_MAX_CHARACTERS,
        examples=["abandon ability able … (24 words)"],
    ),
]
Room = Annotated[
    str, Field(min_length=1, max_length=limits.NAME_SIZE_MAX_BYTES // 3, examples=["마당"])
]
Level = Annotated[str, Field(pattern="^L[0-4]$", examples=["L2"])]
Sentence = Annotated[str, Field(examples=["모두 여기에서 다시 계산했어요"])]


class Model(BaseModel):
    """Base of all shapes: nothing unknown, nothing changed after it was made.

    Validators are built when they are first needed: a node that nobody asks holds none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Who(Model):
    """A member, and what to call them here."""

    id: Id
    name: NameShown


class Made(Model):
    """The id of the record that was made."""

    id: Id


class Nothing(Model):
    """Done; there is nothing to tell."""


class Problem(Model):
    """Why something was not done (RFC 9457)."""

    type: Annotated[str, Field(examples=["urn:wetalk:problem:over-limit"])]
    title: Annotated[str, Field(examples=["Not possible now"])]
    status: Annotated[int, Field(examples=[409])]
    code: Annotated[str, Field(examples=["over-limit"])]
    detail: Annotated[str, Field(examples=["That is more than you can spend."])]
    values: dict[str, Any]
