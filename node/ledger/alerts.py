"""What honest programs will sign next (R34-R36, R45): alerts, clean income, acceptance, stamping.

Rules: an alert has a point; below it a lane is stamped and claimed as before, beyond it honest
nodes do not accept from it, stamp it or grant to it. Nothing here changes a verdict or a balance.
Where q = 0, income that rests on exposed conflicts does not count for acceptance.
"""

from collections.abc import Iterator

from node.ledger import positions, stamps, trades
from node.ledger.fold import EPOCH, FORKED
from node.ledger.positions import CARRIER, PAST, POSITION, TRADE
from node.protocol import lanes
from node.protocol.account import CREDIT
from node.protocol.errors import OK
from node.protocol.identity import Lane
from node.protocol.lanes import Entry
from node.protocol.ports import Reader
from node.views import members
from node.views.identities import REVOKED, is_revoked, within
from node.views.members import Rules

MOVES = frozenset(
    {"trade.propose", "trade.accept", "trade.settle", "trade.release", "account.claim"}
)


def _is_move(entry: Entry) -> bool:
    return entry.kind in MOVES and entry.verdict == OK


def beyond(reader: Reader, record: bytes) -> str | None:
    """Why an account record lies beyond the point of an alert on its lane, or None.

    `revoked`, `forked` or `beyond-carry`. A cut also says which branch of a fork stands.
    """
    entry = lanes.ENTRY.must(reader, record)
    lane_key = lanes.key_of(reader, entry.lane)
    if is_revoked(reader, lane_key[:32], lane_key[32:64]):
        return None if within(reader, entry) else "revoked"
    row = lanes.LANE.must(reader, lane_key)
    if 0 <= row.fork_seq <= entry.seq:
        return "forked"
    if any(_moves_past(reader, entry, open_id) for open_id in carriers(reader, entry.lane)):
        return "beyond-carry"
    return None


def _moves_past(reader: Reader, entry: Entry, open_id: bytes) -> bool:
    """True iff an ok move on the path of a place lies outside past(open_id)."""
    for record in lanes.path_down(reader, entry):
        found = lanes.ENTRY.must(reader, record)
        if positions.in_past(reader, found, open_id):
            return False
        if _is_move(found):
            return True
    return False


def carriers(reader: Reader, lane: int) -> Iterator[bytes]:
    """Opens that stand on a lane."""
    for key, _ in CARRIER.under(reader, lane.to_bytes(4, "big")):
        yield key[4:]


def alerts_on(reader: Reader, lane_key: bytes, rules: Rules, chapter: int) -> set[str]:
    """Alerts on an account lane; empty means honest nodes deal with it.

    `forked`, `revoked`, `beyond-carry`, `double-carry`, `suspended`.
    """
    found: set[str] = set()
    row = lanes.LANE.get(reader, lane_key)
    if row is None:
        return found
    if row.fork_seq >= 0:
        found.add("forked")
    if is_revoked(reader, lane_key[:32], lane_key[32:64]):
        found.add("revoked")
    heads = [lanes.ENTRY.must(reader, head.id) for head in lanes.heads_of(reader, lane_key)]
    if any(_moves_past(reader, h, o) for o in carriers(reader, row.number) for h in heads):
        found.add("beyond-carry")
    if "revoked" not in found and _carried_twice(reader, row.number):
        found.add("double-carry")
    if members.membership(reader, chapter, lane_key[:32], rules) == "suspended":
        found.add("suspended")
    return found


def _opens_on(reader: Reader, lane: int) -> Iterator[bytes]:
    for record in lanes.firsts_of(reader, lanes.key_of(reader, lane)):
        if lanes.ENTRY.must(reader, record).verdict == OK:
            yield record


def _has_moved(reader: Reader, open_id: bytes) -> bool:
    """True iff an ok move stands on this very open."""
    lane = lanes.ENTRY.must(reader, open_id).lane
    for record in lanes.members_of(reader, lanes.key_of(reader, lane)):
        moved = _is_move(lanes.ENTRY.must(reader, record))
        if moved and POSITION.must(reader, record).open == open_id:
            return True
    return False


def _carried_twice(reader: Reader, lane: int) -> bool:
    """R34: this lane and another unrevoked one carry one lane, and both moved beside the other."""
    for own in _opens_on(reader, lane):
        past = PAST.get(reader, own)
        heads = [] if past is None else past.heads
        for below in {lanes.ENTRY.must(reader, head).lane for head in heads}:
            for other in carriers(reader, below):
                if _rivals(reader, own, other, lane):
                    return True
    return False


