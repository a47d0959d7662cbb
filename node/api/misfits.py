"""What is wrong with the shape of a request, in the reader's words.

Rules: the field is named as people call it, the library's own (English) message never shows, and
no value that was sent is repeated: it may hold the 24 words.

Left to others: finding what is wrong (pydantic), the answer (`node.api.problems`).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from node.i18n import FALLBACK, catalogue, clean_for_display, text
from node.protocol.errors import LocalFault
from node.protocol.limits import NAME_SIZE_MAX_BYTES

_PLACES: Final = frozenset({"body", "query", "path", "header"})
_KINDS: Final[Mapping[str, str]] = {
    "string_too_short": "short",
    "string_too_long": "long",
    "too_short": "few",
    "too_long": "many",
    "missing": "missing",
    "extra_forbidden": "extra",
    "string_type": "no_text",
    "string_unicode": "no_text",
    "list_type": "no_list",
    "bool_type": "no_choice",
    "bool_parsing": "no_choice",
    "greater_than": "above",
    "greater_than_equal": "least",
    "less_than": "below",
    "less_than_equal": "most",
    "literal_error": "one_of",
    "enum": "one_of",
    "json_invalid": "json",
}
_LIMITS: Final = ("min_length", "max_length", "ge", "gt", "le", "lt")
GENERAL: Final = "form"


def found(errors: Iterable[Mapping[str, Any]]) -> LocalFault:
    """The fault of the first thing that does not fit. Values: misfit, field, limit, choices."""
    nothing: Mapping[str, Any] = {}
    error = next(iter(errors), nothing)
    kind = str(error.get("type", ""))
    context: Mapping[str, Any] = error.get("ctx") or {}
    where: tuple[object, ...] = tuple(error.get("loc", ()))
    parts = [part for part in where if isinstance(part, str)]
    field = next((part for part in reversed(parts) if part not in _PLACES), "")
    field = clean_for_display(field, one_line=True)[:NAME_SIZE_MAX_BYTES]
    misfit = "no_number" if kind.startswith("int_") else _KINDS.get(kind, GENERAL)
    limit = next((context[name] for name in _LIMITS if name in context), None)
    if misfit == "short" and limit == 1:
        misfit = "empty"
    if field == "month" and misfit == GENERAL:
        misfit = "month"
    values: dict[str, Any] = {"misfit": misfit, "field": field}
    if limit is not None:
        values["limit"] = limit
    if misfit == "one_of":
        values["choices"] = ", ".join(re.findall(r"'([^']*)'", str(context.get("expected", ""))))
    return LocalFault("request-invalid", detail=kind, **values)


def sentence(values: Mapping[str, Any], language: str) -> str | None:
    """What is wrong, as a sentence; None if the values are not those of a misfit."""
    if "misfit" not in values:
        return None
    field = str(values.get("field", ""))
    key = f"field.{field}"
    if not field:
        field = text("field.all", language)
    elif key in catalogue(FALLBACK):
        field = text(key, language)
    return text(f"misfit.{values['misfit']}", language, **{**values, "field": field})
