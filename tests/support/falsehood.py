"""Moves that do not say the truth: what honest programs never write, and everybody may read.

Rule: as in `chaos`, a move depends on the world and the random source alone.
"""

from random import Random

from node.protocol.identity import Cut, DeviceAdd, Lane
from tests.support import mischief
from tests.support.mischief import Mischief
from tests.support.world import LIMIT, OFFICERS


class Falsehood(Mischief):
    """The moves of `Mischief`, and false ones."""

    def false_cuts(self, rng: Random) -> None:
        """A cut whose seq is not that of the record it names."""
        keys = [key for key in sorted(self.by_lane) if key[64] not in (Lane.IDENTITY, Lane.WITNESS)]
        key = rng.choice(keys)
        if self.world.names[key[:32]] in OFFICERS and rng.random() < 0.6:
            return
        named = rng.choice(self.by_lane[key])
        seq = max(0, named.header.seq + rng.choice((-1, 1, 2, 9)))
        self.world.revoke(self.by_lane[key][0], **{Lane(key[64]).name.lower(): Cut(seq, named.id)})
        self.notice()

    def false_stamps(self, rng: Random) -> None:
        """A witness names another lane's open than that of the head it stamps."""
        world, head = self.world, self.live(rng)
        if world.witnesses:
            own = [key for key in self.account_lanes() if key[:32] == head.header.author]
            other = self.by_lane[rng.choice(own)][0]
            world.stamp(rng.choice(world.witnesses), head, other)
            self.notice()

    def refunds_elsewhere(self, rng: Random) -> None:
        """A payee gives back to another lane of the payer, who claims it there."""
        known = [(c, row) for c, row in self.commits() if self.head_on(rng, row.payee_open)]
        if not known:
            self.deals(rng)
            return
        world, (commit, row) = self.world, rng.choice(known)
        head = self.head_on(rng, row.payee_open)
        own = [key for key in self.account_lanes() if key[:32] == row.payer]
        tips = [tip for key in own for tip in self.tips(key) if world.position(tip).open]
        if head is None or not tips:
            return
        receiver, amount = rng.choice(tips), rng.choice((1, row.amount))
        terms = {"refunds": commit, "unit": row.unit}
        asked = world.propose(head, world.opened(receiver), amount, **terms)
        accepted = world.accept(receiver, asked)
        world.claim(accepted, world.settle(asked, accepted))
        self.notice()

    def two_chapters(self, rng: Random) -> None:
        """A device opens a second account at its first place, in any chapter."""
        world, opened = self.world, self.world.opened(self.live(rng))
        device = world.made[opened.body.names()[0]]
        chapter = rng.choice(world.genesis.chapters).name
        if isinstance(device.body, DeviceAdd):
            head = world.account(world.names[opened.header.author], device=device, chapter=chapter)
            self.notice()
            if world.position(head).open and rng.random() < 0.5:
                world.grant(head, LIMIT, rng.choice(OFFICERS))
                self.deal(rng, head, 1)
        self.notice()


MOVES = {
    **mischief.MOVES,
    "false_cuts": 1, "false_stamps": 2, "refunds_elsewhere": 2, "two_chapters": 1,
}  # fmt: skip
"""How often each move is made, in relation to one another."""
