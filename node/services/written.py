"""Text that a member writes, brought into the form in which it is signed and checked for length.

Rules: composed (NFC), without what could deceive a reader or steer a terminal, within the format's
limits: what is refused here is refused with a sentence, before anything is signed.
"""

import re
import unicodedata
from typing import Final, TypeVar

from node import i18n
from node.protocol import codec
from node.protocol.errors import LocalFault, RemoteFault
from node.protocol.limits import BODY_SIZE_MAX_BYTES, NAME_SIZE_MAX_BYTES, TEXT_SIZE_MAX_BYTES
from node.protocol.shapes import Body

B = TypeVar("B", bound=Body)
REGION: Final = re.compile(r"[A-Z]{2}(-[0-9A-Z]{1,8}){0,3}", re.ASCII)  # KR, KR-11, US-CA-SFO
LANGUAGE: Final = re.compile(r"([a-z]{2,3})(-[0-9a-z]{1,8}){0,3}", re.ASCII)  # ko, yue, zh-hant
_CODES: Final = """aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs
cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht
hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg
li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa
pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th
ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"""
SHORT_LANGUAGES: Final = frozenset(_CODES.split())
"""ISO 639-1; a language without a code of two letters is written with three."""


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
    """A name of a room or of somebody. Raises LocalFault name-invalid."""
    clean = line(typed)
    if not clean or len(clean) > NAME_SIZE_MAX_BYTES // 3:
        raise LocalFault("name-invalid", maximum=NAME_SIZE_MAX_BYTES)
    return clean


def region(typed: str) -> str:
    """A region code in its one form. Raises LocalFault region-invalid."""
    code = typed.strip().upper()
    if REGION.fullmatch(code) is None:
        raise LocalFault("region-invalid", region=line(typed))
    return code


def language(typed: str) -> str:
    """A language's tag, `ko` or `zh-Hant`, as typed. Raises LocalFault language-invalid."""
    tag = typed.strip()
    found = LANGUAGE.fullmatch(tag.lower())
    if found is None or (len(found[1]) == 2 and found[1] not in SHORT_LANGUAGES):
        raise LocalFault("language-invalid", language=line(typed))
    return tag


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
