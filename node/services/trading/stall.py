"""Trading where there is no network: notes that go from hand to hand, as files or QR codes.

Rules: a note holds the records of a trade that the other side lacks (`held`), its order, and what
its maker holds, so that the answer is short. What a note brings is admitted like a file; the order
is kept iff it is the one of a trade with this member. A matching acceptance is settled at once, as
the payer's program does. The records travel on by themselves when either side meets the network
again. Taking a note twice, late, or cut short changes nothing that is not true.

Left to others: parts and pictures of them, what a member signs (`trade`), words.
"""

# pyright: reportUnknownMemberType=false
# The stubs of trio that come with libp2p do not know their own types.

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import trio

from node.ledger import book, stamps, trades
from node.ledger.positions import TRADE, TradeRow
from node.protocol import crypto, lanes, limits, note, parts, portable, record
from node.protocol.account import CREDIT, AccountOpen, TradePropose
from node.protocol.admission import stored_body
from node.protocol.errors import LocalFault, Reject, RemoteFault
from node.protocol.identity import Lane
from node.protocol.note import Note
from node.protocol.portable import OpenOrder
from node.protocol.record import ERASABLE_LANES, RawRecord
from node.services.core import Core
from node.services.incoming import proofs
from node.services.incoming.held import (
    IN_STEP,
    NEVER,
    Held,
    beyond,
    grounds_of,
    presumed_until,
    short_of,
)
from node.services.incoming.intake import FILE, Intake
from node.services.publish import NOTHING_SIGNED
from node.services.trading import accounts
from node.services.trading.trade import Trade
from node.services.trading.trade_duties import due_of
from node.storage.kept.private import Order, Partner
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import identities

RECORDS_MAX_COUNT = limits.NOTE_BATCHES_MAX_COUNT * limits.FRAME_RECORDS_MAX_COUNT
GREETING_RECORDS_MAX_COUNT = 32  # who is more than that, after restores, is only named
RECENT_RECORDS_COUNT = 2_048  # looked through for lanes that have moved of late


@dataclass(frozen=True, slots=True)
class Given:
    """A note to hand over. `partner` is None for a greeting, which anybody may read."""

    data: bytes
    records: int
    trades: tuple[bytes, ...]
    partner: bytes | None


@dataclass(slots=True)
class Taken:
    """What became of a note.

    `lacking`: how many ids its records rest on that are not held here: `answer` asks for them.
    `unsettled`: trades that were accepted and that this device may not settle now; `reason`: the
    code that says why. `own`: the note was made by this very member, so nobody waits for an answer.
    `answer`: what to hand back, None where there is nothing.
    """

    sender: bytes
    trades: tuple[bytes, ...]
    own: bool
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    lacking: int = 0
    settled: list[bytes] = field(default_factory=list[bytes])
    unsettled: list[bytes] = field(default_factory=list[bytes])
    reason: str | None = None
    answer: Given | None = None


