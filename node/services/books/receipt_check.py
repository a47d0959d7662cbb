"""Checking a receipt with nothing but the file: no node, no network, no home.

Rules: nothing in the file is believed. Each check is one sentence, good or bad, and the first bad
one ends the checking. The level says how far the proof goes: L1, both sides signed the same terms;
L2, everything it rests on is in the file and was recomputed; L3, enough relays of the chapter
confirmed it. Whether the payer signed another history elsewhere, no file can tell.

Left to others: making receipts (`receipts`), showing sentences.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from node.i18n import clean_for_display, text
from node.ledger import stamps
from node.ledger.trades import commit_of
from node.ledger.verify import refold
from node.protocol import admission, genesis, lanes, parts, portable
from node.protocol.account import (
    AccountOpen,
    TradeAccept,
    TradeDecline,
    TradePropose,
    TradeRelease,
    TradeSettle,
)
from node.protocol.admission import Refused
from node.protocol.errors import OK, Reject, RemoteFault
from node.protocol.genesis import Genesis
from node.protocol.identity import DeviceAdd
from node.protocol.limits import RECEIPT_SIZE_MAX_BYTES
from node.protocol.office import WitnessStamp
from node.protocol.portable import Receipt
from node.protocol.record import Record
from node.protocol.state import DictState
from node.services.trading import units
from node.views.members import Rules

SHORT_ID_CHARACTERS = 8
PARTS_KIND = "receipt"  # of the QR codes on a printed receipt
_LOOKED_AT_BYTES = 256


@dataclass(frozen=True, slots=True)
class Check:
    """One sentence of the catalogue, and whether it speaks for the receipt."""

    key: str
    ok: bool
    values: dict[str, object] = field(default_factory=dict[str, object])

    def text(self, language: str) -> str:
        """The sentence, on one line, safe to be shown."""
        shown = {name: _shown(value, language) for name, value in self.values.items()}
        return text(self.key, language, **shown)


def _shown(value: object, language: str) -> object:
    written = value.text(language) if isinstance(value, units.Amount) else value
    return clean_for_display(written, one_line=True) if isinstance(written, str) else written


@dataclass(frozen=True, slots=True)
class TradeFacts:
    """What a valid receipt says. Ids have 32 bytes, times are claimed (ms since 1970, UTC)."""

    community: bytes
    genesis: Genesis
    chapter: str
    trade: bytes
    commit: bytes
    payer: bytes
    payee: bytes
    amount: int  # minor units
    unit: str
    proposed: int
    committed: int
    refunds: bytes | None  # the COMMIT record that this trade gives back
    order: str | None  # cleaned for display; None where the holder keeps it private
    stamped: bool  # whether the chapter has relays that confirm
    final: bool


@dataclass(slots=True)
class ReceiptReport:
    """All sentences in order, and the level reached ("" when the receipt is not valid)."""

    checks: list[Check] = field(default_factory=list[Check])
    level: str = ""
    facts: TradeFacts | None = None

    @property
    def ok(self) -> bool:
        """True iff no check failed."""
        return all(check.ok for check in self.checks)

    def good(self, key: str, **values: object) -> None:
        """Note what holds."""
        self.checks.append(Check(f"receipt.{key}", True, values))


class _Bad(Exception):
    """A check failed; ends the checking."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.check = Check(f"receipt.{key}", False, values)


def verify_receipt(data: str | bytes) -> ReceiptReport:
    """Check a receipt file: JSON, MessagePack, or scanned QR codes. Never raises."""
    report = ReceiptReport()
    try:
        receipt, rules = _read(data, report)
        _Checker(receipt, rules, report).run()
    except _Bad as bad:
        report.checks.append(bad.check)
        report.level = ""
    return report


def _read(data: str | bytes, report: ReceiptReport) -> tuple[Receipt, Rules]:
    try:
        receipt = portable.decode_receipt(_joined(data))
    except RemoteFault as fault:
        raise _Bad("shape_bad", reason=fault.code) from None
    report.good("shape_ok")
    try:
        community, document = genesis.parse(receipt.genesis)
    except RemoteFault as fault:
        raise _Bad("genesis_bad", reason=fault.code) from None
    name = clean_for_display(document.name, one_line=True)
    report.good("genesis_ok", name=name, community=community.hex()[:SHORT_ID_CHARACTERS])
    return receipt, Rules(community, document)


