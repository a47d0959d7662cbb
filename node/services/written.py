"""Text that a member writes, brought into the form in which it is signed and checked for length.

Rules: composed (NFC), without what could deceive a reader or steer a terminal, within the format's
limits: what is refused here is refused with a sentence, before anything is signed.
"""

import unicodedata
from typing import TypeVar

from node import i18n
from node.protocol import codec
from node.protocol.errors import LocalFault, RemoteFault
from node.protocol.limits import BODY_SIZE_MAX_BYTES, NAME_SIZE_MAX_BYTES, TEXT_SIZE_MAX_BYTES
from node.protocol.shapes import Body

B = TypeVar("B", bound=Body)


def text(typed: str, *, empty: bool = False) -> str:
    """A text of several lines. Raises LocalFault text-empty (unless allowed), text-too-long."""
    clean = unicodedata.normalize("NFC", i18n.clean_for_display(typed)).strip()
    if not clean and not empty:
        raise LocalFault("text-empty")
    if len(clean.encode()) > TEXT_SIZE_MAX_BYTES:
        raise LocalFault("text-too-long", maximum=TEXT_SIZE_MAX_BYTES)
    return clean


def line(typed: str) -> str:
    """A text of one line, of any length, blanks run together."""
    clean = unicodedata.normalize("NFC", i18n.clean_for_display(typed, one_line=True))
    return " ".join(clean.split())


def name(typed: str) -> str:
    """A name of a room. Raises LocalFault name-invalid."""
    clean = line(typed)
    if not clean or len(clean) > NAME_SIZE_MAX_BYTES // 3:
        raise LocalFault("name-invalid", maximum=NAME_SIZE_MAX_BYTES)
    return clean


def fitting(body: B) -> B:
    """The body, if the format takes it. Raises LocalFault text-too-long, content-invalid."""
    data = codec.encode(body)
    if len(data) > BODY_SIZE_MAX_BYTES:
        raise LocalFault("text-too-long", maximum=BODY_SIZE_MAX_BYTES)
    try:
        codec.decode(data, type(body))
    except RemoteFault as fault:
        raise LocalFault("content-invalid", detail=fault.detail) from None
    return body