class Stall:
    """Makes notes and takes them."""

    def __init__(self, core: Core, intake: Intake, trade: Trade) -> None:
        self._core = core
        self._intake = intake
        self._trade = trade

    def greet(self) -> Given:
        """A note for anybody: who this is, and what is held here.

        Raises LocalFault no-account.
        """
        with self._core.reading() as reader:
            own = accounts.own_account(self._core, reader)
            if own is None:
                raise LocalFault("no-account")
            tops = [own.open, *_identity_heads(reader, own.member)]
            if beyond(reader, tops, Held(reader), NEVER, GREETING_RECORDS_MAX_COUNT) is None:
                tops = []
            return self._made(reader, None, (), Held(reader), (NEVER,), tops)

    def give(self, trade: bytes, *, full: bool = True) -> Given:
        """The note of one own trade for its other side.

        `full`: with all that they are not known to hold, as a file may bring it. Else, so that it
        fits a QR code, without what both can be presumed to have had from the network; of somebody
        who never handed over a note it is guessed that they were in step when this home was.

        Raises LocalFault trade-unknown, note-too-large.
        """
        with self._core.reading() as reader:
            row = self._row(reader, trade)
            if row is None:
                raise LocalFault("trade-unknown")
            partner = row.payee if row.payer == self._core.member else row.payer
            untils = (NEVER if full else _presumed(reader, partner),)
            tops = list(self._tops(reader, partner, [trade]))
            return self._made(reader, partner, (trade,), held_by(reader, partner), untils, tops)

    def _row(self, reader: Rows, trade: bytes) -> TradeRow | None:
        """The trade, if this member is a party of it."""
        row = TRADE.get(reader, trade)
        return row if row and self._core.member in (row.payer, row.payee) else None

    def _is_between(self, reader: Rows, trade: bytes, partner: bytes) -> bool:
        row = self._row(reader, trade)
        return row is not None and partner in (row.payer, row.payee)

    def _tops(self, reader: Rows, partner: bytes, named: Iterable[bytes]) -> Iterator[bytes]:
        """What a note about trades has to bring: their steps, the stamps, revocations."""
        for trade in named:
            yield from (record_id for record_id, _ in _steps(reader, trade))
            for commit in book.commits_of(reader, trade):
                yield from stamps.stamps_for(reader, commit)
        for member in (self._core.member, partner):
            yield from _identity_heads(reader, member)

    def _made(
        self,
        reader: Rows,
        partner: bytes | None,
        named: tuple[bytes, ...],
        held: Held,
        untils: Iterable[int],
        tops: list[bytes],
        lacking: Iterable[bytes] = (),
        *,
        shown: bool = True,
    ) -> Given:
        """`untils`: what is presumed, in order of choice; the first that fits a note stands.

        `shown`: with all orders; else with those of proposals that it brings, so that nobody gets
        the text of an order by naming a trade that others told of.
        """
        found = (beyond(reader, tops, held, until, RECORDS_MAX_COUNT) for until in untils)
        raws = next((one for one in found if one is not None), None)
        if raws is None:
            raise LocalFault("note-too-large")
        brought = [crypto.record_id(self._core.community, raw.header) for raw in raws]
        made = Note(
            community=self._core.community,
            sender=self._core.member,
            trades=named,
            records=raws,
            orders=tuple(
                order for trade, order in self._orders(reader, named) if shown or trade in brought
            ),
            have=short_of(self._have(reader, partner, brought)),
            lacking=tuple(sorted(lacking)[: limits.NOTE_LACKING_MAX_COUNT]),
            seen=_in_step(reader),
        )
        try:
            return Given(note.encode(made), len(raws), named, partner)
        except ValueError:
            raise LocalFault("note-too-large") from None

    def _orders(self, reader: Rows, named: Iterable[bytes]) -> Iterator[tuple[bytes, OpenOrder]]:
        """Trades and their orders, of those that this member has proposed."""
        for trade in named:
            row = self._row(reader, trade)
            if row is None:
                continue  # one whose records are asked for
            kept = reader.orders.get(stored_body(reader, row.number, TradePropose).order_hash)
            proposer = row.payer if row.by_payer else row.payee
            if kept is not None and kept.body and proposer == self._core.member:
                yield trade, OpenOrder(kept.salt, kept.body)

    def _have(self, reader: Rows, partner: bytes | None, brought: Iterable[bytes]) -> list[bytes]:
        """Heads held here that say most: the reader's lanes, the officers', those that have moved
        of late. What follows from own lanes, or from what the note brings, need not be told."""
        clear = Held(reader)
        for record_id in brought:
            clear.add(record_id)
        clear.widen()
        keys: dict[bytes, None] = {}
        officers = {
            one for chapter in self._core.rules.genesis.chapters for one in chapter.officers
        }
        for member, kinds in [(partner, (Lane.ACCOUNT, Lane.IDENTITY))] + [
            (officer, (Lane.OFFICE,)) for officer in sorted(officers)
        ]:
            if member is not None:
                keys |= dict.fromkeys(_lanes_of(reader, member, kinds))
        newest = reader.next_number() - RECENT_RECORDS_COUNT
        recent = [raw for _, raw in reader.records_after(newest - 1, RECENT_RECORDS_COUNT)]
        for raw in reversed(recent):
            keys[record.stored_header(raw.header).lane_key] = None
        told = (
            head.id
            for key in keys
            if key[:32] != self._core.member and key[64] not in ERASABLE_LANES
            for head in lanes.heads_of(reader, key)
            if not clear.covers(lanes.ENTRY.must(reader, head.id))
        )
        return [
            bytes(head) for head, _ in zip(told, range(limits.NOTE_HAVE_TOLD_COUNT), strict=False)
        ]

    # --- taking -----------------------------------------------------------------------------------
    async def take(self, data: bytes, *, anyway: bool = False) -> Taken:
        """Take a note in, settle what it accepts, and make the answer.

        `anyway` settles without waiting for neighbours (R11). Raises LocalFault note-invalid,
        version, other-community.
        """
        found = self._read(data)
        await self._keep_orders(found)
        outcome = await self._intake.take(found.records, FILE)
        taken = Taken(
            found.sender,
            found.trades,
            found.sender == self._core.member,
            outcome.accepted,
            outcome.duplicate,
            outcome.rejected.total(),
        )
        lacking = await trio.to_thread.run_sync(self._lacking, found)
        taken.lacking = len(lacking)
        await self._settle(taken, anyway)
        if taken.own:
            return taken
        await self._core.writer.run(lambda state: self._learn(state, found))
        taken.answer = await trio.to_thread.run_sync(self._answer, found, lacking)
        return taken

    def _read(self, data: bytes) -> Note:
        try:
            found = note.decode(data)
        except RemoteFault as fault:
            newer = fault.code == Reject.VERSION
            raise LocalFault("version" if newer else "note-invalid", str(fault)) from None
        if found.community != self._core.community:
            raise LocalFault("other-community")
        return found

    async def _keep_orders(self, found: Note) -> None:
        """Keep the orders of trades with this member, before their records are there: what follows
        may be cut short, and taking the note again then finds everything."""
        hashes = {portable.order_hash(one.salt, one.order): one for one in found.orders}

        def job(state: WriterState) -> None:
            for raw in _proposals(state, self._core.community, found):
                order = hashes.get(raw.order_hash)
                if order is not None and self._is_party(state, raw):
                    state.orders.put(Order(raw.order_hash, order.salt, order.order))

        if hashes:
            await self._core.writer.run(job)

    def _is_party(self, reader: Rows, terms: TradePropose) -> bool:
        """Whoever is a party holds at least their own account's open."""
        sides = (lanes.entry_of(reader, one) for one in (terms.payer_lane, terms.payee_lane))
        own = self._core.member
        return any(side is not None and lanes.author_of(reader, side) == own for side in sides)

    def _lacking(self, found: Note) -> set[bytes]:
        """Ids of trades, and of what records rest on, that are neither held nor in the note."""
        community, missing, there = self._core.community, set(found.trades), set[bytes]()
        with self._core.reading() as reader:
            for raw in found.records:
                made = _parsed(raw, community)
                if made is None:
                    continue
                there.add(made.id)
                if not lanes.ENTRY.has(reader, made.id):
                    missing.update(grounds_of(made))
            return {one for one in missing - there if not lanes.ENTRY.has(reader, one)}

    def _learn(self, state: WriterState, found: Note) -> None:
        """Remember what the sender holds: what they handed over, and what they say."""
        held, known = Held(state), state.partners.get(found.sender)
        for tip in () if known is None else known.tips:
            held.add(tip)
        seen = [one for one in (known and known.seen, found.seen) if one is not None]
        until = max(seen, default=None)
        for one in found.lacking:
            held.remove(one)
            entry = lanes.entry_of(state, one)
            raw = None if entry is None else state.raw(entry.number)
            if raw is not None and until is not None:  # they were alone before this one
                until = min(until, max(0, record.stored_header(raw.header).time - 1))
        for raw in found.records:
            held.add(crypto.record_id(found.community, raw.header))
        for start in found.have:
            held.add_short(start)
        state.partners.put(Partner(found.sender, until, held.tips()))

    async def _settle(self, taken: Taken, anyway: bool) -> None:
        """What the payer's program does when an acceptance arrives, without waiting for its turn.
        The node's own duties may have been quicker: then there is nothing left to do."""
        for trade in taken.trades:
            with self._core.reading() as reader:
                own = accounts.own_account(self._core, reader)
                row = self._row(reader, trade)
                due = own is not None and row is not None and due_of(reader, own, [trade]).settle
            if not due:
                continue
            try:
                await self._trade.settle(trade, anyway=anyway)
                taken.settled.append(trade)
            except LocalFault as fault:
                if fault.code in NOTHING_SIGNED:
                    taken.unsettled.append(trade)
                    taken.reason = fault.code
                elif fault.code != "trade-state":
                    raise

    def _answer(self, found: Note, lacking: set[bytes]) -> Given | None:
        """What the sender waits for: records that they asked for, own steps that they lack; or the
        question what is missing here."""
        with self._core.reading() as reader:
            partner, held = found.sender, held_by(reader, found.sender)
            for one in found.lacking:
                held.remove(one)
            named = tuple(t for t in found.trades if self._is_between(reader, t, partner))
            asked = [one for one in found.lacking if lanes.ENTRY.has(reader, one)]
            mine = any(
                author == self._core.member and not held.covers(lanes.ENTRY.must(reader, record_id))
                for trade in named
                for record_id, author in _steps(reader, trade)
            )
            if not (lacking or asked or mine):
                return None
            tops = [*self._tops(reader, partner, named), *asked]
            until = _presumed(reader, partner)
            # Who asks has just said what they hold: rather more than once too little again.
            untils = (NEVER, until) if asked else (until,)
            told = found.trades if lacking else named
            return self._made(reader, partner, told, held, untils, tops, lacking, shown=False)

    def standing(self, trade: bytes) -> str:
        """How sure a trade is: unknown asked accepted off agreed paid unconfirmed final doubt."""
        with self._core.reading() as reader:
            return standing_of(self._core, reader, trade)