def _joined(data: str | bytes) -> str | bytes:
    """The file, or what the scanned QR codes in it join to, a line each; a pointer among them is
    passed over. Raises RemoteFault as `parts.Joiner`.
    """
    start = data[:_LOOKED_AT_BYTES]
    start = start if isinstance(start, str) else start.decode("latin-1")
    if not parts.is_part(start) and not parts.is_pointer(start):
        return data
    if len(data) > RECEIPT_SIZE_MAX_BYTES:
        raise RemoteFault(Reject.SIZE, "file")
    text = data if isinstance(data, str) else data.decode("latin-1")
    joiner = parts.Joiner()
    for line in text.split("\n"):
        if line.strip(parts.BLANKS) and not parts.is_pointer(line):
            joiner.add(line)
    if not joiner.have:
        raise _Bad("pointer_only")
    joined = joiner.result()
    if joined is None:
        missing = ", ".join(map(str, joiner.missing))
        raise _Bad("parts_missing", numbers=missing, count=joiner.total)
    kind, content = joined
    if kind != PARTS_KIND:
        raise RemoteFault(Reject.SHAPE, kind)
    return content


@dataclass(frozen=True, slots=True)
class _Trade:
    """The records of a trade, as far as signatures and names go."""

    terms: TradePropose
    propose: Record
    accept: Record
    commit: Record  # the settle, or the acceptance of an invoice


