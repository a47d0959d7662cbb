"""Checking what a close says of a member, with nothing but the file: no node, no network, no home.

Rules: nothing in the file is believed. Each check is one sentence, good or bad, and the first bad
one ends the checking. What a file cannot tell is said as well: whether a later close replaced this
one, whether a device was shut out, and whether somebody signed another history elsewhere.

Left to others: making proofs (`closing`), showing sentences.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from node.i18n import amount_text, clean_for_display
from node.ledger import close
from node.ledger.close import Totals
from node.protocol import admission, genesis, portable
from node.protocol.admission import Refused
from node.protocol.errors import RemoteFault
from node.protocol.genesis import Chapter
from node.protocol.identity import DeviceAdd, Lane
from node.protocol.office import ChapterClose, OfficeApprove, act_hash
from node.protocol.portable import CloseProof
from node.protocol.record import Record
from node.protocol.shapes import CommunityId
from node.services.books.months import month_of
from node.services.books.receipt_check import SHORT_ID_CHARACTERS, Check
from node.views.members import Rules


@dataclass(slots=True)
class ProofReport:
    """All sentences in order; valid iff all are good."""

    checks: list[Check] = field(default_factory=list[Check])

    @property
    def ok(self) -> bool:
        """True iff no check failed."""
        return all(check.ok for check in self.checks)

    def good(self, key: str, **values: object) -> None:
        """Note what holds."""
        self.checks.append(Check(f"close_proof.{key}", True, values))


class _Bad(Exception):
    """A check failed; ends the checking."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.check = Check(f"close_proof.{key}", False, values)


def verify_close_proof(data: str | bytes) -> ProofReport:
    """Check the text of a proof file. Never raises."""
    report = ProofReport()
    try:
        proof, rules = _read(data, report)
        _Checker(proof, rules, report).run()
    except _Bad as bad:
        report.checks.append(bad.check)
    return report


def _read(data: str | bytes, report: ProofReport) -> tuple[CloseProof, Rules]:
    try:
        proof = portable.decode_close_proof(data)
    except RemoteFault as fault:
        raise _Bad("shape_bad", reason=str(fault.code)) from None
    report.good("shape_ok")
    try:
        community, document = genesis.parse(proof.genesis)
    except RemoteFault as fault:
        raise _Bad("genesis_bad", reason=str(fault.code)) from None
    name = clean_for_display(document.name, one_line=True)
    report.good("genesis_ok", name=name, community=community.hex()[:SHORT_ID_CHARACTERS])
    return proof, Rules(community, document)


class _Checker:
    """The checks that need the records."""

    def __init__(self, proof: CloseProof, rules: Rules, report: ProofReport) -> None:
        self._proof = proof
        self._rules = rules
        self._report = report
        self._records: dict[bytes, Record] = {}

    def run(self) -> None:
        """All checks, in order."""
        self._signatures()
        act, body, month = self._act()
        chapter = self._officers(act, body)
        self._sums(body, chapter)
        self._path(body, month)
        self._report.good("limits")

    def _signatures(self) -> None:
        community = CommunityId(self._rules.community)
        for found in admission.verify_chunk(self._proof.records, community):
            if isinstance(found, Refused):
                raise _Bad("records_bad", reason=str(found.code))
            self._records[found.id] = found
        self._report.good("records_ok", count=len(self._records))

    def _act(self) -> tuple[Record, ChapterClose, str]:
        act = self._records.get(self._proof.close)
        if act is None or not isinstance(act.body, ChapterClose):
            raise _Bad("act_bad")
        month = month_of(act.body.period)
        if month is None or self._rules.genesis.chapter(act.body.chapter) is None:
            raise _Bad("act_bad")
        chapter = clean_for_display(act.body.chapter, one_line=True)
        self._report.good("act_ok", chapter=chapter, month=month)
        return act, act.body, month

    def _officers(self, act: Record, body: ChapterClose) -> Chapter:
        """k officers of the genesis document, each by a device that they added for office."""
        chapter = self._rules.genesis.chapter(body.chapter)
        assert chapter is not None
        if body.list != self._rules.community:
            raise _Bad("officers_bad", count=0, needed=chapter.k)
        digest = act_hash(act.header.kind, body)
        signers = {act.header.author: act}
        for record in self._approvals(body):
            if isinstance(record.body, OfficeApprove) and record.body.act == digest:
                signers[record.header.author] = record
        found = {
            author
            for author, record in signers.items()
            if author in chapter.officers and self._is_allowed(record)
        }
        if act.header.author not in found or len(found) < chapter.k:
            raise _Bad("officers_bad", count=len(found), needed=chapter.k)
        names = ", ".join(sorted(author.hex()[:SHORT_ID_CHARACTERS] for author in found))
        self._report.good("officers_ok", count=len(found), needed=chapter.k, officers=names)
        return chapter

    def _approvals(self, body: ChapterClose) -> Iterator[Record]:
        return (self._records[one] for one in body.approvals if one in self._records)

    def _is_allowed(self, record: Record) -> bool:
        """The author added the device that signed, for office (R9)."""
        return record.header.lane == Lane.OFFICE and any(
            isinstance(added.body, DeviceAdd)
            and added.header.author == record.header.author
            and added.body.key == record.header.signer
            and "office" in added.body.scopes
            for added in self._records.values()
        )

    def _sums(self, body: ChapterClose, chapter: Chapter) -> None:
        decimals = self._rules.genesis.unit.decimals
        values = {
            "count": body.count,
            "positive": amount_text(body.positive, decimals),
            "negative": amount_text(-body.negative, decimals),
        }
        if body.positive != body.negative:
            raise _Bad("sums_bad", **values)
        self._report.good("sums_ok", **values)

    def _path(self, body: ChapterClose, month: str) -> None:
        proof, unit = self._proof, self._rules.genesis.unit
        totals = Totals(body.count, body.negative, body.positive, body.root)
        values = {
            "member": proof.member.hex()[:SHORT_ID_CHARACTERS],
            "amount": amount_text(proof.balance, unit.decimals),
            "unit": clean_for_display(unit.code, one_line=True),
            "month": month,
        }
        community = self._rules.community
        if not close.leads_to(community, proof.member, proof.balance, proof.path, totals):
            raise _Bad("path_bad", **values)
        self._report.good("path_ok", **values)