def _rivals(reader: Reader, own: bytes, other: bytes, lane: int) -> bool:
    a, b = lanes.ENTRY.must(reader, own), lanes.ENTRY.must(reader, other)
    if b.lane == lane:
        return False
    if positions.in_past(reader, a, other) or positions.in_past(reader, b, own):
        return False
    key = lanes.key_of(reader, b.lane)
    if is_revoked(reader, key[:32], key[32:64]):
        return False
    return _has_moved(reader, own) and _has_moved(reader, other)


def is_calm(reader: Reader) -> bool:
    """True iff nothing known can make any income unclean: then clean is all there is.

    No device revoked (so every grant stands), no account lane forked or carried, and no path that
    fell below its limit without a debit.
    """
    signs = (REVOKED.name, CARRIER.name, FORKED.name, trades.OVERDRAWN.name)
    return all(not list(reader.scan(sign, b"", None, limit=1)) for sign in signs)


def epoch(reader: Reader) -> int:
    """Grows whenever an alert or the standing of a grant may have changed."""
    return EPOCH.get(reader, b"") or 0


class CleanIncome:
    """R45 over one state: which part of income rests on limits and on clean income.

    Keep one while `epoch` stays the same; what it remembers stays true as records are added.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._clean: dict[bytes, int] = {}

    def effective(self, reader: Reader, record: bytes, limit: int | None = None) -> int:
        """Available at an account record, income counted only as far as it is clean."""
        position = POSITION.must(reader, record)
        top = position.limit if limit is None else limit
        if is_calm(reader):
            return position.incoming - position.outgoing + top
        claims = self._claims(reader, record)
        for commit in claims:
            self._work_out(reader, commit)
        return sum(self._clean[commit] for commit in claims) - position.outgoing + top

    def _claims(self, reader: Reader, record: bytes) -> list[bytes]:
        entry = lanes.ENTRY.must(reader, record)
        open_id = POSITION.must(reader, record).open
        return list(positions.claims_at(reader, entry, open_id).values())

    def _work_out(self, reader: Reader, commit: bytes) -> None:
        """Fill `_clean` for a commit; what it rests on first, without recursion."""
        stack = [commit]
        while stack:
            top = stack[-1]
            if top in self._clean:
                stack.pop()
                continue
            trade = trades.commit_of(reader, top)
            assert trade is not None
            amount = TRADE.must(reader, trade).amount
            if stamps.secured(reader, top):
                self._clean[top] = amount
            elif beyond(reader, top) or not self._grants_stand(reader, top):
                self._clean[top] = 0
            else:
                claims = self._claims(reader, top)
                waiting = [claim for claim in claims if claim not in self._clean]
                if waiting:
                    stack.extend(waiting)
                    continue
                position = POSITION.must(reader, top)
                income = sum(self._clean[claim] for claim in claims)
                available = income - position.outgoing + position.limit
                self._clean[top] = max(0, min(amount, amount + available))
            stack.pop()

    def _grants_stand(self, reader: Reader, record: bytes) -> bool:
        entry = lanes.ENTRY.must(reader, record)
        return all(
            members.stands(reader, grant, self._rules)
            for grant in set(trades.grants_on(reader, entry))
        )

    def may_accept(self, reader: Reader, record: bytes) -> str | None:
        """R45: None if an honest payee may accept (or count on) the payer's record, else the
        reason.

        `void`, an alert's name, `no-grant`, `grant-not-current`, `unclean`.
        """
        entry = lanes.ENTRY.must(reader, record)
        position = POSITION.must(reader, record)
        if entry.verdict != OK or position.open == b"":
            return "void"
        row = TRADE.get(reader, position.trade)
        if row is None:
            return "void"
        found = alerts_on(reader, lanes.key_of(reader, entry.lane), self._rules, row.chapter)
        if found:
            return min(found)
        if row.unit != CREDIT:
            return None
        current = members.current_act(reader, position.open, self._rules)
        if current is None:
            return "no-grant"
        if (position.serial, position.limit) != (current[1].serial, current[1].limit):
            return "grant-not-current"
        return None if self.effective(reader, record) >= 0 else "unclean"

    def spendable(self, reader: Reader, head: bytes) -> int:
        """Own available at a head under the current grant, minor units."""
        position = POSITION.must(reader, head)
        if position.open == b"":
            return 0
        current = members.current_act(reader, position.open, self._rules)
        return 0 if current is None else self.effective(reader, head, current[1].limit)


def may_stamp(reader: Reader, witness: bytes, head: bytes, rules: Rules) -> bool:
    """R36: may this witness stamp this head, given what it knows and what it stamped before?"""
    entry = lanes.entry_of(reader, head)
    if entry is None or entry.verdict != OK or lanes.key_of(reader, entry.lane)[64] != Lane.ACCOUNT:
        return False
    if next(stamps.rivals(reader, witness, head), None) is not None:
        return False
    if not all(members.stands(reader, g, rules) for g in trades.grants_on(reader, entry)):
        return False
    return beyond(reader, head) is None
