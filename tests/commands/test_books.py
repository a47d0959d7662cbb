"""Books from the command line, with no node: verification, the audit in its forms, proofs."""

import csv
import io
import json
from pathlib import Path

import pytest
import trio

from node.commands.base import REFUSED
from node.i18n import LANGUAGES
from node.services.books.closing import Closing, proof_text
from node.services.core import open_core
from node.services.homes.generated import generated_officer
from node.services.publish import Publisher
from node.storage.home import HomeLock
from node.storage.kept.private import Contact
from tests.commands.test_at_home import Shell, shell  # noqa: F401

TABLE = """time,source,target,amount
2026-01-01 00:00:00,bank,amina,400
2026-01-01 00:00:01,bank,baraka,400.005
2026-01-01 00:00:02,amina,baraka,12.345678
2026-02-01 00:00:05,baraka,bank,1
"""


@pytest.fixture
def books(shell: Shell, tmp_path: Path) -> Shell:  # noqa: F811
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    assert shell("ledger", "replay", str(table))["trades"] == 4
    return shell


def test_verification_says_what_is_new_and_what_is_missing(books: Shell) -> None:
    first = books("ledger", "verify")
    again = books("ledger", "verify")
    assert (first["checked"], again["checked"]) == (first["records"], 0)
    assert again["before"] == first["records"]
    assert (first["before_at"], first["scratch_at"]) == (None, None)
    assert [one["code"] for one in again["missing"]] == ["no_relays", "no_close"]
    assert all(one["text"] for one in again["missing"])
    books("ledger", "verify", "--from-scratch")
    assert books("ledger", "verify")["scratch_at"]
    said = books.says("ledger", "verify")
    for part in ("L2:", "found sound on", "cannot be reached", "no computer can prove"):
        assert part in said


def test_an_audit_reads_the_same_in_all_its_forms(books: Shell) -> None:
    found = books("ledger", "audit", "replay", "--month", "2026-01")
    assert (found["trades"], found["sum_of_balances"], found["adds_up"]) == (3, 0, True)
    closing = {one["name"]: one["closing"] for one in found["members"]}
    assert closing | {"bank": -80_000, "amina": 38_765, "baraka": 41_235} == closing
    written = books.says("ledger", "audit", "replay", "--month", "2026-01", "--format", "json")
    assert json.loads(written) == found
    sheet = books.says("ledger", "audit", "replay", "--month", "2026-01", "--format", "csv")
    tables = [list(csv.DictReader(io.StringIO(part))) for part in sheet.split("\n\n")]
    assert (tables[0][0]["turnover"], tables[0][0]["sum_of_balances"]) == ("812.35", "0.00")
    assert {row["name"]: row["closing"] for row in tables[1]}["amina"] == "387.65"
    said = books.says("ledger", "audit", "replay", "--month", "2026-01")
    for part in ("812.35", "387.65", "-800.00", "sum 0.00", "L2:", "not closed"):
        assert part in said
    for language in LANGUAGES:
        assert books.says("--language", language, "ledger", "audit", "replay")


def test_an_audit_is_refused_with_a_reason(books: Shell) -> None:
    for arguments, code in (
        (("nowhere",), "unknown-chapter"),
        (("replay", "--month", "2026-13"), "month-invalid"),
        (("replay", "--month", "26-1"), "month-invalid"),
    ):
        assert books("ledger", "audit", *arguments, code=REFUSED)["error"]["code"] == code


def test_a_name_that_would_be_a_formula_is_a_text_in_the_sheet(books: Shell) -> None:
    with HomeLock(books.home):
        core = open_core(books.home)
        member = core.reader.contacts.all()[0].member
        evil = Contact(member, '=HYPERLINK("x")', "", 1)
        core.writer.run_sync(lambda state: state.contacts.put(evil))
        core.close()
    sheet = books.says("ledger", "audit", "replay", "--format", "csv")
    names = [row[1] for row in csv.reader(io.StringIO(sheet)) if len(row) == 9]
    assert '\'=HYPERLINK("x")' in names
    assert not any(name.startswith("=") for name in names)


def test_a_proof_is_checked_with_nothing_but_the_file(books: Shell, tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    with HomeLock(books.home):
        core = open_core(books.home)
        core.signer = generated_officer("", core.community).device
        trio.run(Closing(core, Publisher(core)).close, 0, "2026-01")
        member = core.reader.contacts.all()[0].member
        file.write_text(proof_text(core, 0, "2026-01", member))
        core.close()
    books.home.path.rename(tmp_path / "away")
    found = books("ledger", "check-proof", str(file))
    assert found["ok"]
    assert [one["ok"] for one in found["checks"]] == [True] * 8
    assert "The proof holds." in books.says("ledger", "check-proof", str(file))
    file.write_text(file.read_text().replace('"balance":', '"balance":1'))
    found = books("ledger", "check-proof", str(file), code=REFUSED)
    assert not found["checks"][-1]["ok"]
    missing = books("ledger", "check-proof", str(tmp_path / "none"), code=REFUSED)
    assert missing["error"]["code"] == "file-missing"
