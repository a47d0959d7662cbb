"""A conversation with one neighbour: frames in, effects out; no I/O, no clock, no chance.

After both have greeted, the dialler opens a round (`reconcile`) that compares the heads of both.
When it ends, each side asks for the lanes it lacks (`pull`), the other streams them (`serve`), and
a new round follows until both are the same. Then a side whose heads change opens the next round.

Rules: one round at a time; when both open one, the dialler's counts. No round while an own question
is open or an answer is being sent. Whatever a neighbour sends leads to effects, to no exception.
Left to others: judging records (intake), verifying proofs; bytes on the wire, dialling (driver).
"""

# pyright: reportPrivateUsage=false
# The table at the end names methods of the class.

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Any, Final

from node.protocol import effects as do
from node.protocol import limits
from node.protocol import messages as wire
from node.protocol.crypto import sha256
from node.protocol.effects import Effect
from node.protocol.errors import Parting, RemoteFault
from node.protocol.flow import Allowance, Arrivals, Patience, Window
from node.protocol.greeting import Settings, common_kinds, greet
from node.protocol.heads import Heads
from node.protocol.ports import HeadItem, SyncSource
from node.protocol.proofs import ProofBook
from node.protocol.pull import Answer, Pull
from node.protocol.pull import Stage as Pulling
from node.protocol.reconcile import PASS, Round
from node.protocol.serve import Serve
from node.protocol.serve import Stage as Serving
from node.protocol.shapes import RecordId
from node.protocol.state import after

_FRAME_US: Final = 50
_ADDRESSES_US: Final = 200_000  # two such messages a second are already many
_PARTINGS: Final = frozenset(str(code) for code in Parting)
BLAMELESS: Final = frozenset(
    {Parting.OTHER_COMMUNITY, Parting.OTHER_RULES, Parting.OTHER_PROTOCOL, Parting.DONE}
)


class Phase(Enum):
    """Where a session stands."""

    NEW = auto()
    GREETING = auto()  # our greeting is sent, the neighbour's has not come
    TALKING = auto()
    CLOSED = auto()


