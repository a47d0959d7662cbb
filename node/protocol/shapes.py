"""Field types shared by all bodies: ids, keys, amounts, words and texts with their bounds.

Rules: lengths of bytes are exact, lengths of text count code points, integers are exact and bounded
(`True` is no integer). A body is a canonical map whose fields all stand, absent ones as nil.
"""

import itertools
from collections.abc import Sequence as Sequence_
from typing import Annotated, Any, NewType

import msgspec
from msgspec import Meta

from node.protocol import limits

RecordId = NewType("RecordId", bytes)
MemberId = NewType("MemberId", bytes)
CommunityId = NewType("CommunityId", bytes)

Id = Annotated[bytes, Meta(min_length=32, max_length=32)]
Key = Annotated[bytes, Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
Salt = Annotated[bytes, Meta(min_length=limits.SALT_SIZE_BYTES, max_length=limits.SALT_SIZE_BYTES)]
Amount = Annotated[int, Meta(ge=1, le=limits.AMOUNT_MAX_UNITS)]
Sum = Annotated[int, Meta(ge=0, le=limits.SUM_MAX_UNITS)]
Time = Annotated[int, Meta(ge=0, le=limits.TIME_MAX_MS)]
Sequence = Annotated[int, Meta(ge=0, le=limits.SEQUENCE_MAX_COUNT)]
Name = Annotated[str, Meta(min_length=1, max_length=limits.NAME_SIZE_MAX_BYTES // 3)]
Word = Annotated[str, Meta(min_length=1, max_length=limits.WORD_SIZE_MAX_BYTES)]
Text = Annotated[str, Meta(max_length=limits.TEXT_SIZE_MAX_BYTES)]


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Base of all bodies. Fields are declared in byte order of their names."""

    def names(self) -> tuple[bytes, ...]:
        """Ids of the records this body stands on: it is deferred until all of them are held."""
        return ()

    def well_formed(self) -> bool:
        """What types alone cannot say: sets stand in strictly ascending order, and the like."""
        return True


class Row(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Base of all that is encoded as a fixed array: headers, items of lists, rows of tables."""


def ascending(ids: Sequence_[Any]) -> bool:
    """True iff strictly ascending: the one form of every set."""
    return all(a < b for a, b in itertools.pairwise(ids))
