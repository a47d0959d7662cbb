"""Verification, closes and audits in the shapes of the API: also what commands print that work
without a node."""

from node import i18n
from node.api.models import books as shapes
from node.api.models.base import Who
from node.api.shaping import credit_decimals, decimals_of, iso_time
from node.ledger.close import Totals
from node.protocol.account import CREDIT
from node.services.books.audit import Audit, TradeLine
from node.services.books.closes import ClosedBalance, CloseView
from node.services.books.found import Missing, Verification
from node.services.core import Core
from node.services.members.people import name_of
from node.storage.kept.closes import Compared
from node.storage.rows import Rows


def level_texts(level: str, language: str) -> tuple[str, str]:
    """(in a few words, what it means and what it does not)."""
    return i18n.text(f"level.{level}", language), i18n.text(f"level_means.{level}", language)


def verified(found: Verification, language: str) -> shapes.Verified:
    """What a verification found."""
    few, means = level_texts(found.level, language) if found.level else (None, None)
    before = found.before
    return shapes.Verified(
        ok=found.ok,
        level=found.level or None,
        level_text=few,
        level_means=means,
        records=found.records,
        checked=found.checked,
        before=max(0, found.records - found.checked),
        before_at=_time(before.at),
        scratch_at=_time(before.scratch_at),
        resumed=found.resumed,
        trades=found.trades,
        accounts=found.accounts,
        sum_of_balances=found.sum_of_balances,
        root=found.root.hex() or None,
        seconds=found.seconds,
        findings=[
            shapes.Finding(
                code=str(one.doubt),
                subject=one.subject,
                text=i18n.text(one.key, language, subject=one.subject),
            )
            for one in found.findings
        ],
        missing=[_missing(one, language) for one in found.missing],
        never=i18n.text("level_means.never", language),
    )


def _time(at_ms: int) -> str | None:
    return iso_time(at_ms) if at_ms else None


def _missing(one: Missing, language: str) -> shapes.Missing:
    chapter = i18n.clean_for_display(one.chapter, one_line=True)
    text = i18n.text(
        f"missing.{one.code}", language, chapter=chapter, count=one.count, month=one.month
    )
    return shapes.Missing(level=one.level, code=one.code, chapter=one.chapter, text=text)


def amount(core: Core, minor: int) -> str:
    """Credit as people write it, with the unit's name."""
    unit = i18n.clean_for_display(core.rules.genesis.unit.code, one_line=True)
    return f"{i18n.amount_text(minor, credit_decimals(core))} {unit}"


def closed_balance(core: Core, found: ClosedBalance, language: str) -> shapes.Closed:
    """What a close says of a balance, in words too."""
    values = {"month": found.month, "amount": amount(core, found.balance)}
    text = i18n.text("balance.closed", language, **values)
    if found.moved:
        since = amount(core, found.since)
        text += " " + i18n.text("balance.closed_since", language, amount=since)
    else:
        text += " " + i18n.text("balance.closed_still", language)
    return shapes.Closed(
        month=found.month,
        close=found.act.hex(),
        balance=found.balance,
        since=found.since,
        moved=found.moved,
        text=text,
    )


# --- closes ---------------------------------------------------------------------------------------
def _verdict(compared: Compared | None) -> shapes.Verdict:
    if compared is None:
        return "unknown"
    return "agrees" if compared.agrees else "differs"


def _totals(totals: Totals) -> shapes.CloseTotals:
    return shapes.CloseTotals(
        count=totals.leaves,
        negative=totals.negative,
        positive=totals.positive,
        root=totals.root.hex(),
    )


def close(core: Core, reader: Rows, view: CloseView, language: str) -> shapes.Close:
    """A close that stands."""
    one, own = view.standing, view.compared
    totals = None
    if own is not None:
        totals = _totals(Totals(own.count, own.negative, own.positive, own.root))
    verdict = _verdict(own)
    return shapes.Close(
        id=one.act.hex(),
        chapter=one.body.chapter,
        month=one.month,
        time=iso_time(one.time),
        officers=[_who(reader, officer) for officer in view.officers],
        totals=_totals(one.totals),
        own=totals,
        verdict=verdict,
        text=i18n.text(f"closes.{verdict}", language),
        unit=CREDIT,
        decimals=credit_decimals(core),
    )


def _who(reader: Rows, member: bytes) -> Who:
    return Who(id=member.hex(), name=name_of(reader, member))


# --- audits ---------------------------------------------------------------------------------------
def audited(core: Core, reader: Rows, found: Audit, language: str) -> shapes.Audit:
    """The report on a chapter."""
    few, means = level_texts(found.level, language)
    closed = found.closed
    return shapes.Audit(
        chapter=found.chapter,
        month=found.month,
        unit=CREDIT,
        unit_name=core.rules.genesis.unit.code,
        decimals=credit_decimals(core),
        trades=found.trades,
        turnover=found.turnover,
        velocity=None if found.velocity is None else str(found.velocity),
        positive=found.positive,
        negative=found.negative,
        sum_of_balances=found.sum_of_balances,
        adds_up=found.adds_up,
        unconfirmed=found.unconfirmed,
        level=found.level,
        level_text=few,
        level_means=means,
        root=found.root.hex(),
        verified_records=found.verified,
        verified_at=_time(found.mark.at),
        scratch_at=_time(found.mark.scratch_at),
        close=None if closed is None else closed[0].act.hex(),
        close_verdict=None if closed is None else _verdict(closed[1]),
        members=[
            shapes.AuditMember(
                member=line.member.hex(),
                name=line.name,
                membership=line.membership,
                limit=line.limit,
                opening=line.opening,
                received=line.received,
                given=line.given,
                closing=line.closing,
                alerts=list(line.alerts),
            )
            for line in found.lines
        ],
        open=[_trade(core, reader, line, language) for line in found.opens],
        refunds=[_trade(core, reader, line, language) for line in found.refunds],
        grants=[
            shapes.AuditGrant(
                act=line.act.hex(),
                member=_who(reader, line.member),
                limit=line.limit,
                before=line.before,
                by=_who(reader, line.by),
                time=iso_time(line.time),
                state=line.state,  # type: ignore[arg-type]
                state_text=i18n.text(f"audit.{line.state}", language),
            )
            for line in found.grants
        ],
        witnesses=[witness.hex() for witness in found.witnesses],
    )


def _trade(core: Core, reader: Rows, line: TradeLine, language: str) -> shapes.AuditTrade:
    return shapes.AuditTrade(
        trade=line.trade.hex(),
        payer=_who(reader, line.payer),
        payee=_who(reader, line.payee),
        amount=line.amount,
        unit=line.unit,
        decimals=decimals_of(core, line.unit),
        state=line.state,  # type: ignore[arg-type]
        state_text=i18n.text(f"audit.{line.state}", language),
        time=iso_time(line.time),
        refunds=line.refunds.hex() or None,
    )
