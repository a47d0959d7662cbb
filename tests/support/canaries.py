"""Bugs by hand: one wrong word in a rule of the fold, to see that the histories notice.

Rule: a canary names a function and the text it replaces; a text that is not there any more fails,
so that no canary outlives the rule it is about. While one is in, the function runs the wrong code
wherever it was imported.
"""

import __future__

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from node.ledger import alerts, book, positions, root, stamps, trades
from node.ledger.fold import Fold
from node.views import identities, members


class Canary(NamedTuple):
    """In `function`, `right` is replaced by `wrong`."""

    name: str
    function: Callable[..., Any]
    right: str
    wrong: str


CANARIES = (
    Canary("a unit beyond the limit", trades._debit, "act.limit < 0", "act.limit < -1"),
    Canary(
        "an older grant is as good", trades._debit,
        "act.serial < step.before.serial", "act.serial < -1",
    ),
    Canary(
        "any grant will do", trades._debit, "act_key[:-32] != step.before.open", "act_key == b''",
    ),
    Canary(
        "refunds reserved elsewhere are not counted", trades._debit,
        "in HELD", "== Status.PAID",
    ),
    Canary(
        "a refund may be a unit too much", trades._debit, "row.refunded).amount:",
        "row.refunded).amount + 1:",
    ),
    Canary(
        "a claimed refund enters nothing as paid", trades._enter,
        "positions.set_status(step.overlay, step.entry, row.refunded, Status.PAID)", "pass",
    ),
    Canary(
        "a claimed refund costs nothing", trades._enter, "before not in HELD", "False",
    ),
    Canary(
        "one claim names a trade twice", trades._claim, "trade in found or ", "",
    ),
    Canary(
        "a trade is claimed again", trades._claim, "or step.claimed(trade)", "",
    ),
    Canary(
        "an acceptance on this open alone", trades._accept,
        "row.payee_open not in step.own()", "row.payee_open != step.before.open",
    ),
    Canary(
        "an invoice is paid from any own lane", trades._accept,
        "row.payer_open != step.before.open", "row.payer_open not in step.own()",
    ),
    Canary(
        "what is released is settled", trades._settle, "!= Status.RESERVED", "is None",
    ),
    Canary(
        "a release gives back other units too", trades._release, "row.unit == CREDIT", "True",
    ),
    Canary(
        "a carried rating is forgotten", trades._rate,
        "positions.tips(step.overlay, step.entry, step.before.open)", "[step.entry]",
    ),
    Canary("the join of lanes stops at one", trades._joined_sums, "if all(", "if any("),
    Canary(
        "a change of grants is not noted", trades._note_grant, "!= grant:", "is None:",
    ),
    Canary(
        "opens far below are forgotten", trades._past_of, "opens.update(below.opens)", "pass",
    ),
    Canary(
        "the first path found, not the strongest status", positions.status_at,
        "or found > strongest", "or False",
    ),
    Canary("any stamp counts", stamps.suffice, "len(found & set(opened.witnesses))", "len(found)"),
    Canary(
        "a stamp beside the commit counts", stamps.suffice,
        "row is not None and positions.in_past(reader, entry, row.head)", "row is not None",
    ),
    Canary(
        "one stamp less secures", stamps.secured, "confirmations(reader, commit).enough",
        "0 < (c := confirmations(reader, commit)).needed <= c.given + 1",
    ),
    Canary(
        "of a forked lane the last stamp alone", stamps._last_stamps,
        "lanes.LANE.must(reader, lane_key).fork_seq < 0", "True",
    ),
    Canary(
        "the refund of a contested trade counts", book.is_contested,
        "trade = TRADE.must(reader, trade).refunded", 'trade = b""',
    ),
    Canary("a refund is counted at once", book.count, "first and not row.refunded", "first"),
    Canary(
        "a stamp brings nothing back", Fold._consequences,
        "book.recount_stamped(overlay, body.head, header.signer, self.rules)", "pass",
    ),
    Canary(
        "what is confirmed waits for ever", book._confirm, "UNSECURED.delete(overlay, key)", "pass",
    ),
    Canary(
        "two commits of a trade are confirmed twice", book._confirm,
        "was_final or not row.counted", "not row.counted",
    ),
    Canary(
        "only the first branch is confirmed", book._secure, "low = beyond_branch", "return",
    ),
    Canary(
        "a cut contests nothing", Fold._consequences,
        "book.recount_device(overlay, header.author, body.key, self.rules)", "pass",
    ),
    Canary(
        "a cut's record that comes late brings nothing back", Fold._consequences,
        "book.recount_lane(overlay, entry.lane, self.rules)", "pass",
    ),
    Canary(
        "a cut holds for all branches", identities.within,
        "lanes.is_ancestor_or_self(reader, entry, head)", "entry.seq <= head.seq",
    ),
    Canary(
        "revoked officers still count", members.officers_of, "if within(reader, writer):",
        "if writer:",
    ),
    Canary(
        "the higher of two limits", members.current_act, "x[1].limit", "-x[1].limit",
    ),
    Canary(
        "an admission beats a suspension", members.current_act,
        'x[1].kind != "member.suspend"', 'x[1].kind == "member.suspend"',
    ),
    Canary("the last serial, not the highest", members._serial, "max(serial, row.serial + 1)",
           "row.serial + 1"),
    Canary("one approval less", members.apply_office, "< chapter.k", "< chapter.k - 1"),
    Canary("the fork's own place is below it", alerts.beyond, "<= entry.seq", "< entry.seq"),
    Canary(
        "two carriers are no rivals", alerts._rivals,
        "_has_moved(reader, own) and _has_moved(reader, other)", "False",
    ),
    Canary(
        "exposed income is clean", CLEAN := alerts.CleanIncome._clean_part,
        "beyond(reader, commit) or ", "",
    ),
    Canary("clean income below nothing", CLEAN, "max(0, min(", "(min("),
    Canary("the root leaves out what is secured", root._trades,
           "book.is_final(reader, trade, row, rules)",
           "False"),
)  # fmt: skip


def _wrong_code(canary: Canary) -> CodeType:
    source = textwrap.dedent(inspect.getsource(canary.function))
    assert source.count(canary.right) == 1, f"{canary.name}: no such text once"
    scope: dict[str, Any] = {}
    text = source.replace(canary.right, canary.wrong)
    flags = __future__.annotations.compiler_flag
    exec(compile(text, "<canary>", "exec", flags), vars(inspect.getmodule(canary.function)), scope)
    found = scope[canary.function.__name__]
    assert isinstance(found, FunctionType)
    return found.__code__


@contextmanager
def seeded(canary: Canary) -> Iterator[None]:
    """Within this, the fold has the canary's bug."""
    function = canary.function
    assert isinstance(function, FunctionType)
    right, function.__code__ = function.__code__, _wrong_code(canary)
    try:
        yield
    finally:
        function.__code__ = right
