"""Writes tests/vectors/*.json and the worked example of docs/protocol.md, the same bytes each time.

    python -m tests.vectors.generate           write what is not as it should be
    python -m tests.vectors.generate --check   only say what is not (exit code 1)

Rule: expectations are declared by hand beside each case; the node's code only has to agree.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.vectors import (
    close_cases,
    codec_cases,
    example,
    fork_cases,
    history_codes,
    history_lanes,
    history_members,
    history_money,
    history_shown,
    history_stands,
    history_trades,
    kind_cases,
    note_cases,
    parts_cases,
    picture_cases,
    portable_cases,
    record_cases,
    sealed_cases,
    signature_cases,
    statement_cases,
    sync_cases,
)

FOLDER = Path(__file__).resolve().parent
DOCUMENT = FOLDER.parent.parent / "docs" / "protocol.md"
FORMAT = "wetalk-vectors/1"
BEGIN, END = "<!-- worked example: begin -->\n", "<!-- worked example: end -->\n"


def subjects() -> Iterator[tuple[str, str, list[Any]]]:
    """(file name, what its cases are, cases)."""
    yield "codec", "bytes: canonical MessagePack or `encoding`", codec_cases.codec_cases()
    yield "genesis", "bytes: a genesis document and its id, or a code", codec_cases.genesis_cases()
    yield "hashes", "hash = SHA-256 over the parts, joined", codec_cases.hash_cases()
    yield "signatures", "Ed25519 under the strict rule", signature_cases.cases()
    kinds = kind_cases.cases() + kind_cases.order_cases()
    yield "kinds", "bodies: what a record of the kind with this body is", kinds
    yield "records", "records, with nothing else known: stages one and two", record_cases.cases()
    yield "forks", "fork proofs", fork_cases.cases()
    yield "invitations", "links", portable_cases.invitation_cases()
    yield "exports", "lines of export files", portable_cases.export_cases()
    yield "receipts", "receipt files", portable_cases.receipt_cases()
    yield "close", "trees of a close, and paths", close_cases.cases()
    yield "close_proofs", "proofs of a balance", portable_cases.close_proof_cases()
    yield "statements", "account statements: form, and what is wrong", statement_cases.cases()
    yield "parts", "numbered texts: what they, read in this order, join to", parts_cases.cases()
    yield "pointers", "texts that say where a trade stands", parts_cases.pointer_cases()
    yield "notes", "notes from hand to hand", note_cases.cases()
    yield "pictures", "files: what their headers say, or none", picture_cases.cases()
    yield "sealed", "boxes, and their keys sealed for a device", sealed_cases.cases()
    yield "sync", "frames, streams of batches and greetings of sync", sync_cases.cases()
    for name, module in (
        ("trades", history_trades),
        ("lanes", history_lanes),
        ("members", history_members),
        ("money", history_money),
        ("shown", history_shown),
        ("stands", history_stands),
        ("codes", history_codes),
    ):
        found = [history.case() for history in module.histories()]
        yield f"history_{name}", "records in the order offered, and the state at the end", found


def text_of(about: str, cases: list[Any]) -> str:
    """A vector file: one case a line, one step of a history a line."""
    lines = [f'{{"format": {_json(FORMAT)},', f'"about": {_json(about)},', '"cases": [']
    for number, case in enumerate(cases):
        comma = "" if number == len(cases) - 1 else ","
        if "steps" not in case:
            lines.append(_json(case) + comma)
            continue
        steps = ",\n  ".join(_json(step) for step in case["steps"])
        head = f'{{"name": {_json(case["name"])}, "genesis": {_json(case["genesis"])},'
        lines += [head, f' "steps": [\n  {steps}],', f' "end": {_json(case["end"])}}}{comma}']
    return "\n".join([*lines, "]}"]) + "\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def wanted() -> Iterator[tuple[Path, str]]:
    """(file, the text it should have) of everything generated."""
    for name, about, cases in subjects():
        yield FOLDER / f"{name}.json", text_of(about, cases)
    if DOCUMENT.exists():
        text = DOCUMENT.read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        _, after = rest.split(END)
        yield DOCUMENT, before + BEGIN + example.text() + END + after


def differing() -> list[tuple[Path, str]]:
    """Files that are not as they should be, with the text they should have."""
    return [
        (path, text)
        for path, text in wanted()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    found = differing()
    for path, text in found:
        print(path.relative_to(FOLDER.parent.parent))
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    return int(bool(found) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
