"""Seeded bugs that the simulator must find: a function with one place of its text changed.

Rules: a canary stands in no product; its code is swapped in for one life, wherever the function is
used, and swapped back. One whose text no longer occurs exactly once fails. The town is founded, and
what was verified is forgotten, outside: nothing that a canary made outlives it.
"""

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FunctionType

from node.ledger import alerts, book, stamps, trades
from node.ledger.alerts import CleanIncome
from node.ledger.fold import Fold
from node.protocol import admission, chain, frames, heads, lanes, near
from node.protocol.heads import HeadIndex
from node.protocol.serve import Serve
from node.protocol.state import DictState
from node.storage.buffer import RowBuffer
from node.storage.pending import Pending
from node.storage.state import WriterState
from node.views import identities, listings, members, rooms
from simulator import store, town
from simulator.node import Node
from simulator.plans import life_of
from simulator.store import Store
from simulator.world import Life
from tests.simulator.referee import Referee

NODES = 8
ACTS = 100
SEARCHED_COUNT = 200


@dataclass(frozen=True, slots=True)
class Canary:
    """One bug: in `function`, `old` becomes `new`. `seed`: one that is known to find it."""

    name: str
    function: Callable[..., object]
    old: str
    new: str
    seed: int
    on_disk: bool = False  # a bug of storage: looked for in lives with databases alone

    @contextmanager
    def let_in(self) -> Iterator[None]:
        """The bug is there within this."""
        function = inspect.unwrap(self.function)
        assert isinstance(function, FunctionType)
        text = textwrap.dedent(inspect.getsource(function))
        assert text.count(self.old) == 1, f"{self.name}: the text to change is not there once"
        names = dict(function.__globals__)
        exec(compile(text.replace(self.old, self.new), f"<{self.name}>", "exec"), names)
        changed, sound = names[function.__name__], function.__code__
        assert isinstance(changed, FunctionType)
        function.__code__ = changed.__code__
        try:
            yield
        finally:
            function.__code__ = sound
            store.admit.cache_clear()


def life(canary: Canary, seed: int) -> Life:
    """The life in which a canary is looked for."""
    return replace(life_of(seed, NODES, ACTS), on_disk=canary.on_disk)


def caught(canary: Canary, seed: int) -> str | None:
    """What the life of a seed finds of a bug: the broken promise, or how the program fell over."""
    planned = life(canary, seed)
    town.found(planned.plan)
    store.admit.cache_clear()
    with canary.let_in():
        try:
            Referee(planned).run()
        except Exception as fault:  # whatever shows is shown
            return getattr(fault, "name", None) or type(fault).__name__
    return None


