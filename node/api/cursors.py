"""Page marks: where a list goes on, opaque to clients and checked when they come back.

Rules: a mark belongs to one list with its filters; another list refuses it. It carries a position,
not a page number, so pages stay right while new items arrive. It is sealed with this database's
own id: it survives a restart, and a made-up one is refused.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from node.protocol.errors import LocalFault
from node.protocol.limits import CURSOR_MAX_CHARACTERS

SEAL_BYTES: Final = 12
Position = Sequence[int | str]
"""A place in a list's order: integers, and ids as hex."""


class Cursors:
    """Makes and reads page marks."""

    def __init__(self, key: bytes) -> None:
        """`key`: at most 64 bytes that outlive the process and differ from node to node."""
        self._key = key

    def make(self, name: str, position: Position) -> str:
        """The mark for `position` in the list `name` (which holds the filters)."""
        data = json.dumps(list(position), separators=(",", ":")).encode()
        sealed = self._seal(name, data) + data
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def read(self, name: str, mark: str) -> list[int | str]:
        """The position in a mark of the list `name`. Raises LocalFault `cursor-invalid`."""
        if len(mark) > CURSOR_MAX_CHARACTERS:
            raise LocalFault("cursor-invalid")
        try:
            sealed = base64.b64decode(mark + "=" * (-len(mark) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise LocalFault("cursor-invalid") from None
        data = sealed[SEAL_BYTES:]
        if sealed[:SEAL_BYTES] != self._seal(name, data):
            raise LocalFault("cursor-invalid")
        return json.loads(data)

    def _seal(self, name: str, data: bytes) -> bytes:
        text = name.encode("utf-8", "surrogatepass")
        return blake2b(
            len(text).to_bytes(4, "big") + text + data, digest_size=SEAL_BYTES, key=self._key
        ).digest()