def held_by(reader: Rows, member: bytes) -> Held:
    """What a member must hold."""
    held, known = Held(reader), reader.partners.get(member)
    held.add_lanes_of(member)
    for tip in () if known is None else known.tips:
        held.add(tip)
    held.widen()
    return held


def _in_step(reader: Rows) -> int | None:
    written = reader.settings.get(IN_STEP)
    return None if written is None else int(written)


def _presumed(reader: Rows, partner: bytes) -> int:
    """Until when both had what the network had, by what the partner says, or by a guess."""
    here, known = _in_step(reader), reader.partners.get(partner)
    return presumed_until(here, here if known is None else known.seen)


def standing_of(core: Core, reader: Rows, trade: bytes) -> str:
    """How sure a trade is, from what is held here.

    `unknown`: not all of it is here; `asked`, `accepted`: nothing is paid yet; `off`: it will not
    be; `agreed`: in a unit that nobody counts; `paid`, in a chapter that has no confirming relays;
    `unconfirmed`: paid, and the relays have not confirmed it; `final`; `doubt`: the payer's records
    contradict each other, or their device was shut out.
    """
    row = TRADE.get(reader, trade)
    if row is None:
        return "unknown"
    status = book.status_of(reader, trade)
    if status not in ("settled", "secured"):
        return {"proposed": "asked", "accepted": "accepted"}.get(status, "off")
    if status == "secured":
        return "final"
    payer = lanes.ENTRY.must(reader, row.payer_open)
    found = proofs.lane_alerts(core, reader, lanes.key_of(reader, payer.lane), row.chapter)
    if not row.counted or found:
        return "doubt"
    if row.unit != CREDIT:
        return "agreed"
    return "unconfirmed" if stored_body(reader, payer.number, AccountOpen).q else "paid"


