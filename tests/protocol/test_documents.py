"""Documents that list what the code declares list all of it, and nothing else."""

import re

import node.ledger.alerts
import node.ledger.fold
import node.ledger.root
from node.protocol import crypto, limits
from node.protocol.errors import Reject, Void
from node.protocol.state import TABLES
from tests.tidy import ROOT
from tests.vectors import generate

assert node.ledger.alerts, node.ledger.root  # imported for the tables that they declare
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")


def test_the_architecture_lists_every_table() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = text.split("<!-- tables: begin -->")[1].split("<!-- tables: end -->")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE)) == sorted(TABLES)


def test_the_protocol_names_every_code() -> None:
    missing = [str(code) for code in (*Reject, *Void) if f"`{code}`" not in PROTOCOL]
    assert missing == []


def test_the_protocol_names_every_domain_word() -> None:
    words = [value for name, value in vars(crypto).items() if name.startswith("WORD_")]
    assert [w for w in words if f'"{w[:-1].decode()}\\0"' not in PROTOCOL] == []


def test_the_protocol_says_the_limits_that_no_table_shows() -> None:
    for limit in (
        limits.HEADER_SIZE_MAX_BYTES,
        limits.CLOSED_BODY_SIZE_MAX_BYTES,
        limits.ACCOUNT_BODY_SIZE_MAX_BYTES,
        limits.BODY_SIZE_MAX_BYTES,
        limits.GENESIS_SIZE_MAX_BYTES,
        limits.PAST_HEADS_MAX_COUNT,
        limits.INVITATION_LINK_MAX_CHARACTERS,
        limits.EXPORT_HEAD_MAX_BYTES,
        limits.EXPORT_LINE_MAX_BYTES,
        limits.RECEIPT_SIZE_MAX_BYTES,
        limits.CLOSE_PROOF_SIZE_MAX_BYTES,
        limits.CLOSE_PATH_MAX_COUNT,
        limits.RECEIPT_RECORDS_MAX_COUNT,
        limits.STATEMENT_SIZE_MAX_BYTES,
        limits.PART_MAX_CHARACTERS,
        limits.PARTS_MAX_COUNT,
        limits.PARTS_DATA_MAX_BYTES,
    ):
        assert f"{limit:,}" in PROTOCOL or f" {limit} " in PROTOCOL, limit


def test_the_worked_example_stands_in_the_document() -> None:
    assert generate.example.text() in PROTOCOL
    assert PROTOCOL.count(generate.BEGIN) == PROTOCOL.count(generate.END) == 1


def test_the_tests_that_the_threats_name_exist() -> None:
    text = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) > 50
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists()
        or f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_links_between_documents_lead_somewhere() -> None:
    folder = ROOT / "docs"
    links = [
        (path.name, link)
        for path in folder.rglob("*.md")
        for link in re.findall(r"\]\(([\w./-]+)\)", path.read_text(encoding="utf-8"))
        if not link.startswith("../pictures/")  # made by browser tests (tests/test_guide.py)
        and not (path.parent / link).exists()
    ]
    assert links == []