class Session:
    """One side of a conversation. Times are in ms and never go back. All calls return effects."""

    def __init__(
        self, source: SyncSource, heads: Heads, settings: Settings, *, dialer: bool, nonce: bytes
    ) -> None:
        """`heads` is shared by all sessions of `source`; `nonce`: 16 random bytes."""
        self.phase = Phase.NEW
        self.remote: wire.Hello | None = None  # the neighbour's greeting
        self.in_sync = False  # the last round ended with equal heads
        self._source, self._heads, self._settings = source, heads, settings
        self._dialer, self._nonce = dialer, nonce
        self._kinds: frozenset[int] = frozenset()
        self._salt = b""
        self._window = Window(1, limits.FRAME_SIZE_MAX_BYTES)
        self._arrivals = Arrivals()
        self._allowance = Allowance()
        self._pull, self._serve = Pull(source), Serve(source)
        self._proofs = ProofBook(source)
        self._round: Round | None = None
        self._own_last = -2 if dialer else -1  # rounds are numbered by parity
        self._remote_last = -1 if dialer else -2
        self._held_turn: wire.Ranges | None = None
        self._held_wants: deque[tuple[int, wire.Want]] = deque()
        self._outbox: deque[wire.Message] = deque()  # proofs and addresses
        self._parked: bytes | None = None  # a data frame that waits for room
        self._round_at: int | None = None  # when to open the next own round
        self._agreed = b""  # fingerprint of the whole set that both had
        self._retry_ms = limits.RETRY_FIRST_MS
        self._pull_delay_ms = 0
        self._empty_answers = 0
        self._bodies_asked: set[bytes] = set()
        self._bodies_count = 0  # asked for in all
        self._bodies_at: int | None = None  # when to ask for those that did not come once more
        self._bodies_pause_ms = limits.RETRY_FIRST_MS
        self._echoed: dict[bytes, tuple[RecordId, ...]] = {}
        self._patience = Patience()
        self._wake: int | None = None
        self._out: list[Effect] = []

    # --- what the driver calls ---

    def start(self, now: int) -> list[Effect]:
        """Greet."""
        assert self.phase is Phase.NEW
        self.phase = Phase.GREETING
        self._patience.started(now)
        self._allowance.at_ms = now
        digest = self._proofs.digest()
        self._send(greet(self._source.community, self._settings, self._nonce, digest), now)
        return self._flush(now)

    def receive(self, frame: bytes, now: int) -> list[Effect]:
        """A frame came, without the length that the stream puts before it."""
        if self.phase is Phase.CLOSED:
            return []
        try:
            self._read(frame, now)
        except RemoteFault as fault:
            self._part(fault.code)
        return self._flush(now)

    def delivered(self, token: int, accepted: int, faults: Sequence[str], now: int) -> list[Effect]:
        """Records of a `Deliver` are stored: `accepted` of them new, `faults` to blame for."""
        if self.phase is Phase.CLOSED:
            return []
        self._arrivals.settled(token)
        self._pull.delivered(accepted)
        self._out += [do.Blame(code) for code in dict.fromkeys(faults)]
        return self._flush(now)

    def changed(self, now: int) -> list[Effect]:
        """The own heads have changed (tell `Heads.changed` first, if that is used)."""
        if self.phase is not Phase.TALKING:
            return []
        self._outbox.extendleft(reversed(self._proofs.news()))
        self._retry_ms = limits.RETRY_FIRST_MS
        self._open_at(now + limits.CHANGE_DELAY_MS)
        return self._flush(now)

    def tick(self, now: int) -> list[Effect]:
        """Time has passed."""
        if self.phase in (Phase.NEW, Phase.CLOSED):
            return []
        overdue = self._patience.overdue(now, greeting=self.phase is Phase.GREETING)
        if overdue is not None:
            self._part(overdue)
        elif self.phase is Phase.TALKING and self._patience.quiet(now):
            self._send(wire.Idle(), now)
        return self._flush(now)

    def share(self, addresses: Iterable[str], now: int) -> list[Effect]:
        """Tell the neighbour addresses that work: at most 32, at most once in some minutes."""
        if self.phase is not Phase.TALKING:
            return []
        told = list(addresses)[: limits.ADDRESSES_TOLD_MAX_COUNT]
        if told:
            self._outbox.append(wire.Addresses(told))
        return self._flush(now)

    def close(self, now: int, code: str = Parting.DONE) -> list[Effect]:
        """Say good-bye."""
        if self.phase in (Phase.NEW, Phase.CLOSED):
            return []
        self._part(code, blame=False)
        return self._flush(now)

    def remote_holds(self, lane_key: bytes) -> bool:
        """True iff the neighbour showed that it holds exactly the present heads of an own lane."""
        held = tuple(item.id for item in self._source.heads(lane_key, after(lane_key)))
        return bool(held) and self._echoed.get(lane_key) == held

    @property
    def left(self) -> int:
        """Records that the neighbour still has to send in this answer; for progress signs."""
        return self._pull.left

    # --- reading ---

    def _read(self, frame: bytes, now: int) -> None:
        self._allowance.spend(_FRAME_US, now)
        if self._allowance.flooded():
            raise RemoteFault(Parting.FLOOD)
        message = wire.decode(frame)
        handler = TRANSITIONS[self.phase].get(type(message))
        if handler is None:
            raise RemoteFault(Parting.UNEXPECTED, type(message).__name__)
        self._patience.received(now, progress=not isinstance(message, wire.Idle))
        if isinstance(message, wire.DATA):
            handler(self, message, now, self._arrivals.arrived(len(frame)))
        else:
            handler(self, message, now, -1)

    def _on_hello(self, message: wire.Hello, now: int, _: int) -> None:
        self._kinds = common_kinds(message, self._source.community, self._settings)
        self.phase, self.remote = Phase.TALKING, message
        nonces = (self._nonce, message.nonce)
        self._salt = sha256(*(nonces if self._dialer else reversed(nonces)))
        self._window = Window(message.frames, message.window)
        if message.addresses:
            self._out.append(do.Addresses(message.addresses))
        self._outbox.extend(self._proofs.all_unless(message.proofs))
        if self._dialer:
            self._open_at(now)

    def _on_ranges(self, message: wire.Ranges, now: int, _: int) -> None:
        if self._held_turn is not None:
            raise RemoteFault(Parting.UNEXPECTED, "two turns in a row")
        own = message.round % 2 == self._own_last % 2
        if self._round is not None and self._round.number == message.round:
            self._held_turn = message
        elif own or message.round <= self._remote_last:
            raise RemoteFault(Parting.UNEXPECTED, "a round that is over")
        else:
            self._on_opening(message)

    def _on_opening(self, message: wire.Ranges) -> None:
        opens = len(message.splits) == 1 and message.splits[0].bounds == [b"", b""]
        if not opens or message.turn != PASS or message.listings or message.asks or message.heads:
            raise RemoteFault(Parting.UNEXPECTED, "a round opens with one whole range")
        if self._serve.stage is not Serving.IDLE or self._held_wants:
            raise RemoteFault(Parting.UNEXPECTED, "a round before the answer's end")
        self._remote_last = message.round
        if self._round is None:
            self._held_turn = message
        elif self._round.number % 2 != self._own_last % 2:
            raise RemoteFault(Parting.UNEXPECTED, "a round within a round")
        elif not self._dialer:  # both opened one: the dialler's counts
            self._round = None
            self._held_turn = message

    def _on_want(self, message: wire.Want, now: int, token: int) -> None:
        self._held_wants.append((token, message))

    def _on_records(self, message: wire.Records, now: int, token: int) -> None:
        records = self._pull.take(message)
        if records:
            self._out.append(do.Deliver(token, records))
        else:
            self._arrivals.settled(token)

    def _on_ack(self, message: wire.Ack, now: int, _: int) -> None:
        self._window.acknowledged(message.frames)

    def _on_proofs(self, message: wire.Proofs, now: int, token: int) -> None:
        self._out.append(do.Proofs(self._proofs.take(message)))
        self._arrivals.settled(token)

    def _on_addresses(self, message: wire.Addresses, now: int, token: int) -> None:
        self._allowance.spend(_ADDRESSES_US, now)
        self._out.append(do.Addresses(message.addresses))
        self._arrivals.settled(token)

    def _on_idle(self, message: wire.Idle, now: int, _: int) -> None:
        pass

    def _on_bye(self, message: wire.Bye, now: int, _: int) -> None:
        code = message.code if message.code in _PARTINGS else str(Parting.DONE)
        self._out.append(do.Close(code, by_remote=True))
        self.phase = Phase.CLOSED

    # --- moving on ---

    def _flush(self, now: int) -> list[Effect]:
        """Do whatever can be done now, and hand the effects over."""
        if self.phase is Phase.TALKING:
            try:
                self._advance(now)
            except RemoteFault as fault:
                self._part(fault.code)
        if self.phase is Phase.TALKING:
            done = self._arrivals.collect()
            if done:
                self._send(wire.Ack(done), now)
        if self.phase is not Phase.CLOSED:
            self._set_wake(now)
        out, self._out = self._out, []
        return out

    def _advance(self, now: int) -> None:
        if self._held_turn is not None and self._may_take_turn() and self._allowance.ready(now):
            message, self._held_turn = self._held_turn, None
            self._take_turn(message, now)
        while self._held_wants and self._allowance.ready(now):
            token, want = self._held_wants.popleft()
            self._allowance.spend(self._serve.want(want), now)
            self._arrivals.settled(token)
        if self._bodies_at is not None and now >= self._bodies_at:
            self._ask_bodies(now)
        self._exchange(now)
        if self._round_at is not None and now >= self._round_at and self._may_open():
            self._open(now)

    def _exchange(self, now: int) -> None:
        """Send data frames while there is room, and conclude a question that is answered."""
        while True:
            self._pump(now)
            answer = self._pull.finished()
            if answer is not None:
                self._conclude(answer, now)
            elif not self._may_ask(now):
                return

    def _may_ask(self, now: int) -> bool:
        due = self._pull.stage is Pulling.ASKING and now >= self._pull.not_before_ms
        return due and self._parked is None and self._window.open

    def _pump(self, now: int) -> None:
        while self._window.open:
            frame, self._parked = self._parked, None
            if frame is None:
                message = self._next_data(now)
                if message is None:
                    return
                frame = wire.encode(message)
            if not self._window.fits(len(frame)):
                self._parked = frame
                return
            self._window.sent(len(frame))
            self._patience.sent_at = now
            self._out.append(do.Send(frame))

    def _next_data(self, now: int) -> wire.Message | None:
        """The next data message: proofs and addresses go first."""
        if self._outbox:
            return self._outbox.popleft()
        return self._pull.next_want(now) or self._serve.next_records()

    def _conclude(self, answer: Answer, now: int) -> None:
        """A question is answered and the answer stored: compare again if it was about heads."""
        if answer.wishes and answer.records == 0:
            self._empty_answers += 1
            if self._empty_answers > limits.ANSWERS_EMPTY_MAX_COUNT:
                raise RemoteFault(Parting.EMPTY)
        elif answer.records:
            self._empty_answers = 0
        if answer.accepted:
            self._pull_delay_ms //= 2
        elif answer.records and not answer.bodies:  # gossip, or another neighbour, was faster
            longer = max(2 * self._pull_delay_ms, 2 * limits.CHANGE_DELAY_MS)
            self._pull_delay_ms = min(longer, limits.PULL_DELAY_MAX_MS)
        if not answer.bodies:
            self._open_at(now if answer.accepted else now + limits.CHANGE_DELAY_MS)
        else:
            self._ask_bodies(now)  # the next ones

    # --- rounds ---

    def _open_at(self, at: int) -> None:
        self._round_at = at if self._round_at is None else min(at, self._round_at)

    def _may_open(self) -> bool:
        quiet = self._round is None and self._held_turn is None and not self._held_wants
        return quiet and self._pull.stage is Pulling.IDLE and self._serve.stage is Serving.IDLE

    def _open(self, now: int) -> None:
        self._round_at = None
        index = self._heads.index(self._kinds)
        if self.in_sync and index.fingerprint(0, len(index)) == self._agreed:
            return  # what changed came from this neighbour, or was in the last round already
        self._own_last += 2
        self._round = Round(self._own_last, self._heads, self._kinds, self._salt)
        self._send(self._round.open(), now)

    def _may_take_turn(self) -> bool:
        """A round begins after the own question is answered."""
        return self._round is not None or self._pull.stage is Pulling.IDLE

    def _take_turn(self, message: wire.Ranges, now: int) -> None:
        current = self._round
        if current is None:
            current = self._round = Round(message.round, self._heads, self._kinds, self._salt)
        reply = current.take(message)
        self._allowance.spend(current.work_us, now)
        current.work_us = 0
        if reply is not None:
            self._send(reply, now)
        if current.over:
            self._round = None
            self._round_over(current, now)

    def _round_over(self, ended: Round, now: int) -> None:
        self._serve.told(ended.number, ended.told)
        self.in_sync = ended.equal
        if ended.equal:
            self._agreed = ended.whole
            self._retry_ms = limits.RETRY_FIRST_MS
            self._out.append(do.InSync(self._source.generation()))
            self._note_echo()
            self._ask_bodies(now)
        elif not self._pull.begin(ended.number, ended.found, now, self._pull_delay_ms):
            # The neighbour asks, or nobody can take in what differs: look again some time.
            self._open_at(now + self._retry_ms)
            self._retry_ms = min(2 * self._retry_ms, limits.RETRY_MAX_MS)

    def _note_echo(self) -> None:
        heads: list[HeadItem] = []
        self._echoed = {}
        for lane_key in self._settings.own_lanes():
            held = self._source.heads(lane_key, after(lane_key))
            self._echoed[lane_key] = tuple(item.id for item in held)
            heads += held
        if heads:
            self._out.append(do.Echo(heads))

    def _ask_bodies(self, now: int) -> None:
        """Ask for bodies that are missing; for those that did not come, again after pauses that
        grow: the neighbour may have been without them, too."""
        if not self._may_begin():
            return
        if self._bodies_at is not None and now >= self._bodies_at:
            self._bodies_at = None
            self._bodies_asked.clear()
        left = limits.BODIES_ASKED_MAX_COUNT - self._bodies_count
        room = min(left, limits.BODIES_WANTED_MAX_COUNT)
        most = len(self._bodies_asked) + room
        missing = self._source.bodies_missing(most if room > 0 else 0)
        if not missing:
            self._bodies_at, self._bodies_pause_ms = None, limits.RETRY_FIRST_MS
            return
        if self._bodies_at is None:
            self._bodies_at = now + self._bodies_pause_ms
            self._bodies_pause_ms = min(2 * self._bodies_pause_ms, limits.RETRY_MAX_MS)
        ids = [one for one in missing if one not in self._bodies_asked][:room]
        if ids:
            self._bodies_asked.update(ids)
            self._bodies_count += len(ids)
            self._pull.begin_bodies(ids, now)

    def _may_begin(self) -> bool:
        """A question begins between rounds: one that has ended may bring one of its own."""
        return self._round is None and self._pull.stage is Pulling.IDLE

    # --- small things ---

    def _send(self, message: wire.Message, now: int) -> None:
        """Send a message that needs no credit."""
        self._patience.sent_at = now
        self._out.append(do.Send(wire.encode(message)))

    def _part(self, code: str, *, blame: bool = True) -> None:
        """End the session, telling the neighbour why."""
        if blame and code not in BLAMELESS:
            self._out.append(do.Blame(code))
        self._out.append(do.Send(wire.encode(wire.Bye(str(code)))))
        self._out.append(do.Close(code))
        self.phase = Phase.CLOSED

    def _owed(self) -> bool:
        """True iff the neighbour has to do something before anything can go on."""
        its_turn = self._round is not None and self._held_turn is None
        return its_turn or self._window.busy or self._pull.waits_for_remote

    def _set_wake(self, now: int) -> None:
        """Say when to be called again if nothing happens before."""
        times = [self._patience.deadline(greeting=self.phase is Phase.GREETING)]
        if self.phase is Phase.TALKING:
            times = [self._patience.watch(self._owed(), now), *self._plans(now)]
        if min(times) != self._wake:
            self._wake = min(times)
            self._out.append(do.Wake(self._wake))

    def _plans(self, now: int) -> Iterator[int]:
        """When something of our own is to be done."""
        if self._round_at is not None and self._may_open():
            yield self._round_at
        if self._bodies_at is not None and self._may_begin():
            yield self._bodies_at
        if self._pull.stage is Pulling.ASKING and self._pull.not_before_ms > now:
            yield self._pull.not_before_ms
        if self._held_wants or (self._held_turn is not None and self._may_take_turn()):
            yield self._allowance.ready_at_ms()


TRANSITIONS: Final[dict[Phase, dict[type[Any], Callable[..., None]]]] = {
    Phase.NEW: {},
    Phase.GREETING: {
        wire.Hello: Session._on_hello,  # -> TALKING, or CLOSED when we do not belong together
        wire.Bye: Session._on_bye,  # -> CLOSED
    },
    Phase.TALKING: {
        wire.Ranges: Session._on_ranges,
        wire.Want: Session._on_want,
        wire.Records: Session._on_records,
        wire.Ack: Session._on_ack,
        wire.Proofs: Session._on_proofs,
        wire.Addresses: Session._on_addresses,
        wire.Idle: Session._on_idle,
        wire.Bye: Session._on_bye,  # -> CLOSED
    },
    Phase.CLOSED: {},
}
"""What each phase takes in; anything else is an `unexpected-message`, and every fault -> CLOSED."""
