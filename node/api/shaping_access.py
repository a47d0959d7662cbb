"""Tokens as the API shows them, with how long they are good in words."""

from typing import Any, Final

from node import i18n
from node.api.shaping import iso_time
from node.storage.kept.access import Token

HOUR_MS: Final = 3_600_000
HOURS_TOLD_MAX_COUNT: Final = 48  # what is longer is told in days


def shown(token: Token, now_ms: int, language: str) -> dict[str, Any]:
    """The fields of a token, without its secret."""
    return {
        "id": token.hash.hex(),
        "name": i18n.clean_for_display(token.name, one_line=True),
        "scopes": sorted(token.scopes),
        "created": iso_time(token.created),
        "expires": None if token.expires is None else iso_time(token.expires),
        "good": token.expires is None or token.expires > now_ms,
        "text": life_text(token.expires, now_ms, language),
    }


def life_text(expires_ms: int | None, now_ms: int, language: str) -> str:
    """How long something is still good, rounded up to whole hours or days."""
    if expires_ms is None:
        return i18n.text("token.for_good", language)
    left_ms = expires_ms - now_ms
    if left_ms <= 0:
        return i18n.text("token.over", language)
    hours = -(-left_ms // HOUR_MS)
    if hours <= HOURS_TOLD_MAX_COUNT:
        return i18n.text("token.hours", language, count=hours)
    return i18n.text("token.days", language, count=-(-hours // 24))
