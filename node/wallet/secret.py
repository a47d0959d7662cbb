"""Objects that hold a secret: never shown, never copied, never pickled, wiped when done with.

Left to others: Python copies immutable bytes and strings as it likes and frees them without
clearing, and so do the libraries below it. `wipe` clears what we can name; whoever can read this
process's memory, its swap or its core dumps is not kept out.
"""

from typing import NoReturn, SupportsIndex


class Secret:
    """Base of what holds a secret. Subclasses declare `__slots__`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, hidden>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a secret and is neither copied nor pickled")


def wipe(secret: bytearray) -> None:
    """Overwrite `secret` with zeros in place; its length stays."""
    secret[:] = bytes(len(secret))
