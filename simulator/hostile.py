"""What dishonest nodes do: fork, withhold, flood, lie, stamp two stories.

Rules: a hostile node runs the same program beside its mischief, so that it has something to betray;
mischief is chosen by a random source. It never has another's keys.
"""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from node.ledger.positions import POSITION
from node.protocol import lanes
from node.protocol.account import CREDIT, TradePropose
from node.protocol.identity import Lane
from node.protocol.office import WitnessStamp
from node.protocol.record import RawRecord
from node.protocol.shapes import Body
from node.protocol.social import PostPut
from node.views import members
from simulator.member import ORDER_HASH
from simulator.node import Node
from simulator.town import LIMIT, Town

if TYPE_CHECKING:
    from simulator.world import World

GARBAGE_SHARE: Final = 0.02  # of frames
FLOOD_COUNT: Final = 12


class Hostile(Node):
    """A node whose owner cheats."""

    honest = False

    def __init__(self, world: "World", number: int, town: Town) -> None:
        super().__init__(world, number, town)
        self._mischief = random.Random(f"hostile {number} {world.seed}")
        self.garbles = self._mischief.random() < 0.4

    def frame_out(self, frame: bytes) -> bytes:
        if not self.garbles or self._mischief.random() > GARBAGE_SHARE:
            return frame
        if self._mischief.random() < 0.3:
            return self._mischief.randbytes(self._mischief.randint(0, 64))
        place = self._mischief.randrange(len(frame))
        return frame[:place] + self._mischief.randbytes(1) + frame[place + 1 :]

    def cheat(self, chance: random.Random) -> None:
        """One piece of mischief."""
        deeds: tuple[Callable[[random.Random], None], ...] = (
            self._fork_account,
            self._fork_account,
            self._fork_talk,
            self._withhold,
            self._flood,
            self._stamp_twice,
            self._late,
        )
        chance.choice(deeds)(chance)

    def _twice(self, kind: str, lane: Lane, bodies: list[Body]) -> list[RawRecord]:
        """Records side by side on one place of an own lane."""
        heads = lanes.heads_of(self.store.state, self.device.lane(lane))
        if not heads:
            return []
        chosen = heads[0]
        community = self.store.community
        return [
            self.device.sign(community, body, kind, chosen.seq + 1, chosen.id) for body in bodies
        ]

    def _hand_out(self, chance: random.Random, raws: list[RawRecord]) -> None:
        """Show different neighbours different stories."""
        peers = list(self.talks)
        for raw in raws:
            for peer in chance.sample(peers, min(len(peers), 1)):
                self.world.clock.after(
                    chance.randint(1, 200),
                    lambda p=peer, r=raw: self.world.nodes[p].hear(self.number, [r]),
                )
        if raws and chance.random() < 0.5:
            self.submit(lambda: self._keep(raws[:1]))

    def _keep(self, raws: list[RawRecord]) -> None:
        self.store.take(raws)

    def _fork_account(self, chance: random.Random) -> None:
        """Pay several people with the same credit."""
        state = self.store.state
        own = self.member.account
        if own is None:
            heads = lanes.heads_of(state, self.device.lane(Lane.ACCOUNT))
            own = (POSITION.must(state, heads[0].id).open, heads[0].id) if heads else None
        if own is None or not own[0]:
            return
        grant = members.current_act(state, own[0], self.town.rules)
        others = [d.member for d in self.town.devices if d.member != self.device.member]
        bodies: list[Body] = []
        for member in chance.sample(others, min(3, len(others))):
            theirs = self.member.partner_account(member)
            if theirs is not None and grant is not None:
                bodies.append(
                    TradePropose(
                        amount=chance.choice((LIMIT, LIMIT // 2)),
                        grant=grant[0],
                        order_hash=ORDER_HASH,
                        payee_lane=theirs,
                        payer_lane=own[0],
                        refunds=None,
                        unit=CREDIT,
                        valid_until=None,
                    )
                )
        self._hand_out(chance, self._twice("trade.propose", Lane.ACCOUNT, bodies))

    def _fork_talk(self, chance: random.Random) -> None:
        bodies: list[Body] = [
            PostPut("ko", None, "well", chance.randbytes(16), f"story {n}") for n in range(2)
        ]
        self._hand_out(chance, self._twice("post.put", Lane.SOCIAL, bodies))

    def _withhold(self, chance: random.Random) -> None:
        """Never show one member's lanes to anybody."""
        victim = chance.choice(self.town.devices)
        lanes_of = frozenset(victim.lane(lane) for lane in Lane)
        self.store.withheld = frozenset() if self.store.withheld else lanes_of

    def _flood(self, chance: random.Random) -> None:
        """Records with broken signatures, bodies or places."""
        raws = list(self.store.state.records.values())
        broken: list[RawRecord] = []
        for raw in chance.sample(raws, min(FLOOD_COUNT, len(raws))):
            bad = bytearray(chance.choice((raw.header, raw.signature)))
            bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
            as_header = len(bad) != len(raw.signature)
            header = bytes(bad) if as_header else raw.header
            signature = raw.signature if as_header else bytes(bad)
            broken.append(RawRecord(header, raw.body, signature))
        for peer in list(self.talks):
            self.world.nodes[peer].hear(self.number, broken)

    def _stamp_twice(self, chance: random.Random) -> None:
        """A witness stamps whatever head it sees, conflicting ones too."""
        state = self.store.state
        if self.device.key not in self.town.chapter.witnesses:
            return
        heads = [
            head.id
            for key, _ in lanes.LANE.scan(state, b"", None)
            if key[64] == Lane.ACCOUNT
            for head in lanes.heads_of(state, key)
        ]
        for head in chance.sample(heads, min(3, len(heads))):
            opened = POSITION.must(state, head).open
            if opened:
                self.act(
                    lambda member, h=head, o=opened: _ignore(
                        member.write(WitnessStamp(head=h, open=o), "witness.stamp")
                    )
                )

    def _late(self, chance: random.Random) -> None:
        """Claim a time a year away."""
        self.skew_ms = chance.choice((-1, 1)) * 31_536_000_000


def _ignore(_: bool) -> None:
    return None