class _Checker:
    """The checks that need the records."""

    def __init__(self, receipt: Receipt, rules: Rules, report: ReceiptReport) -> None:
        self._receipt = receipt
        self._rules = rules
        self._genesis: Genesis = rules.genesis
        self._report = report
        self._records: dict[bytes, Record] = {}
        self._state = DictState()

    def run(self) -> None:
        """All checks, in order."""
        self._signatures()
        trade = self._trade()
        self._chains(trade)
        complete = self._verdict(trade)
        secured = self._stamps(trade, complete)
        order = self._order(trade)
        self._report.level = ("L3" if secured else "L2") if complete else "L1"
        self._report.facts = self._facts(trade, order, secured)

    def _facts(self, trade: _Trade, order: str | None, secured: bool) -> TradeFacts:
        terms = trade.terms
        payer, payee = (self._open(lane) for lane in (terms.payer_lane, terms.payee_lane))
        assert isinstance(payer.body, AccountOpen)
        return TradeFacts(
            community=self._rules.community,
            genesis=self._genesis,
            chapter=payer.body.chapter,
            trade=trade.propose.id,
            commit=trade.commit.id,
            payer=payer.header.author,
            payee=payee.header.author,
            amount=terms.amount,
            unit=terms.unit,
            proposed=trade.propose.header.time,
            committed=trade.commit.header.time,
            refunds=terms.refunds,
            order=order,
            stamped=payer.body.q > 0,
            final=secured,
        )

    def _signatures(self) -> None:
        raws = self._receipt.records
        for found in admission.verify_chunk(raws, self._rules.community):  # type: ignore[arg-type]
            if isinstance(found, Refused):
                raise _Bad("records_bad", reason=str(found.code))
            self._records[found.id] = found
        self._report.good("records_ok", count=len(self._records))

    def _trade(self) -> _Trade:
        """Find the trade, and see that both sides signed it."""
        trade = self._receipt.trade
        propose = self._records.get(trade)
        if propose is None or not isinstance(propose.body, TradePropose):
            raise _Bad("signatures_bad")
        terms = propose.body
        payer, payee = (self._open(lane) for lane in (terms.payer_lane, terms.payee_lane))
        sides = (payer.header.author, payee.header.author)
        by = propose.header.author
        if sides[0] == sides[1] or by not in sides:
            raise _Bad("signatures_bad")
        other = sides[1] if by == sides[0] else sides[0]
        for accept in self._answers(TradeAccept):
            if accept.header.author != other or _named(accept) != trade:
                continue
            if other == sides[0]:
                return self._agreed(_Trade(terms, propose, accept, accept), sides)
            for settle in self._answers(TradeSettle):
                if settle.header.author == by and _named(settle) == accept.id:
                    return self._agreed(_Trade(terms, propose, accept, settle), sides)
        raise _Bad("signatures_bad")

    def _agreed(self, trade: _Trade, sides: tuple[bytes, bytes]) -> _Trade:
        self._report.good(
            "signatures_ok",
            payer=sides[0].hex()[:SHORT_ID_CHARACTERS],
            payee=sides[1].hex()[:SHORT_ID_CHARACTERS],
            amount=units.Amount(trade.terms.amount, trade.terms.unit, self._genesis.unit),
        )
        return trade

    def _open(self, lane: bytes) -> Record:
        opened = self._records.get(lane)
        if opened is None or not isinstance(opened.body, AccountOpen):
            raise _Bad("signatures_bad")
        return opened

    def _answers(self, shape: type[TradeAccept | TradeSettle]) -> Iterator[Record]:
        return (found for found in self._records.values() if isinstance(found.body, shape))

    def _chains(self, trade: _Trade) -> None:
        """Every step stands on an unbroken lane of a device that its author allowed."""
        for step in (trade.propose, trade.accept, trade.commit):
            first = self._first_of(step)
            if not self._is_allowed(first):
                raise _Bad("chain_bad")
        if self._is_undone(trade):
            raise _Bad("chain_bad")
        debit = trade.accept if trade.commit is trade.accept else trade.propose
        if self._first_of(debit).id != trade.terms.payer_lane:
            raise _Bad("chain_bad")
        self._report.good("chain_ok")

    def _is_undone(self, trade: _Trade) -> bool:
        """Was it declined before it was accepted, or released before it was settled?"""
        declined = TradeDecline(propose=trade.propose.id)
        released = TradeRelease(trade=trade.propose.id)
        return any(step.body == declined for step in self._path(trade.accept)) or any(
            step.body == released for step in self._path(trade.commit)
        )

    def _first_of(self, record: Record) -> Record:
        for found in self._path(record):
            record = found
        return record

    def _path(self, record: Record) -> Iterator[Record]:
        """A record and those before it on its lane, down to its first."""
        yield record
        while record.header.prev is not None:
            before = self._records.get(record.header.prev)
            if (
                before is None
                or before.header.lane_key != record.header.lane_key
                or before.header.seq + 1 != record.header.seq
            ):
                raise _Bad("chain_bad")
            record = before
            yield record

    def _is_allowed(self, first: Record) -> bool:
        """R9: a lane's first record names the `device.add` of its key, by its author's root."""
        if not isinstance(first.body, AccountOpen):
            return False
        added = self._records.get(first.body.auth)
        return (
            added is not None
            and isinstance(added.body, DeviceAdd)
            and added.header.author == first.header.author
            and added.body.key == first.header.signer
            and "account" in added.body.scopes
        )

    def _verdict(self, trade: _Trade) -> bool:
        """Fold everything in the file. True iff all that the trade rests on is there, and ok."""
        left = refold(self._receipt.records, self._rules, self._state, signatures=False)
        for _, reason in left:
            if reason != "missing":
                raise _Bad("records_bad", reason=reason)
        entry = lanes.entry_of(self._state, trade.commit.id)
        if entry is None:
            self._report.good("closure_short")
            return False
        if entry.verdict != OK or commit_of(self._state, trade.commit.id) != trade.propose.id:
            raise _Bad("closure_bad", reason=entry.verdict)
        self._report.good("closure_ok", count=len(self._state.records))
        return True

    def _stamps(self, trade: _Trade, complete: bool) -> bool:
        """True iff as many relays confirmed the commit as the payer's account asks for."""
        opened = self._first_of(trade.commit).body
        assert isinstance(opened, AccountOpen)
        if opened.q == 0:
            self._report.good("stamps_off")
            return False
        if complete:
            count = len(stamps.stamps_for(self._state, trade.commit.id))
        else:
            count = len(set(self._signed_stamps(trade, opened)))
        key = "stamps_ok" if count >= opened.q else "stamps_none"
        self._report.good(key, count=count, needed=opened.q)
        return count >= opened.q

    def _signed_stamps(self, trade: _Trade, opened: AccountOpen) -> Iterator[bytes]:
        """Witness keys that signed a head of the payer's lane at or beyond the commit."""
        for stamp in self._records.values():
            if not isinstance(stamp.body, WitnessStamp):
                continue
            head = self._records.get(stamp.body.head)
            if head is None or stamp.header.signer not in opened.witnesses:
                continue
            if any(found.id == trade.commit.id for found in self._path(head)):
                yield stamp.header.signer

    def _order(self, trade: _Trade) -> str | None:
        shown = self._receipt.order
        if shown is None:
            self._report.good("order_hidden")
            return None
        if portable.order_hash(shown.salt, shown.order) != trade.terms.order_hash:
            raise _Bad("order_bad")
        text = clean_for_display(shown.order.decode("utf-8", "replace"), one_line=True)
        self._report.good("order_ok", order=text)
        return text


def _named(step: Record) -> bytes:
    """The record that an acceptance or a settlement answers."""
    if isinstance(step.body, TradeAccept):
        return step.body.propose
    assert isinstance(step.body, TradeSettle)
    return step.body.accept
