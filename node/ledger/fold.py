"""The one fold: `apply(reader, record) -> changes` is the only place where state is computed.

A record's verdict is a function of its causal past; what becomes known later changes balances and
alerts, never a verdict. The fold is given records that `judge` welcomed, in any order the hash
graph allows, and never sees a clock. The simulator runs it over a dict, the node over SQLite.
"""

from collections import defaultdict
from collections.abc import Collection
from zlib import crc32

from node.ledger import book, positions, stamps, trades
from node.protocol import admission, lanes
from node.protocol.account import TradeAccept, TradePropose
from node.protocol.admission import Judgement, Known, Refused, Welcome
from node.protocol.dispute import DisputeErase, DisputeOpen, DisputePart
from node.protocol.errors import OK, Reject
from node.protocol.identity import DeviceRevoke, Lane
from node.protocol.lanes import Entry
from node.protocol.market import ListingClose, ListingPut
from node.protocol.office import WitnessStamp
from node.protocol.ports import Reader
from node.protocol.record import ERASABLE_LANES, LANE_OF_KIND, RawRecord, Record, parse_held
from node.protocol.social import MemberApply, PostDelete, PostPut, ProfileSet
from node.protocol.state import Changes, Direct, Overlay, Table, TableRows
from node.views import disputes, identities, listings, members, pictures, rooms
from node.views.members import Rules

FOLD_VERSION = 10 << 32 | crc32(" ".join(LANE_OF_KIND).encode())  # rows number the kinds
"""Grows when the same records give other rows: storage then rebuilds its tables."""

BODYLESS = Table("bodyless", bytes)  # record id (32): body missing though nobody asked to erase it
FORKED = Table("forked", bytes)  # account lane key (65) with a fork -> b""
_ERASED_BY = {
    "post.delete": "post.put",
    "listing.close": "listing.put",
    "dispute.erase": "dispute.evidence",
}
_OF_DISPUTES = (DisputeOpen, DisputePart, DisputeErase)
EPOCH = Table("epoch", int)  # b"": grows whenever an alert or a grant's standing may have changed