CANARIES = (
    Canary(
        "the order of arrival decides which of two acts counts",
        members.current_act,
        "x[1].limit, x[0])",
        "lanes.ENTRY.must(reader, x[0]).number)",
        14,
    ),
    Canary(
        "signatures are not looked at",
        admission.verify,
        "if not crypto.verify(header.signer,",
        "if False and not crypto.verify(header.signer,",
        6,
    ),
    Canary(
        "a limit is too high by one",
        trades._debit,
        "step.before.incoming - outgoing + act.limit < 0",
        "step.before.incoming - outgoing + act.limit < -1",
        1,
    ),
    Canary(
        "a node set back to an old image signs at once",
        Node.set_back,
        "self.echo_wanted = True",
        "self.echo_wanted = False",
        76,
    ),
    Canary(
        "the last write is lost in a crash",
        Store.refolded,
        "raws, first = self.held(), list(self.start.records.values())",
        "raws, first = self.held()[:-1], list(self.start.records.values())",
        0,
    ),
    Canary(
        "a relay stamps beyond a fork",
        alerts.may_stamp,
        "return beyond(reader, head) is None",
        "return True",
        5,
    ),
    Canary(
        "one stamp too few is enough",
        stamps.suffice,
        ">= opened.q",
        ">= opened.q - 1",
        1,
    ),
    Canary(
        "a payment may be claimed twice",
        trades._claim,
        "if trade is None or trade in found or step.claimed(trade):",
        "if trade is None or trade in found:",
        5,
    ),
    Canary(
        "a contested trade is taken from one side alone",
        book._book,
        "((row.payer, 0, amount), (row.payee, amount, 0))",
        "((row.payer, 0, amount), (row.payee, amount, 0))[: 2 if sign > 0 else 1]",
        8,
    ),
    Canary(
        "a contested trade is counted on",
        book._set_counted,
        "_book(overlay, row, 1 if counted else -1, final)",
        "_book(overlay, row, 1 if counted else 0, final)",
        8,
    ),
    Canary(
        "what a revoked device committed beyond its cut counts",
        book.is_contested,
        "within(reader, lanes.ENTRY.must(reader, commit)) or",
        "True or",
        8,
    ),
    Canary(
        "the last record of an answer is not sent",
        Serve._next_batch,
        "return batch",
        "return batch[:-1]",
        1,
    ),
    Canary(
        "ranges of as many heads are held to be the same",
        heads.fingerprint,
        "(total % _SUM_MODULUS)",
        "(0)",
        1,
    ),
    Canary(
        "heads told by the names of their lanes are passed over",
        near.resolve,
        "if held[name] else",
        "if not held[name] else",
        1,
    ),
    Canary(
        "a commit is kept from the index of heads",
        heads.Heads.changed,
        "if lane[-1] in kinds",
        "if lane[-1] in kinds and lane[0] % 4",
        1,
    ),
    Canary(
        "a record goes to whichever lane was prepared",
        frames.BatchEncoder._compact,
        "self._prepared.pop(prev, None)",
        "next(iter(self._prepared.values()), None)",
        1,
    ),
    Canary(
        "what waits is forgotten when its ground comes",
        Store._take,
        "if self.pending:",
        "if False:",
        0,
    ),
    Canary(
        "of what waits for one ground only the first comes back",
        Pending.release,
        "if not item.missing:",
        "if not item.missing and not found:",
        0,
    ),
    Canary(
        "income from exposed forks counts where nothing is final",
        CleanIncome.effective,
        "available if is_calm(reader) else available - self._unclean_at(reader, record)",
        "available",
        8,
    ),
    Canary(
        "refunds may exceed what was paid",
        trades._debit,
        "if back > TRADE.must(step.overlay, row.refunded).amount:",
        "if False:",
        3,
    ),
    Canary(
        "an act stands with one officer too few",
        members.apply_office,
        "chapter) < chapter.k:",
        "chapter) < chapter.k - 1:",
        6,
    ),
    Canary(
        "an approval of another content counts",
        members._signers_at,
        "officer = APPROVAL.get(reader, digest + approval)",
        "officer = dict((k[32:], o) for k, o in APPROVAL.scan(reader, b'', None)).get(approval)",
        6,
    ),
    Canary(
        "more may be granted than the founders allowed",
        members.grant_fault,
        "if body.limit > chapter.limit_max and not own:",
        "if body.limit > chapter.limit_max + 1 and not own:",
        2,
    ),
    Canary(
        "a deleted text stays on the disk",
        DictState.apply,
        "for erased in changes.erase:",
        "for erased in changes.erase[:0]:",
        0,
    ),
    Canary(
        "an edit that comes after the deletion stays",
        rooms.apply_post,
        "if is_deleted(overlay, body.post, author):",
        "if False:",
        0,
    ),
    Canary(
        "records beyond a cut are taken in again",
        identities.may_be_held,
        "kind == header.lane",
        "True",
        5,
    ),
    Canary(
        "records beyond a cut that came first stay",
        Fold._drop_beyond,
        "doomed = identities.beyond_cuts(overlay, lane_key)",
        "doomed: set[bytes] = set()",
        2,
    ),
    Canary(
        "the lowest fork is the first that was seen",
        lanes._branch_for,
        "lowest = header.seq if row.fork_seq < 0 else min(row.fork_seq, header.seq)",
        "lowest = header.seq if row.fork_seq < 0 else row.fork_seq",
        63,
    ),
    Canary(
        "a row that was deleted is still read from the buffer",
        RowBuffer.flush_table,
        "self.known[table].update(rows)",
        "self.known[table].update({k: r for k, r in rows.items() if r is not None})",
        8,
        on_disk=True,
    ),
    Canary(
        "erased texts stay in the database",
        WriterState._change_records,
        "for number in changes.erase:",
        "for number in changes.erase[:0]:",
        0,
        on_disk=True,
    ),
    Canary(
        "a relay forgets what it stamped before",
        alerts.may_stamp,
        "next(stamps.rivals(reader, witness, head), None) is not None",
        "False",
        59,
    ),
    Canary(
        "a record takes the place of the one that was there first",
        lanes.place,
        "elif row.tip != header.prev:",
        "elif row.tip != header.prev and row.tip_seq != header.seq:",
        4,
    ),
    Canary(
        "of two records at one place the second is turned away",
        admission.judge,
        "if lanes.key_of(reader, prev.lane) != header.lane_key or prev.seq + 1 != header.seq:",
        "if lane is None or lane.tip_seq >= header.seq or prev.seq + 1 != header.seq:",
        5,
    ),
    Canary(
        "of three records at one place the two seen first are the fork",
        lanes._note_fork,
        "if known.seq < header.seq:",
        "if known.seq <= header.seq:",
        5,
    ),
    Canary(
        "a head that is gone still counts in fingerprints",
        HeadIndex._remove,
        "block.total -= block.digests.pop(place)",
        "block.digests.pop(place)",
        0,
    ),
    Canary(
        "of lanes that changed together one is compared as it was",
        heads.Heads.changed,
        "lanes = set(lane_keys)",
        "lanes = set(list(lane_keys)[:1])",
        1,
    ),
    Canary(
        "a listing is found as what it was before, too",
        listings._hide,
        "LISTING_INDEX.delete(overlay, key)",
        "pass",
        2,
    ),
    Canary(
        "of two edits the one that came last is shown",
        rooms._shown,
        "(e.time, key, e.number)",
        "(e.number, key, e.number)",
        0,
    ),
    Canary(
        "a confirmed payment stays unsure for its payer",
        book._confirm,
        "for member in (row.payer, row.payee):",
        "for member in (row.payee,):",
        1,
    ),
    Canary(
        "a dropped record keeps its place in the lane",
        chain.remove,
        "max(0, seq - row.first)",
        "max(0, seq - row.first + 1)",
        5,
    ),
)


def first_seed(canary: Canary, seeds: int) -> int | None:
    """The first seed from 0 on that finds a canary."""
    return next((seed for seed in range(seeds) if caught(canary, seed)), None)


def main() -> None:
    """Look for every canary from seed 0 on, and tell where it is found, and how."""
    for canary in CANARIES:
        seed = first_seed(canary, SEARCHED_COUNT)
        how = "" if seed is None else caught(canary, seed)
        print(f"| {canary.name} | {'not found' if seed is None else seed} | {how} |", flush=True)


if __name__ == "__main__":
    main()
