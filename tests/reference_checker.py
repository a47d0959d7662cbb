"""The reference checker: all that a node may show, as a pure function of the *set* of its records.

Rule: shares no code with the project and keeps no incremental state: every balance, alert,
permission and view is worked out from its definition. Verdicts are `reference_judge`'s.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property

from tests.reference_judge import (
    ACTS,
    CREDIT,
    ERASABLE,
    MOVES,
    Bytes3,
    Judge,
    Rec,
    carried_heads,
)

LaneId = tuple[bytes, bytes, str]


class Checker:
    """A set of records, under one genesis; `judge` may be shared between sets."""

    def __init__(self, judge: Judge, raws: Iterable[Bytes3]) -> None:
        self.j = judge
        given: dict[bytes, Rec] = {}
        for raw in raws:
            r = judge.read(raw)
            if r.id not in given or given[r.id].bare:
                given[r.id] = r
        self.records = self._held(self._closed(given))
        self.lanes: dict[LaneId, list[Rec]] = {}
        for r in sorted(self.records.values()):
            self.lanes.setdefault(r.lane, []).append(r)
        self._clean: dict[bytes, int] = {}
        self._secured: dict[bytes, bool] = {}
        self._contested: dict[bytes, bool] = {}
        self._fork_seqs: dict[LaneId, int] = {}
        self._stands: dict[bytes, bool] = {}

    # --- which records are held -------------------------------------------------------------------
    def _closed(self, given: dict[bytes, Rec]) -> dict[bytes, Rec]:
        """Those whose dependencies are all here, and that are not refused."""
        waits: dict[bytes, list[bytes]] = {}
        needs: dict[bytes, int] = {}
        for r in given.values():
            depends = self.j.depends(r)
            needs[r.id] = len(depends)
            for name in depends:
                waits.setdefault(name, []).append(r.id)
        ready = [record for record, count in needs.items() if count == 0]
        found: dict[bytes, Rec] = {}
        while ready:
            r = given[ready.pop()]
            self.j.judge(r)
            if self.j.memo[r.id] is None:
                continue
            found[r.id] = r
            for other in waits.get(r.id, ()):
                needs[other] -= 1
                if needs[other] == 0:
                    ready.append(other)
        return found

    def _held(self, closed: dict[bytes, Rec]) -> dict[bytes, Rec]:
        """R10: social and market records within the cuts, where their device is revoked."""
        self.cuts: dict[tuple[bytes, bytes], dict[str, set[object]]] = {}
        for r in closed.values():
            if r.kind == "device.revoke":
                cuts = self.cuts.setdefault((r.author, r.body["key"]), {})
                for lane, cut in r.body["cuts"].items():
                    cuts.setdefault(lane, set()).add(cut if cut == "open" else tuple(cut))

        def stays(r: Rec) -> bool:
            cuts = self.cuts.get((r.author, r.signer))
            if cuts is None or r.lane_kind not in ERASABLE:
                return True
            return any(cut == "open" or under(r, *cut) for cut in cuts.get(r.lane_kind, ()))

        def under(r: Rec, seq: int, cut: bytes) -> bool:
            head = closed.get(cut)
            if head is None or (head.lane, head.seq) != (r.lane, seq):
                return r.seq <= seq
            return any(step.id == r.id for step in self.j.path(cut))

        return {record: r for record, r in closed.items() if stays(r)}

    def verdicts(self) -> dict[bytes, str]:
        """Verdict of every held record."""
        return {record: self.j.memo[record].verdict for record in self.records}

    # --- helpers over the set ---------------------------------------------------------------------
    def of_kind(self, *kinds: str) -> list[Rec]:
        """Ok records of these kinds, in order of id within each."""
        return [r for kind in kinds for r in self._by_kind.get(kind, ())]

    @cached_property
    def _by_kind(self) -> dict[str, list[Rec]]:
        found: dict[str, list[Rec]] = {}
        for r in sorted(self.records.values()):
            if self.j.ok(r.id):
                found.setdefault(r.kind, []).append(r)
        return found

    def accounts(self) -> list[LaneId]:
        """All account lanes."""
        return [lane for lane in self.lanes if lane[2] == "account"]

    def heads(self, lane: LaneId) -> list[Rec]:
        """Records of a lane that no other record of it follows."""
        followed = {r.prev for r in self.lanes[lane]}
        return [r for r in self.lanes[lane] if r.id not in followed]

    def fork_seq(self, lane: LaneId) -> int:
        """The lowest seq with two ids, or -1."""
        if lane not in self._fork_seqs:
            seqs = Counter(r.seq for r in self.lanes[lane])
            self._fork_seqs[lane] = min((s for s, count in seqs.items() if count > 1), default=-1)
        return self._fork_seqs[lane]

    def within(self, record: bytes) -> bool:
        """R10."""
        r = self.records[record]
        cuts = self.cuts.get((r.author, r.signer))
        if cuts is None or "open" in cuts.get(r.lane_kind, ()):
            return True
        heads = [cut[1] for cut in cuts.get(r.lane_kind, ()) if cut[1] in self.records]
        return any(step.id == record for head in heads for step in self.j.path(head))

    # --- officers ---------------------------------------------------------------------------------
    def acts(self) -> dict[object, list[Rec]]:
        """Ok acts by subject."""
        found: dict[object, list[Rec]] = {}
        for act in self.of_kind(*ACTS):
            found.setdefault(self.j.subject(act.id), []).append(act)
        return found

    @cached_property
    def _approvals(self) -> dict[bytes, list[Rec]]:
        found: dict[bytes, list[Rec]] = {}
        for approval in self.of_kind("office.approve"):
            found.setdefault(approval.body["act"], []).append(approval)
        return found

    def stands(self, act: bytes) -> bool:
        """R16: k officers have a record within their cuts that makes, approves or confirms it."""
        if act not in self._stands:
            self._stands[act] = self._has_voices(self.records[act])
        return self._stands[act]

    def _has_voices(self, r: Rec) -> bool:
        chapter = self.j.chapters[r.body["chapter"]]
        voices = [r, *self._approvals.get(self.j.act_hash(r), ())]
        officers = {voice.author for voice in voices if self.within(voice.id)}
        return len(officers & set(chapter["officers"])) >= chapter["k"]

    @cached_property
    def current(self) -> dict[object, Rec]:
        """Current act of every subject that has one."""
        found: dict[object, Rec] = {}
        for subject, acts in self.acts().items():
            standing = [act for act in acts if self.stands(act.id)]
            if standing:
                found[subject] = min(standing, key=self._precedence)
        return found

    def _precedence(self, act: Rec) -> tuple[int, bool, int, bytes]:
        return (
            -self.j.serial(act.id),
            act.kind != "member.suspend",
            act.body.get("limit", 0),
            act.id,
        )

    # --- trades across branches -------------------------------------------------------------------
    @cached_property
    def commits(self) -> dict[bytes, list[bytes]]:
        """Commit records of every committed trade."""
        found: dict[bytes, list[bytes]] = {}
        for r in self.of_kind("trade.settle", "trade.accept"):
            trade = self.j.commit_of(r.id)
            if trade is not None:
                found.setdefault(trade, []).append(r.id)
        return found

    def secured(self, commit: bytes) -> bool:
        """R30."""
        if commit not in self._secured:
            opened = self.records[self.j.state(commit).open or b""]
            stamps = [stamp.id for stamp in self.of_kind("witness.stamp")]
            self._secured[commit] = opened.body["q"] > 0 and self.j.enough(commit, stamps)
        return self._secured[commit]

    def is_secured(self, trade: bytes) -> bool:
        """R30 for a trade."""
        return any(map(self.secured, self.commits.get(trade, ())))

    def contested(self, trade: bytes) -> bool:
        """R32."""
        if trade not in self._contested:
            back = self.j.refunded(trade)
            stands = any(self.within(c) or self.secured(c) for c in self.commits[trade])
            self._contested[trade] = not stands or (back is not None and self.contested(back))
        return self._contested[trade]

    def status(self, trade: bytes) -> str:
        """secured > settled > released > declined > accepted > proposed."""
        if trade in self.commits:
            return "secured" if self.is_secured(trade) else "settled"
        steps = {r.kind for r in self.of_kind("trade.release") if r.body["trade"] == trade}
        answers = self.of_kind("trade.decline", "trade.accept")
        steps |= {r.kind for r in answers if r.body["propose"] == trade}
        named = (("trade.release", "released"), ("trade.decline", "declined"))
        for kind, name in (*named, ("trade.accept", "accepted")):
            if kind in steps:
                return name
        return "proposed"

    def parties(self, trade: bytes) -> tuple[bytes, bytes, int]:
        """Payer, payee and the number of their chapter."""
        terms = self.j.terms(trade)
        payer, payee = self.records[terms["payer_lane"]], self.records[terms["payee_lane"]]
        return payer.author, payee.author, self.j.numbers[payer.body["chapter"]]

    def counted(self) -> list[bytes]:
        """Committed trades that are not contested, in any unit."""
        return [trade for trade in self.commits if not self.contested(trade)]

    def book(self) -> dict[tuple[int, bytes], int]:
        """Non-zero balances by chapter and member."""
        found: dict[tuple[int, bytes], int] = {}
        for trade in self.counted():
            if self.j.terms(trade)["unit"] == CREDIT:
                payer, payee, chapter = self.parties(trade)
                amount = self.j.terms(trade)["amount"]
                found[chapter, payer] = found.get((chapter, payer), 0) - amount
                found[chapter, payee] = found.get((chapter, payee), 0) + amount
        return {key: amount for key, amount in found.items() if amount}

    def turnover(self) -> dict[bytes, tuple[int, int, int]]:
        """What each member received and gave in counted credit trades, and how many of these are
        not secured; by chapter and member."""
        found: dict[bytes, tuple[int, int, int]] = {}
        for trade in self.counted():
            if self.j.terms(trade)["unit"] == CREDIT:
                payer, payee, chapter = self.parties(trade)
                amount = self.j.terms(trade)["amount"]
                for member, received, given in ((payee, amount, 0), (payer, 0, amount)):
                    key = chapter.to_bytes(2, "big") + member
                    old = found.get(key, (0, 0, 0))
                    open_ = old[2] + (not self.is_secured(trade))
                    found[key] = (old[0] + received, old[1] + given, open_)
        return found

    def contributions(self) -> dict[bytes, tuple[int, int]]:
        """The same in other units, by chapter, member and unit."""
        found: dict[bytes, tuple[int, int]] = {}
        for trade in self.counted():
            terms = self.j.terms(trade)
            if terms["unit"] != CREDIT:
                payer, payee, chapter = self.parties(trade)
                sides = ((payee, terms["amount"], 0), (payer, 0, terms["amount"]))
                for member, received, given in sides:
                    key = chapter.to_bytes(2, "big") + member + terms["unit"].encode()
                    old = found.get(key, (0, 0))
                    found[key] = (old[0] + received, old[1] + given)
        return found

    # --- alerts, stamps, clean income -------------------------------------------------------------
    @cached_property
    def carriers(self) -> dict[LaneId, list[bytes]]:
        """Ok opens by each lane that they stand on."""
        found: dict[LaneId, list[bytes]] = {}
        for opened in self.of_kind("account.open"):
            heads = carried_heads(self.j, opened.id)
            for lane in sorted({self.records[head].lane for head in heads}):
                found.setdefault(lane, []).append(opened.id)
        return found

    def is_move(self, r: Rec) -> bool:
        """An ok record that does something to a trade, a decline aside."""
        return r.kind in MOVES and self.j.ok(r.id)

    def beyond(self, record: bytes) -> str | None:
        """R35: why a record lies beyond the point of an alert on its lane."""
        r = self.records[record]
        if (r.author, r.signer) in self.cuts:
            return None if self.within(record) else "revoked"
        if 0 <= self.fork_seq(r.lane) <= r.seq:
            return "forked"
        for opened in self.carriers.get(r.lane, ()):
            past = self.j.past(opened)
            if any(step.id not in past and self.is_move(step) for step in self.j.path(record)):
                return "beyond-carry"
        return None

    def alerts(self, lane: LaneId, chapter: str) -> set[str]:
        """R34."""
        found = set[str]()
        if self.fork_seq(lane) >= 0:
            found.add("forked")
        if lane[:2] in self.cuts:
            found.add("revoked")
        moves = [r.id for r in self.lanes[lane] if self.is_move(r)]
        pasts = [self.j.past(opened) for opened in self.carriers.get(lane, ())]
        if any(move not in past for move in moves for past in pasts):
            found.add("beyond-carry")
        if "revoked" not in found and self._carried_twice(lane):
            found.add("double-carry")
        act = self.current.get((chapter, lane[0]))
        if act is not None and act.kind == "member.suspend":
            found.add("suspended")
        return found

    def _carried_twice(self, lane: LaneId) -> bool:
        own = [opened.id for opened in self.of_kind("account.open") if opened.lane == lane]
        for opened in own:
            below = {self.records[head].lane for head in carried_heads(self.j, opened)}
            for other in {o for base in below for o in self.carriers[base]}:
                r = self.records[other]
                beside = other not in self.j.past(opened) and opened not in self.j.past(other)
                apart = r.lane != lane and beside and r.lane[:2] not in self.cuts
                if apart and opened in self.moved and other in self.moved:
                    return True
        return False

    @cached_property
    def moved(self) -> set[bytes | None]:
        """Opens that moves followed."""
        return {self.j.state(r.id).open for r in self.records.values() if self.is_move(r)}

    def conflict(self, a: bytes, b: bytes) -> bool:
        """R18."""
        past_a, past_b = self.j.past(a), self.j.past(b)
        if a in past_b or b in past_a:
            return False
        return bool({self.records[i].lane for i in past_a} & {self.records[i].lane for i in past_b})

    def stamped(self, witness: bytes) -> list[bytes]:
        """Heads a witness stamped."""
        stamps = self.of_kind("witness.stamp")
        return [stamp.body["head"] for stamp in stamps if stamp.signer == witness]

    def convicted(self) -> set[bytes]:
        """Keys with two own stamps on conflicting heads."""
        found = set[bytes]()
        for witness in {stamp.signer for stamp in self.of_kind("witness.stamp")}:
            heads = self.stamped(witness)
            if any(self.conflict(a, b) for a in heads for b in heads):
                found.add(witness)
        return found

    def may_stamp(self, witness: bytes, head: bytes) -> bool:
        """R36."""
        r = self.records[head]
        if r.lane_kind != "account" or not self.j.ok(head) or self.beyond(head) is not None:
            return False
        if any(self.conflict(old, head) for old in self.stamped(witness)):
            return False
        return all(self.stands(grant) for grant in self.grants_on(head))

    def grants_on(self, record: bytes) -> set[bytes]:
        """Grants that ok debits on a path rest on."""
        found = set[bytes]()
        for step in self.j.path(record):
            if not self.is_move(step) or step.kind not in ("trade.propose", "trade.accept"):
                continue
            trade = step.id if step.kind == "trade.propose" else step.body["propose"]
            debits = self.j.state(step.id).trades[trade] in ("reserved", "paid")
            if debits and self.j.terms(trade)["unit"] == CREDIT:
                found.add(step.body["grant"])
        return found

    def clean(self, commit: bytes) -> int:
        """R45: the part of a commit that rests on limits and on clean income."""
        if commit not in self._clean:
            amount = self.j.terms(self.j.commit_of(commit) or b"")["amount"]
            if self.secured(commit):
                value = amount
            elif self.beyond(commit) or not all(map(self.stands, self.grants_on(commit))):
                value = 0
            else:
                value = max(0, min(amount, amount + self.effective(commit)))
            self._clean[commit] = value
        return self._clean[commit]

    def effective(self, record: bytes, limit: int | None = None) -> int:
        """Available at a record, income counted only as far as it is clean."""
        state = self.j.state(record)
        income = sum(self.clean(commit) for commit in state.claimed.values())
        return income - self.j.outgoing(state) + (state.limit if limit is None else limit)

    def may_accept(self, record: bytes, trade: bytes) -> str | None:
        """R45: why an honest payee may not accept a payer's record; None if they may."""
        r, state = self.records[record], self.j.state(record)
        if not self.j.ok(record) or state.open is None:
            return "void"
        dealt_in = {self.records[state.open].body["chapter"]}
        dealt_in.add(self.records[self.j.terms(trade)["payer_lane"]].body["chapter"])
        found = {alert for chapter in dealt_in for alert in self.alerts(r.lane, chapter)}
        if found:
            return min(found)
        if self.j.terms(trade)["unit"] != CREDIT:
            return None
        act = self.current.get(state.open)
        if act is None:
            return "no-grant"
        if (state.serial, state.limit) != (self.j.serial(act.id), act.body["limit"]):
            return "grant-not-current"
        return None if self.effective(record) >= 0 else "unclean"

    def spendable(self, head: bytes) -> int:
        """Available at a head under the current grant."""
        opened = self.j.state(head).open
        act = None if opened is None else self.current.get(opened)
        return 0 if act is None else self.effective(head, act.body["limit"])

    # --- talk and market --------------------------------------------------------------------------
    def _withdrawn(self, kind: str, field: str) -> set[tuple[bytes, bytes]]:
        return {(r.body[field], r.author) for r in self.of_kind(kind) if not r.bare}

    def posts(self) -> dict[bytes, str]:
        """Text shown of every live post."""
        deleted = self._withdrawn("post.delete", "post")
        found: dict[bytes, str] = {}
        for post in self.of_kind("post.put"):
            if post.bare or (post.id, post.author) in deleted:
                continue
            edits = [
                (r.time, r.id, r.body["text"])
                for r in self.of_kind("post.edit")
                if not r.bare and (r.body["post"], r.author) == (post.id, post.author)
            ]
            found[post.id] = max(edits)[2] if edits else post.body["text"]
        return found

    def listings(self) -> dict[bytes, bytes]:
        """Id of the revision shown of every live listing."""
        closed = self._withdrawn("listing.close", "listing")
        erased = {
            (r.body["listing"], r.author)
            for r in self.of_kind("listing.close")
            if not r.bare and r.body["erase"]
        }
        puts = [
            r for r in self.of_kind("listing.put") if not r.bare and (r.id, r.author) not in erased
        ]
        found: dict[bytes, bytes] = {}
        for first in puts:
            if first.body["listing"] is None and (first.id, first.author) not in closed:
                revisions = [
                    (r.time, r.id)
                    for r in puts
                    if r.author == first.author and first.id in (r.id, r.body["listing"])
                ]
                found[first.id] = max(revisions)[1]
        return found

    def profiles(self) -> dict[bytes, str]:
        """Name shown of every member who set one."""
        newest: dict[bytes, Rec] = {}
        for r in self.of_kind("profile.set"):
            old = newest.get(r.author)
            if not r.bare and (old is None or (old.time, old.id) < (r.time, r.id)):
                newest[r.author] = r
        return {author: r.body["name"] for author, r in newest.items()}

    def applicants(self) -> set[tuple[str, bytes]]:
        """(chapter, member) of all applications."""
        found = {(r.body["chapter"], r.author) for r in self.of_kind("member.apply") if not r.bare}
        return {(chapter, member) for chapter, member in found if chapter in self.j.chapters}

    def devices(self) -> set[tuple[bytes, bytes, tuple[str, ...]]]:
        """(member, key, scopes) of every ok `device.add`."""
        adds = self.of_kind("device.add")
        return {(r.author, r.body["key"], tuple(r.body["scopes"])) for r in adds}
