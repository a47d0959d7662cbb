"""The rules of verdicts once more: each a function of the record's causal past, written plainly.

Rule: shares no code with the project; it reads stored bytes with `msgpack` and `hashlib` alone. It
is slow on purpose: past(r) is a set of ids, the state at r a pair of maps copied for each record.
What depends on the whole set (balances, alerts, views) is in `reference_checker`.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.support.plain_msgpack import pack, unpack

LANES = ("identity", "account", "social", "market", "office", "witness")
ERASABLE = ("social", "market")
CREDIT = "credit"
SUM_MAX = 2**53 - 1
PAST_HEADS_MAX = 256
ACTS = ("member.admit", "member.suspend", "credit.grant", "chapter.policy", "chapter.close")
MOVES = ("trade.propose", "trade.accept", "trade.settle", "trade.release", "account.claim")
RANK = {"declined": 0, "accepted": 1, "offered": 1, "reserved": 1, "released": 2, "paid": 3}
Bytes3 = tuple[bytes, bytes | None, bytes]


class Rec(NamedTuple):
    """A record as it reads."""

    id: bytes
    kind: str
    author: bytes
    signer: bytes
    lane_kind: str
    seq: int
    prev: bytes | None
    time: int
    body: Mapping[str, Any]
    bare: bool  # the body is missing

    @property
    def lane(self) -> tuple[bytes, bytes, str]:
        """Author, signer, lane kind."""
        return self.author, self.signer, self.lane_kind


class State(NamedTuple):
    """State at an account record: its open, T, claimed trades with commits, serial and limit."""

    open: bytes | None
    trades: dict[bytes, str]
    claimed: dict[bytes, bytes]
    serial: int
    limit: int


@dataclass(frozen=True)
class Judged:
    """Verdict of a record, state there, and the ids of the account records it stands on."""

    verdict: str
    state: State
    past: frozenset[bytes]


NOWHERE = State(None, {}, {}, -1, 0)


def read(community: bytes, raw: Bytes3) -> Rec:
    """Read stored bytes; ValueError when they are not canonical or do not fit together."""
    header, data, _ = raw
    row: Any = unpack(header)
    version, kind, author, signer, lane, seq, prev, time, body_hash, body_size = row
    assert version == 1
    body: Any = {}
    if data is not None:
        if hashlib.sha256(data).digest() != body_hash or len(data) != body_size:
            raise ValueError("body")
        body = unpack(data)
    record = hashlib.sha256(b"wetalk/1 record\0" + community + header).digest()
    return Rec(record, kind, author, signer, LANES[lane], seq, prev, time, body, data is None)


def names(r: Rec) -> list[bytes]:
    """Ids that a record's body stands on."""
    body, found = r.body, []
    singles = {
        "trade.propose": ("payee_lane", "payer_lane", "grant", "refunds"),
        "trade.accept": ("propose", "grant"),
        "trade.decline": ("propose",),
        "trade.settle": ("accept",),
        "trade.release": ("trade",),
        "rating.give": ("commit",),
        "credit.grant": ("open",),
        "witness.stamp": ("head", "open"),
    }
    if r.seq == 0 and r.lane_kind != "identity":
        found.append(body["auth"])
    found += [body[field] for field in singles.get(r.kind, ()) if body[field] is not None]
    if r.kind == "account.open":
        found += body["carry"]
    if r.kind in ACTS:
        found += [*body["approvals"], *body["supersedes"]]
    if r.kind == "account.claim":
        for commit, stamps in body["items"]:
            found += [commit, *stamps]
    return found


def act_hash(r: Rec) -> bytes:
    """What an approval of this act names."""
    content = {name: value for name, value in r.body.items() if name != "approvals"}
    return hashlib.sha256(b"wetalk/1 act\0" + pack([r.kind, content])).digest()


