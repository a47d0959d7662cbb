"""A small world of real signed records, taken into a database by the real fold."""

from collections.abc import Iterable

from node.ledger.fold import Fold
from node.protocol import admission
from node.protocol.admission import Refused, Welcome
from node.protocol.record import RawRecord, parse
from node.protocol.state import Changes
from node.storage.database import Database
from node.storage.state import WriterState
from tests.support.nodes import admit
from tests.support.world import World


def take(database: Database, world: World, raws: Iterable[RawRecord]) -> None:
    """Judge and apply records whose ground is there, one job each."""
    fold = Fold(world.rules)
    for raw in raws:
        record = admit(raw, world.rules.community)
        assert not isinstance(record, Refused)

        def job(state: WriterState, record: admission.Record = record) -> None:
            judgement = fold.judge(state, record)
            if isinstance(judgement, Welcome):
                state.apply(record.raw, fold.apply(state, record))
            elif isinstance(judgement, admission.Known) and judgement.fills:
                state.apply(None, fold.fill(state, record))

        database.writer.run_sync(job)


class Refolding:
    """What `doctor` is handed: the fold of a stored record."""

    def __init__(self, world: World) -> None:
        self.fold, self.community = Fold(world.rules), world.rules.community

    def __call__(self, state: WriterState, raw: RawRecord) -> Changes:
        return self.fold.apply(state, parse(raw, self.community))


def busy_world() -> World:
    """Members who talk, sell, pay, fork a lane, erase a post and shut a device out."""
    world = World()
    amina, baraka = world.account("amina"), world.account("baraka")
    world.grant(amina)
    world.grant(baraka)
    world.pay(amina, baraka, 30)
    talker = world.talker("amina")
    first = world.post(talker, "hello")
    second = world.post(first, "to be erased")
    gone = world.delete(second, second)
    world.post(gone, "one branch")
    world.post(gone, "another branch")
    seller = world.seller("baraka")
    apples = world.listing(seller, "apples")
    beyond = world.listing(apples, "beyond the cut")
    world.revoke(beyond, market=apples)
    return world