class Fold:
    """The fold of one community."""

    __slots__ = ("rules",)

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def judge(self, reader: Reader, record: Record) -> Judgement:
        """Admission's last stage, with the cuts of revoked devices (R10)."""
        judgement = admission.judge(reader, record)
        if isinstance(judgement, Welcome):
            revoked = identities.revocation_of(reader, record)
            if revoked is not None and not identities.may_be_held(reader, record, revoked):
                return Refused(Reject.REVOKED)
            judgement.revoked = revoked is not None
            return judgement
        if isinstance(judgement, Known) and judgement.fills:
            return Known(BODYLESS.has(reader, record.id))  # what was to be erased stays erased
        return judgement

    def foresee(self, records: Collection[Record]) -> dict[str, list[bytes]]:
        """Keys by table that `judge` and `apply` of these records will ask for, as far as it can be
        told: storage reads them all at once. Nothing rests on it."""
        wanted: defaultdict[str, list[bytes]] = defaultdict(list)
        wanted[lanes.ENTRY.name] = [record.id for record in records]
        wanted[lanes.LANE.name] = lane_keys = [record.header.lane_key for record in records]
        wanted[identities.REVOKED.name] = [lane_key[:64] for lane_key in lane_keys]
        for record in records:
            _foresee(record, wanted)
        return wanted

    def apply(
        self,
        reader: Reader,
        record: Record,
        unwritten: TableRows | None = None,
        welcome: Welcome | None = None,
    ) -> Changes:
        """Changes that a welcome record makes; `changes.verdict` is `ok` or a void code.

        `unwritten`: rows that `reader` shows though they are not written yet; then the record's own
        are put among them (`state.Direct`). `welcome`: what `judge` has just said.
        """
        welcome = welcome or Welcome()
        own = (reader.next_number(), record.id, record.raw)
        overlay = Overlay(reader, own) if unwritten is None else Direct(reader, own, unwritten)
        entry = lanes.place(overlay, record, welcome.lane)
        verdict = self._verdict(overlay, record, entry)
        entry = lanes.conclude(overlay, record.id, entry, verdict)
        self._consequences(
            overlay, record, entry, welcome.revoked
        )  # first: it may drop what would hide this one
        self._effects(overlay, record, entry)
        return overlay.changes

    def fill(self, reader: Reader, record: Record) -> Changes:
        """Changes that the body of a held record makes when it arrives after its header."""
        entry = lanes.ENTRY.must(reader, record.id)
        overlay = Overlay(reader, (entry.number, record.id, record.raw))
        assert record.raw.body is not None
        overlay.changes.fill = (entry.number, record.raw.body)
        overlay.changes.verdict = entry.verdict
        BODYLESS.delete(overlay, record.id)
        self._effects(overlay, record, entry)
        return overlay.changes

    def _verdict(self, overlay: Overlay, record: Record, entry: Entry) -> str:
        lane = record.header.lane
        if lane in ERASABLE_LANES:
            return OK
        if lane == Lane.ACCOUNT:
            return trades.apply_account(overlay, record, entry, self.rules)
        if lane == Lane.IDENTITY:
            return identities.apply_identity(overlay, record, entry)
        if lane == Lane.OFFICE:
            return members.apply_office(overlay, record, entry, self.rules)
        return stamps.apply_witness(overlay, record, entry)

    def _effects(self, overlay: Overlay, record: Record, entry: Entry) -> None:
        """What a social or market record, which is never void, shows; needs its body."""
        lane, body = record.header.lane, record.body
        if lane not in ERASABLE_LANES:
            return
        if record.raw.body is None:
            if not self._erased(overlay, record):
                BODYLESS.put(overlay, record.id, b"")
        elif isinstance(body, ProfileSet):
            identities.apply_profile(overlay, record, entry)
        elif isinstance(body, MemberApply):
            members.apply_application(overlay, record, entry, self.rules)
        elif isinstance(body, _OF_DISPUTES):
            disputes.apply_dispute(overlay, record, entry)
            if isinstance(body, DisputeErase):
                self._want_no_more(overlay, body.evidence, record)
        elif lane == Lane.SOCIAL:
            rooms.apply_post(overlay, record, entry)
            if isinstance(body, PostDelete):
                self._want_no_more(overlay, body.post, record)
        else:
            listings.apply_listing(overlay, record, entry)
            if isinstance(body, ListingClose) and body.erase:
                self._want_no_more(overlay, body.listing, record)

    def _erased(self, overlay: Overlay, record: Record) -> bool:
        """True iff the author asked to erase this very record."""
        author, kind = record.header.author, record.header.kind
        if kind == "post.put":
            return rooms.is_deleted(overlay, record.id, author)
        if kind == "dispute.evidence":
            return disputes.is_erased(overlay, record.id, author)
        return kind == "listing.put" and listings.is_erased(overlay, record.id, author)

    def _want_no_more(self, overlay: Overlay, target: bytes, record: Record) -> None:
        """The body of `target`, if it is of this author, need not be found any more."""
        entry = lanes.entry_of(overlay, target)
        if entry is None or entry.kind != _ERASED_BY.get(record.header.kind):
            return  # nothing is erased
        if lanes.author_of(overlay, entry) == record.header.author:
            BODYLESS.delete(overlay, target)

    def _consequences(self, overlay: Overlay, record: Record, entry: Entry, revoked: bool) -> None:
        """What a record changes about others: balances, cuts, alerts."""
        header, body = record.header, record.body
        if header.lane in ERASABLE_LANES and not revoked and not overlay.changes.events:
            return  # what nearly every record is
        if header.lane == Lane.ACCOUNT:
            if isinstance(body, trades.AccountOpen) and body.carry:
                _bump(overlay)
            trade = trades.commit_of(overlay, record.id)
            if trade is not None:
                book.count(overlay, trade, record.id, self.rules)
        elif isinstance(body, DeviceRevoke):
            _bump(overlay)
            book.recount_device(overlay, header.author, body.key, self.rules)
            for lane in ERASABLE_LANES:
                self._drop_beyond(overlay, header.author + body.key + bytes((lane,)))
        elif header.lane in (Lane.OFFICE, Lane.WITNESS):
            _bump(overlay)
            if isinstance(body, WitnessStamp) and entry.verdict == OK:
                book.recount_stamped(overlay, body.head, header.signer, self.rules)
        if revoked and identities.is_cut_head(overlay, record):
            _bump(overlay)
            if header.lane == Lane.ACCOUNT:
                book.recount_lane(overlay, entry.lane, self.rules)
            elif header.lane in ERASABLE_LANES:
                self._drop_beyond(overlay, header.lane_key)
        if overlay.changes.events and overlay.changes.events[0][0] == "fork":
            if header.lane == Lane.ACCOUNT:
                FORKED.put(overlay, header.lane_key, b"")
            _bump(overlay)

    def _drop_beyond(self, overlay: Overlay, lane_key: bytes) -> None:
        """R10: social and market records beyond every cut are no longer held."""
        doomed = identities.beyond_cuts(overlay, lane_key)
        gone: list[tuple[int, RawRecord]] = []
        for record_id in sorted(doomed):
            entry = lanes.ENTRY.must(overlay, record_id)
            raw = overlay.raw(entry.number)
            BODYLESS.delete(overlay, record_id)
            if raw is not None and raw.body is not None:
                gone.append((entry.number, raw))
        lanes.drop(overlay, lane_key, doomed)
        for number, raw in gone:
            self._forget(overlay, number, raw)

    def _forget(self, overlay: Overlay, number: int, raw: RawRecord) -> None:
        record = parse_held(raw, self.rules.community)
        if record.header.lane == Lane.SOCIAL:
            missed = rooms.forget(overlay, record, number) + disputes.forget(overlay, record)
            identities.forget_profile(overlay, record)
            members.forget_application(overlay, record, self.rules)
        else:
            missed = listings.forget(overlay, record, number)
        for erased, other in missed:
            held = overlay.raw(other)
            if held is not None and held.body is None:
                BODYLESS.put(overlay, erased, b"")


def _foresee(record: Record, wanted: dict[str, list[bytes]]) -> None:
    """Add what a record of some frequent kinds asks for beside its place."""
    body = record.body
    if isinstance(body, PostPut):
        wanted[rooms.DELETION.marks.name].append(record.id + record.header.author)
    elif isinstance(body, ListingPut):
        if body.listing is None:
            key = record.id + record.header.author
            wanted[listings.CLOSING.marks.name].append(key)
            wanted[listings.REVISION.marks.name].append(key)
            wanted[pictures.PICTURES.marks.name].append(key)
    elif record.header.lane == Lane.ACCOUNT and body is not None:
        wanted[lanes.ENTRY.name] += body.names()
        if record.header.prev is not None:
            wanted[positions.POSITION.name].append(record.header.prev)
        if isinstance(body, TradePropose):
            wanted[trades.OPENED.name] += (body.payer_lane, body.payee_lane)
        elif isinstance(body, TradeAccept):
            wanted[positions.TRADE.name].append(body.propose)
            wanted[trades.COMMIT.marks.name].append(body.propose)


def _bump(overlay: Overlay) -> None:
    EPOCH.put(overlay, b"", (EPOCH.get(overlay, b"") or 0) + 1)
