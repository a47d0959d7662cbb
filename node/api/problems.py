"""Errors as RFC 9457 problem documents, in the language that the client asked for.

Rules: every refusal carries a stable `code`, an HTTP status, one sentence that says what happened
and what to do, and the values that stand in it. Nothing of the program shows: no traceback, no
path of its source, no type name. A code without a sentence gets the general one.

Left to others: raising (everybody), the sentences (`node.i18n`).
"""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from node.api import misfits
from node.i18n import catalogue, negotiate_language, placeholders, problem_text, text
from node.protocol.errors import LocalFault, RemoteFault, StorageFault, WetalkError

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:wetalk:problem:"

_NOT_FOUND: Final = (
    *("not-found", "trade-unknown", "listing-gone", "post-gone", "member-unknown"),
    *("partner-unknown", "room-unknown", "token-unknown", "device-unknown"),
    *("unknown-chapter", "dispute-unknown", "picture-unknown"),
)
_NOT_ALLOWED: Final = (
    *("host-refused", "origin-refused", "scope-missing", "not-officer", "not-allowed"),
    *("not-yours", "device-revoked", "device-not-added", "dispute-not-yours"),
    *("dispute-not-panel", "dispute-not-asked", "dispute-not-keeper"),
)
_NOT_VALID: Final = (
    *("request-invalid", "cursor-invalid", "amount-invalid", "amount-too-large", "text-too-long"),
    *("text-empty", "name-invalid", "month-invalid", "stars-invalid", "address-invalid"),
    *("peer-address", "invitation-invalid", "invitation-expired", "genesis-invalid"),
    *("phrase-count", "phrase-word", "phrase-word-near", "phrase-checksum", "phrase-long"),
    *("phrase-other", "phrase-wrong", "phrase-needed", "partner-self", "language-invalid"),
    *("file-format", "other-community", "region-invalid", "dispute-amount"),
    *("note-invalid", "note-mixed", "note-kind", "note-parts"),
    *("picture-format", "picture-moving", "picture-too-large", "picture-failed"),
    *("pictures-many", "picture-twice", "picture-text"),
)
STATUS: Final[Mapping[str, int]] = {
    **dict.fromkeys(_NOT_FOUND, HTTPStatus.NOT_FOUND),
    **dict.fromkeys(_NOT_ALLOWED, HTTPStatus.FORBIDDEN),
    **dict.fromkeys(_NOT_VALID, HTTPStatus.UNPROCESSABLE_ENTITY),
    "unauthorised": HTTPStatus.UNAUTHORIZED,
    "method-not-allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "media-type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "request-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "request-slow": HTTPStatus.REQUEST_TIMEOUT,
    "too-many-requests": HTTPStatus.TOO_MANY_REQUESTS,
    "pairing-wrong": HTTPStatus.FORBIDDEN,
    "lan-address": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unexpected": HTTPStatus.INTERNAL_SERVER_ERROR,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "starting": HTTPStatus.SERVICE_UNAVAILABLE,
    "disk-full": HTTPStatus.INSUFFICIENT_STORAGE,
}
"""What is not here: 409 for a local fault, 422 for bytes of others, 503 for storage."""

_TITLES: Final[Mapping[int, str]] = {
    401: "refused",
    403: "refused",
    404: "not_found",
    405: "refused",
    409: "not_now",
    429: "not_now",
    500: "trouble",
    503: "trouble",
    507: "trouble",
}


def status_of(fault: WetalkError) -> int:
    """The HTTP status of a fault."""
    known = STATUS.get(fault.code)
    if known is not None:
        return int(known)
    if isinstance(fault, StorageFault):
        return HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(fault, RemoteFault):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.CONFLICT


def language_of(headers: Iterable[tuple[bytes, bytes]], default: str) -> str:
    """What `Accept-Language` asks for, else `default`."""
    for name, value in headers:
        if name.lower() == b"accept-language":
            return negotiate_language(value.decode("latin-1"), default)  # type: ignore[arg-type]
    return default


def document(fault: WetalkError, language: str) -> dict[str, Any]:
    """The problem document of a fault."""
    status = status_of(fault)
    values = {name: _plain(value) for name, value in fault.values.items()}
    told = misfits.sentence(values, language) or problem_text(
        fault.code, language, **{"detail": fault.detail, **values}
    )
    return {
        "type": TYPE_PREFIX + fault.code,
        "title": text(f"problem_title.{_TITLES.get(status, 'not_valid')}", language),
        "status": status,
        "code": fault.code,
        "detail": told,
        "values": values,
    }


def sample(code: str, language: str) -> dict[str, Any]:
    """An example of the problem document with a code."""
    key = f"problem.{code}"
    names = placeholders(catalogue(language)[key]) if key in catalogue(language) else set[str]()
    numbers = ("count", "maximum", "minimum", "seconds", "position", "needed", "found", "limit")
    values: dict[str, Any] = {
        name: 12 if name in numbers or name == "decimals" else f"…{name}…"
        for name in sorted(names - {"code", "detail"})
    }
    storage = code in ("busy", "disk-error", "storage-busy", "storage-closed")
    return document(
        StorageFault(code, **values) if storage else LocalFault(code, **values), language
    )


def sentence(fault: WetalkError, language: str) -> str:
    """What happened and what to do, for people."""
    return str(document(fault, language)["detail"])


def _plain(value: object) -> Any:
    """A value as JSON can hold it. Bytes are ids."""
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]  # type: ignore[reportUnknownVariableType]
    return str(value)


def encoded(fault: WetalkError, language: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body of the answer to a fault."""
    found = document(fault, language)
    body = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"content-language", language.encode()),
    ]
    if found["status"] == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b'Bearer realm="wetalk"'))
    if found["status"] == HTTPStatus.METHOD_NOT_ALLOWED and "allow" in fault.values:
        headers.append((b"allow", str(fault.values["allow"]).encode()))
    if found["status"] == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"1"))
    if found["status"] == HTTPStatus.TOO_MANY_REQUESTS:
        headers.append((b"retry-after", str(fault.values["seconds"]).encode()))
    return found["status"], headers, body


def from_validation(errors: Iterable[Mapping[str, Any]]) -> LocalFault:
    """The fault of a request that does not have the shape asked for: where, and what is wanted.

    What was sent is not repeated: it may hold the 24 words.
    """
    return misfits.found(errors)