class Judge:
    """Verdicts by causal past. One may serve many sets: a verdict never depends on the set."""

    def __init__(self, genesis: bytes) -> None:
        self.genesis: Any = unpack(genesis)
        self.community = hashlib.sha256(b"wetalk/1 genesis\0" + genesis).digest()
        self.chapters = {chapter["name"]: chapter for chapter in self.genesis["chapters"]}
        self.numbers = {c["name"]: n for n, c in enumerate(self.genesis["chapters"])}
        self.records: dict[bytes, Rec] = {}
        self.memo: dict[bytes, Judged | None] = {}  # None: refused
        self._read: dict[Bytes3, Rec] = {}
        self._depends: dict[tuple[bytes, bool], frozenset[bytes]] = {}
        self._act_hashes: dict[bytes, bytes] = {}

    def read(self, raw: Bytes3) -> Rec:
        """Read stored bytes, once."""
        if raw not in self._read:
            self._read[raw] = read(self.community, raw)
        return self._read[raw]

    def depends(self, r: Rec) -> frozenset[bytes]:
        """Ids of the records that must be there before this one, worked out once."""
        key = (r.id, r.bare)
        if key not in self._depends:
            self._depends[key] = frozenset((*names(r), *([] if r.prev is None else [r.prev])))
        return self._depends[key]

    def act_hash(self, act: Rec) -> bytes:
        """What an approval of this act names, worked out once."""
        if act.id not in self._act_hashes:
            self._act_hashes[act.id] = act_hash(act)
        return self._act_hashes[act.id]

    def judge(self, r: Rec) -> None:
        """Work out a record whose dependencies are all worked out."""
        if r.id in self.memo:
            return
        self.records[r.id] = r
        self.memo[r.id] = self._judged(r) if self._admitted(r) else None

    def ok(self, record: bytes) -> bool:
        """Verdict ok?"""
        found = self.memo[record]
        return found is not None and found.verdict == "ok"

    def state(self, record: bytes) -> State:
        """State at a record."""
        found = self.memo[record]
        assert found is not None
        return found.state

    def past(self, record: bytes) -> frozenset[bytes]:
        """Ids of past(r)."""
        found = self.memo[record]
        assert found is not None
        return found.past

    def path(self, record: bytes | None) -> Iterable[Rec]:
        """The prev-chain, from the record down."""
        while record is not None:
            r = self.records[record]
            yield r
            record = r.prev

    def _admitted(self, r: Rec) -> bool:
        if any(self.memo[d] is None for d in self.depends(r)):
            return False
        if any(self.records[d].lane_kind in ERASABLE for d in names(r)):
            return False
        if r.prev is not None:
            prev = self.records[r.prev]
            return prev.lane == r.lane and prev.seq + 1 == r.seq
        if r.lane_kind == "identity":
            return True
        auth = self.records[r.body["auth"]]
        return (
            auth.kind == "device.add"
            and self.ok(auth.id)
            and (auth.author, auth.body["key"]) == (r.author, r.signer)
            and r.lane_kind in auth.body["scopes"]
        )

    def _judged(self, r: Rec) -> Judged:
        state, past = NOWHERE, frozenset({r.id})
        if r.prev is not None and r.lane_kind == "account":
            state, past = self.state(r.prev), self.past(r.prev) | past
        if r.kind == "account.open":
            past = past.union(
                *(self.past(h) for h in r.body["carry"] if self.records[h].lane_kind == "account")
            )
        found: str | State = "ok"
        if r.kind == "device.add" and any(
            p.kind == "device.add" and p.body["key"] == r.body["key"] for p in self.path(r.prev)
        ):
            found = "key-reused"
        elif r.lane_kind == "office":
            found = self._office(r)
        elif r.kind == "witness.stamp":
            fits = r.body["open"] is not None and self.state(r.body["head"]).open == r.body["open"]
            found = "ok" if fits else "stamp"
        elif r.lane_kind == "account":
            rule = ACCOUNT[r.kind]
            found = "no-open" if state.open is None and r.prev is not None else rule(self, r, state)
        if isinstance(found, State):
            return Judged("ok", found, past)
        return Judged(found, state, past)

    # --- officers (R12-R16) -----------------------------------------------------------------------
    def _office(self, r: Rec) -> str:
        if not any(r.author in chapter["officers"] for chapter in self.chapters.values()):
            return "not-officer"
        if r.kind in ("office.open", "office.approve"):
            return "ok"
        content = unpack(r.body["content"])[1] if r.kind == "office.propose" else r.body
        chapter = self.chapters.get(content["chapter"])
        if chapter is None:
            return "unknown-chapter"
        if content["list"] != self.community or r.author not in chapter["officers"]:
            return "not-officer"
        if r.kind == "office.propose":
            return "ok"
        signers = {r.author}
        for approval in map(self.records.__getitem__, r.body["approvals"]):
            agrees = approval.kind == "office.approve" and self.ok(approval.id)
            if agrees and approval.body["act"] == self.act_hash(r):
                signers.add(approval.author)
        if len(signers & set(chapter["officers"])) < chapter["k"]:
            return "approvals"
        if any(
            self.subject(s) != self.subject(r.id) or not self.ok(s) for s in r.body["supersedes"]
        ):
            return "supersedes"
        return self._grant(r, chapter) if r.kind == "credit.grant" else "ok"

    def _grant(self, r: Rec, chapter: Any) -> str:
        opened = self.records[r.body["open"]]
        if opened.kind != "account.open" or not self.ok(opened.id):
            return "grant-open"
        if opened.body["chapter"] != r.body["chapter"]:
            return "grant-open"
        if (opened.body["q"], opened.body["witnesses"]) != (
            chapter["q"],
            sorted(chapter["witnesses"]),
        ):
            return "grant-witnesses"
        over = r.body["limit"] > chapter["limit_max"]
        return "limit-max" if over and opened.author != chapter["treasury"] else "ok"

    def subject(self, act: bytes) -> object:
        """What an act is about; None for records that are no act."""
        r = self.records[act]
        if r.kind == "credit.grant":
            return r.body["open"]
        if r.kind in ("member.admit", "member.suspend"):
            return r.body["chapter"], r.body["member"]
        if r.kind == "chapter.policy":
            return r.body["chapter"], "policy"
        if r.kind == "chapter.close":
            return r.body["chapter"], "close", r.body["period"]
        return None

    def serial(self, act: bytes) -> int:
        """1 + the highest serial superseded."""
        return max((self.serial(s) + 1 for s in self.records[act].body["supersedes"]), default=0)

    # --- accounts (R17-R28) -----------------------------------------------------------------------
    def mine(self, state: State) -> set[bytes]:
        """This open and every open in its past."""
        assert state.open is not None
        past = self.past(state.open)
        return {i for i in past if self.records[i].kind == "account.open" and self.ok(i)}

    def terms(self, trade: bytes) -> Mapping[str, Any]:
        """Terms of a trade."""
        return self.records[trade].body

    def incoming(self, state: State) -> int:
        """What is claimed."""
        return sum(self.terms(trade)["amount"] for trade in state.claimed)

    def outgoing(self, state: State) -> int:
        """What is reserved or paid in credit, by own lanes."""
        own = self.mine(state)
        return sum(
            self.terms(trade)["amount"]
            for trade, status in state.trades.items()
            if status in ("reserved", "paid")
            and self.terms(trade)["unit"] == CREDIT
            and self.terms(trade)["payer_lane"] in own
        )

    def commit_of(self, record: bytes) -> bytes | None:
        """The trade that a record commits."""
        r = self.records[record]
        if r.kind not in ("trade.settle", "trade.accept") or not self.ok(record):
            return None
        propose = r.body["propose"] if r.kind == "trade.accept" else None
        if propose is None:
            propose = self.records[r.body["accept"]].body["propose"]
        return propose if self.state(record).trades.get(propose) == "paid" else None

    def by_payer(self, trade: bytes) -> bool:
        """Proposed by the payer?"""
        return self.state(trade).open == self.terms(trade)["payer_lane"]

    def refunded(self, trade: bytes) -> bytes | None:
        """The trade that this one refunds."""
        commit = self.terms(trade)["refunds"]
        return None if commit is None else self.commit_of(commit)

    def debit(self, state: State, trade: bytes, grant: bytes | None, status: str) -> str | State:
        """R22 and R25."""
        terms, back = self.terms(trade), self.refunded(trade)
        after = {**state.trades, trade: status}
        if back is not None:
            refunds = [t for t, s in after.items() if s in ("reserved", "paid")]
            total = sum(self.terms(t)["amount"] for t in refunds if self.refunded(t) == back)
            if total > self.terms(back)["amount"]:
                return "refund-exceeds"
        if terms["unit"] != CREDIT:
            return state._replace(trades=after)
        if grant is None or self.records[grant].kind != "credit.grant" or not self.ok(grant):
            return "grant"
        if self.subject(grant) != state.open:
            return "grant-lane"
        if self.serial(grant) < state.serial:
            return "grant-stale"
        limit = self.records[grant].body["limit"]
        new = State(state.open, after, state.claimed, self.serial(grant), limit)
        out = self.outgoing(new)
        return "over-limit" if self.incoming(new) - out + limit < 0 or out > SUM_MAX else new

    def enough(self, commit: bytes, stamps: Iterable[bytes]) -> bool:
        """Stamps by at least q witnesses of the commit's open, over heads whose past holds it."""
        opened = self.records[self.state(commit).open or b""].body
        found = set[bytes]()
        for stamp in map(self.records.__getitem__, stamps):
            counts = stamp.kind == "witness.stamp" and self.ok(stamp.id)
            if counts and commit in self.past(stamp.body["head"]):
                found.add(stamp.signer)
        return len(found & set(opened["witnesses"])) >= opened["q"]


