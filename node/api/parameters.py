"""Parameters that many routes take, declared once."""

from typing import Annotated

from fastapi import Path, Query

from node.api.models.base import ID_EXAMPLE
from node.protocol import limits

CursorQuery = Annotated[
    str | None,
    Query(
        max_length=limits.CURSOR_MAX_CHARACTERS,
        description="where the page before ended (its `next`)",
        examples=[None],
    ),
]
LimitQuery = Annotated[
    int,
    Query(
        ge=1,
        le=limits.PAGE_ITEMS_MAX_COUNT,
        description="how many items at most",
        examples=[limits.PAGE_ITEMS_USUAL_COUNT],
    ),
]
USUAL = limits.PAGE_ITEMS_USUAL_COUNT
IdPath = Annotated[str, Path(pattern="^[0-9a-f]{64}$", examples=[ID_EXAMPLE])]
IdQuery = Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", examples=[ID_EXAMPLE])]
NamePath = Annotated[
    str, Path(min_length=1, max_length=limits.NAME_SIZE_MAX_BYTES // 3, examples=["마을"])
]
UnitPath = Annotated[
    str, Path(min_length=1, max_length=limits.WORD_SIZE_MAX_BYTES, examples=["hours"])
]
ChapterQuery = Annotated[
    str | None,
    Query(max_length=limits.NAME_SIZE_MAX_BYTES // 3, examples=["마을"]),
]
FlagQuery = Annotated[bool, Query(examples=[False])]