def _steps(reader: Rows, trade: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(record, author) of the ok steps that make a trade: claims and ratings come after it."""
    for key, step in trades.STEP.under(reader, trade):
        if step.kind.startswith("trade."):
            yield key[32:], step.author


def _identity_heads(reader: Rows, member: bytes) -> Iterator[bytes]:
    for head in lanes.heads_of(reader, member + member + bytes((Lane.IDENTITY,))):
        yield head.id


def _lanes_of(reader: Rows, member: bytes, kinds: Iterable[Lane]) -> Iterator[bytes]:
    for kind in kinds:
        if kind == Lane.IDENTITY:
            yield member + member + bytes((kind,))
            continue
        for device, _, _ in identities.devices_of(reader, member):
            yield member + device + bytes((kind,))


def _parsed(raw: RawRecord, community: bytes) -> record.Record | None:
    try:
        return record.parse(raw, community)
    except RemoteFault:
        return None


def _proposals(reader: Rows, community: bytes, found: Note) -> Iterator[TradePropose]:
    """Terms of the trades that a note names, whether it brings them or they are held."""
    there = {made.id: made for raw in found.records if (made := _parsed(raw, community))}
    for trade in found.trades:
        row = TRADE.get(reader, trade)
        made = there.get(record.RecordId(trade))
        if row is not None:
            yield stored_body(reader, row.number, TradePropose)
        elif made is not None and isinstance(made.body, TradePropose):
            yield made.body


def join(texts: Iterable[str]) -> bytes:
    """The bytes of a note from its parts, in any order; blank lines are none.

    Raises LocalFault note-invalid, note-mixed, note-kind, note-parts, version.
    """
    joiner = parts.Joiner()
    try:
        for text in texts:
            if text.strip(parts.BLANKS):
                joiner.add(text)
        found = joiner.result()
    except RemoteFault as fault:
        codes = {Reject.OTHER_SET: "note-mixed", Reject.VERSION: "version"}
        code = codes.get(Reject(fault.code), "note-invalid")
        raise LocalFault(code, str(fault)) from None
    if found is None and joiner.total:
        missing = ", ".join(map(str, joiner.missing))
        raise LocalFault("note-parts", have=joiner.have, total=joiner.total, missing=missing)
    if found is None or found[0] != note.KIND:
        raise LocalFault("note-kind" if found else "note-invalid")
    return found[1]


def split(data: bytes, part_characters: int) -> list[str]:
    """The parts of a note. Raises LocalFault note-too-large: a longer part, or a file, holds it."""
    try:
        return parts.split(data, note.KIND, part_characters)
    except ValueError:
        raise LocalFault("note-too-large") from None