def _open(j: Judge, r: Rec, _: State) -> str | State:
    if r.body["chapter"] not in j.chapters:
        return "unknown-chapter"
    n, q = len(set(r.body["witnesses"])), r.body["q"]
    if not (n == q == 0 or n < 2 * q <= 2 * n):
        return "quorum"
    trades: dict[bytes, str] = {}
    claimed: dict[bytes, bytes] = {}
    heads = set[bytes]()
    for head in r.body["carry"]:
        carried = j.records[head]
        if carried.lane_kind != "account" or carried.author != r.author:
            return "carry"
        state = j.state(head)
        if state.open is None:
            return "carry"
        heads.add(head)
        heads |= carried_heads(j, state.open)
        for trade, status in state.trades.items():
            if trade not in trades or RANK[status] > RANK[trades[trade]]:
                trades[trade] = status
        for trade, commit in state.claimed.items():
            claimed[trade] = min(commit, claimed.get(trade, commit))
    if len(heads) > PAST_HEADS_MAX:
        return "carry"
    return State(r.id, trades, claimed, -1, 0)


def carried_heads(j: Judge, opened: bytes) -> set[bytes]:
    """Heads that an ok open stands on, through the opens they stand on."""
    found = set[bytes](j.records[opened].body["carry"])
    for head in list(found):
        found |= carried_heads(j, j.state(head).open or b"")
    return found


