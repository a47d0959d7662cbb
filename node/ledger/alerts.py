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
from node.protocol.account import CREDIT, AccountClaim
from node.protocol.admission import stored_body
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


def _amount(reader: Reader, commit: bytes) -> int:
    """Amount of the trade that a commit commits."""
    return TRADE.must(reader, POSITION.must(reader, commit).trade).amount


class CleanIncome:
    """R45 over one state: which part of income rests on limits and on clean income.

    Keep one while `epoch` stays the same; what it remembers stays true as records are added.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._clean: dict[bytes, int] = {}  # commit -> the part of its amount that is clean
        self._unclean: dict[bytes, int] = {}  # account record -> unclean part of income there
        self._unexposed: set[bytes] = set()  # commits that are as clean as what they rest on
        self._stands: dict[bytes, bool] = {}

    def effective(self, reader: Reader, record: bytes, limit: int | None = None) -> int:
        """Available at an account record, income counted only as far as it is clean."""
        position = POSITION.must(reader, record)
        top = position.limit if limit is None else limit
        available = position.incoming - position.outgoing + top
        return available if is_calm(reader) else available - self._unclean_at(reader, record)

    def _unclean_at(self, reader: Reader, record: bytes) -> int:
        """What is unclean of the income at a record. Without recursion: first what it rests on."""
        stack = [record]
        while stack:
            if stack[-1] in self._unclean:
                stack.pop()
            else:
                stack += reversed(self._climb(reader, stack[-1]))
        return self._unclean[record]

    def _climb(self, reader: Reader, record: bytes) -> list[bytes]:
        """Work out a path up to a record, or name the commits to be worked out first, lowest first.

        Every record is passed a few times at most, so that long histories cost in proportion.
        """
        path: list[bytes] = []
        unclean = 0
        for step in lanes.path_down(reader, lanes.ENTRY.must(reader, record)):
            if step in self._unclean:
                unclean = self._unclean[step]
                break
            path.append(step)
        waiting: list[bytes] = []
        for step in reversed(path):
            for commit in self._claimed_by(reader, step):
                clean = self._clean_part(reader, commit)
                if clean is None:
                    waiting.append(commit)
                else:
                    unclean += _amount(reader, commit) - clean
            if not waiting:
                self._unclean[step] = unclean
        return waiting

    def _claimed_by(self, reader: Reader, record: bytes) -> list[bytes]:
        """Commits that become income at this very record: by a claim, or joined by an open."""
        entry = lanes.ENTRY.must(reader, record)
        if entry.verdict != OK:
            return []
        if entry.kind == "account.open":
            return list(positions.claims_at(reader, entry, record).values())
        if entry.kind == "account.claim":
            items = stored_body(reader, entry.number, AccountClaim).items
            return [item.commit for item in items]
        return []

    def _clean_part(self, reader: Reader, commit: bytes) -> int | None:
        """The clean part of a commit, or None while what it rests on is not worked out."""
        if commit in self._clean:
            return self._clean[commit]
        amount = _amount(reader, commit)
        if commit not in self._unexposed:
            if stamps.secured(reader, commit):
                self._clean[commit] = amount
                return amount
            if beyond(reader, commit) or not self._grants_stand(reader, commit):
                self._clean[commit] = 0
                return 0
            self._unexposed.add(commit)
        if commit not in self._unclean:
            return None
        position = POSITION.must(reader, commit)
        available = position.incoming - position.outgoing + position.limit
        clean = max(0, min(amount, amount + available - self._unclean[commit]))
        self._clean[commit] = clean
        return clean

    def _grants_stand(self, reader: Reader, record: bytes) -> bool:
        for grant in trades.grants_on(reader, lanes.ENTRY.must(reader, record)):
            if grant not in self._stands:
                self._stands[grant] = members.stands(reader, grant, self._rules)
            if not self._stands[grant]:
                return False
        return True

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
        lane_key = lanes.key_of(reader, entry.lane)
        dealt_in = {row.chapter, trades.OPENED.must(reader, position.open)}  # two, after a carry
        found = {a for one in dealt_in for a in alerts_on(reader, lane_key, self._rules, one)}
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
