"""Reads vector files. Imports nothing of ours, so that a second implementation may use it."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
FORMAT = "wetalk-vectors/1"
Packed = str | list[str | list[Any]]


def names() -> list[str]:
    """Names of all vector files, without their ending."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of one file."""
    document = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert document["format"] == FORMAT
    found: list[dict[str, Any]] = document["cases"]
    return found


def data(packed: Packed) -> bytes:
    """Bytes from hex, or from parts."""
    if isinstance(packed, str):
        return bytes.fromhex(packed)
    return b"".join(
        bytes.fromhex(part) if isinstance(part, str) else bytes.fromhex(part[0]) * part[1]
        for part in packed
    )


def text(packed: Packed) -> str:
    """Text, or text from parts."""
    if isinstance(packed, str):
        return packed
    return "".join(part if isinstance(part, str) else part[0] * part[1] for part in packed)


def expectation(case: dict[str, Any]) -> str:
    """What a case declares, as one word or two: `ok`, `reject shape`, `void over-limit`, …"""
    return f"{case['expect']} {case['code']}" if "code" in case else str(case["expect"])