def _propose(j: Judge, r: Rec, state: State) -> str | State:
    body = r.body
    payer, payee = j.records[body["payer_lane"]], j.records[body["payee_lane"]]
    for side in (payer, payee):
        if side.kind != "account.open" or not j.ok(side.id):
            return "parties"
    if payer.author == payee.author or payer.body["chapter"] != payee.body["chapter"]:
        return "parties"
    if state.open not in (payer.id, payee.id):
        return "parties"
    if body["refunds"] is not None:
        back = j.commit_of(body["refunds"])
        if back is None or j.terms(back)["unit"] != body["unit"]:
            return "refund-terms"
        was_payer = j.records[j.terms(back)["payer_lane"]].author
        was_payee = j.records[j.terms(back)["payee_lane"]].author
        if (was_payer, was_payee) != (payee.author, payer.author):
            return "refund-terms"
    if state.open == payer.id:
        return j.debit(state, r.id, body["grant"], "reserved")
    return state._replace(trades={**state.trades, r.id: "offered"})


def _answer(j: Judge, r: Rec, state: State) -> str | State:
    """Accept and decline."""
    trade = r.body["propose"]
    if j.records[trade].kind != "trade.propose" or not j.ok(trade):
        return "propose-void"
    terms, by_payer = j.terms(trade), j.by_payer(trade)
    side = terms["payee_lane"] if by_payer else terms["payer_lane"]
    if side not in j.mine(state) or trade in state.trades:
        return "trade-state"
    if r.kind == "trade.decline":
        return state._replace(trades={**state.trades, trade: "declined"})
    if by_payer:
        return state._replace(trades={**state.trades, trade: "accepted"})
    if side != state.open:
        return "trade-state"
    return j.debit(state, trade, r.body["grant"], "paid")


def _settle(j: Judge, r: Rec, state: State) -> str | State:
    accept = j.records[r.body["accept"]]
    if accept.kind != "trade.accept" or not j.ok(accept.id):
        return "trade-state"
    trade = accept.body["propose"]
    if not j.by_payer(trade) or state.trades.get(trade) != "reserved":
        return "trade-state"
    return state._replace(trades={**state.trades, trade: "paid"})


def _release(j: Judge, r: Rec, state: State) -> str | State:
    if state.trades.get(r.body["trade"]) != "reserved":
        return "trade-state"
    return state._replace(trades={**state.trades, r.body["trade"]: "released"})


def _claim(j: Judge, r: Rec, state: State) -> str | State:
    claimed, trades = dict(state.claimed), dict(state.trades)
    for commit, stamps in r.body["items"]:
        trade = j.commit_of(commit)
        if trade is None or trade in claimed:
            return "claim-bad"
        terms = j.terms(trade)
        if terms["payee_lane"] not in j.mine(state) or terms["unit"] != CREDIT:
            return "claim-bad"
        if not j.enough(commit, stamps):
            return "claim-unsecured"
        claimed[trade] = commit
        back = j.refunded(trade)
        if back is not None:
            trades[back] = "paid"
    return state._replace(claimed=claimed, trades=trades)


def _rate(j: Judge, r: Rec, state: State) -> str | State:
    trade = j.commit_of(r.body["commit"])
    if trade is None:
        return "rating"
    sides = [j.records[j.terms(trade)[side]].author for side in ("payer_lane", "payee_lane")]
    assert r.prev is not None
    rated = {
        j.commit_of(j.records[i].body["commit"])
        for i in j.past(r.prev)
        if j.records[i].kind == "rating.give" and j.ok(i)
    }
    return "rating" if r.author not in sides or trade in rated else state


ACCOUNT = {
    "account.open": _open,
    "trade.propose": _propose,
    "trade.accept": _answer,
    "trade.decline": _answer,
    "trade.settle": _settle,
    "trade.release": _release,
    "account.claim": _claim,
    "rating.give": _rate,
}
