"""A neighbour that says whatever a test wants, to a session that listens."""

from node.protocol import effects as do
from node.protocol import messages
from node.protocol.crypto import sha256
from node.protocol.effects import Effect
from node.protocol.frames import Batch, BatchEncoder
from node.protocol.greeting import Settings, greet
from node.protocol.heads import Heads
from node.protocol.messages import Ask, Bye, Hello, Listing, Message, Ranges, Split, Want, Wish
from node.protocol.reconcile import END, PASS
from node.protocol.session import Phase, Session
from tests.support.sync_source import COMMUNITY, DictSource, LaneMaker, Link

FP = bytes(16)
NO_PROOFS = sha256()[:16]
OPENING = Ranges(0, PASS, [Split([b"", b""], FP)], [], [], b"")
NOTHING = BatchEncoder(COMMUNITY).encode([])


def batch(links: list[Link]) -> Batch:
    return BatchEncoder(COMMUNITY).encode([link.raw for link in links])


class Peer:
    """A session that listens, and a neighbour that dialled it and says whatever a test wants."""

    def __init__(self, source: DictSource | None = None, *, greeted: bool = True) -> None:
        self.source = source or DictSource()
        self.now = 1_000
        self.wake: int | None = None
        self.session = Session(
            self.source, Heads(self.source), Settings(), dialer=False, nonce=bytes(16)
        )
        self.all: list[Effect] = []
        self.new: list[Effect] = []
        self._note(self.session.start(self.now))
        if greeted:
            self.say(self.hello())

    @staticmethod
    def hello(**changes: object) -> Hello:
        message = greet(COMMUNITY, Settings(), b"n" * 16, NO_PROOFS)
        values = {name: getattr(message, name) for name in message.__struct_fields__}
        return Hello(**{**values, **changes})

    def _note(self, effects: list[Effect]) -> list[Effect]:
        self.new = effects
        self.all += effects
        for effect in effects:
            if isinstance(effect, do.Wake):
                self.wake = effect.at_ms
        return effects

    def say(self, *said: Message) -> list[Message]:
        """Send messages; what came back to the last."""
        for message in said:
            self._note(self.session.receive(messages.encode(message), self.now))
        return self.answers()

    def hear(self, frame: bytes) -> list[Effect]:
        """Send bytes; what came of them."""
        return self._note(self.session.receive(frame, self.now))

    def change(self) -> None:
        """The session's own heads have changed."""
        self._note(self.session.changed(self.now))

    def answers(self) -> list[Message]:
        return [messages.decode(one.frame) for one in self.new if isinstance(one, do.Send)]

    def wait(self, duration_ms: int) -> list[Message]:
        """Let time pass; what was sent meanwhile."""
        end, sent = self.now + duration_ms, []
        while self.wake is not None and self.wake <= end and self.session.phase != Phase.CLOSED:
            self.now, self.wake = max(self.now, self.wake), None
            self._note(self.session.tick(self.now))
            sent += self.answers()
        self.now = end
        return sent

    def deliver(self, accepted: int | None = None) -> list[Message]:
        """Store what was delivered last."""
        (deliver,) = [one for one in self.all if isinstance(one, do.Deliver)][-1:]
        taken, _ = self.source.take(deliver.records)
        count = taken if accepted is None else accepted
        self._note(self.session.delivered(deliver.token, count, (), self.now))
        return self.answers()

    def tell(self, links: list[Link], maker: LaneMaker, number: int = 0) -> list[Message]:
        """A round in which the session learns of these heads."""
        heads = b"".join(maker.lane_key + link.id for link in links)
        opening = Ranges(number, PASS, OPENING.splits, [], [], b"")
        self.say(opening)
        return self.say(Ranges(number, END, [], [], [], heads))

    @property
    def ended(self) -> str | None:
        """The code with which it ended; asserts that blame and good-bye say the same."""
        closed = [one.code for one in self.all if isinstance(one, do.Close)]
        if not closed:
            return None
        assert len(closed) == 1
        assert self.session.phase is Phase.CLOSED
        (bye,) = [m for m in self._sent() if isinstance(m, Bye)]
        assert bye.code == closed[0]
        blamed = [one.code for one in self.all if isinstance(one, do.Blame)]
        assert blamed in ([closed[0]], [])
        return closed[0] if blamed else f"{closed[0]} without blame"

    def _sent(self) -> list[Message]:
        return [messages.decode(one.frame) for one in self.all if isinstance(one, do.Send)]


WANT = Want(0, False, [Wish(0, False, b"")], b"")
MAKER = LaneMaker("mina")
RUN = MAKER.run(300)


def turn(
    *, flag: int = PASS, listings: list[Listing] | None = None, asks: list[Ask] | None = None
) -> Ranges:
    return Ranges(0, flag, [], listings or [], asks or [], b"")
