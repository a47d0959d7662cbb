"""The second reader's part for files and links (section 17), written from docs/protocol.md alone.

Rule: nothing of the node is imported here.
"""

import base64
import binascii
import json
import re
from typing import Any

from tests.protocol.second_reader import Refused, check, read_genesis, unpack


def from64(text: str) -> bytes:
    """Section 1: base64url in its one form."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise Refused("encoding") from error
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise Refused("encoding")
    return data


def read_invitation(link: str) -> dict[str, Any]:
    """The map of an invitation."""
    link = link.strip(" \t\r\n")
    if len(link) > 98_304:
        raise Refused("size")
    if not link.startswith("wetalk:join?c="):
        raise Refused("encoding")
    found: dict[str, Any] = unpack(from64(link.removeprefix("wetalk:join?c=")))
    check("map invitation", found)
    _, document = read_genesis(found["genesis"])
    if found["chapter"] not in [chapter["name"] for chapter in document["chapters"]]:
        raise Refused("shape")
    return found


def _object(text: str, largest: int, required: set[str], allowed: set[str]) -> dict[str, Any]:
    if len(text.encode()) > largest:
        raise Refused("size")
    try:
        value = json.loads(text, object_pairs_hook=_members)
    except ValueError as error:
        raise Refused("encoding") from error
    if not isinstance(value, dict) or not required <= value.keys() <= allowed:
        raise Refused("encoding")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)


def _is_one(number: Any) -> bool:
    if type(number) is not int:
        raise Refused("encoding")
    return number == 1


def _hex(text: str) -> bytes:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise Refused("encoding")
    return bytes.fromhex(text)


def read_head(line: str) -> tuple[bytes | None, bytes | None]:
    """First line of an export file: community and genesis document."""
    value = _object(line, 98_304, {"wetalk"}, {"wetalk", "community", "genesis"})
    if not _is_one(value["wetalk"]):
        raise Refused("version")
    community = None if value.get("community") is None else _hex(value["community"])
    if value.get("genesis") is None:
        return community, None
    document = from64(value["genesis"])
    if community not in (None, read_genesis(document)[0]):
        raise Refused("community")
    return community, document


def _parts(value: dict[str, Any]) -> tuple[bytes, bytes | None, bytes]:
    if not {"header", "signature"} <= value.keys() <= {"header", "body", "signature"}:
        raise Refused("encoding")
    if not all(isinstance(part, str) for part in value.values()):
        raise Refused("encoding")
    body = from64(value["body"]) if "body" in value else None
    return from64(value["header"]), body, from64(value["signature"])


def read_line(line: str) -> tuple[bytes, bytes | None, bytes]:
    """A record of an export file."""
    names = {"header", "body", "signature"}
    return _parts(_object(line, 65_536, names - {"body"}, names))


def read_receipt(text: str) -> dict[str, Any]:
    """A receipt file: genesis, records, trade, order."""
    names = {"wetalk_receipt", "genesis", "records", "trade"}
    value = _object(text, 67_108_864, names, names | {"order"})
    if not _is_one(value["wetalk_receipt"]):
        raise Refused("version")
    if not value["records"]:
        raise Refused("encoding")
    records = [_parts(item) for item in value["records"]]
    order = value.get("order")
    if "order" in value:
        if not isinstance(order, dict) or order.keys() != {"salt", "order"}:
            raise Refused("encoding")
        order = {name: from64(part) for name, part in order.items()}
    genesis, trade = from64(value["genesis"]), _hex(value["trade"])
    if order is not None and len(order["salt"]) != 16:
        raise Refused("shape")
    return {"genesis": genesis, "records": records, "trade": trade, "order": order}
