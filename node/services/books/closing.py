"""Closing a month of a chapter: what its officers sign, and the proof that each member takes home.

Rules: a month is closed when it is over. The close is computed from the officer's own books, as any
member's program computes it (`closes`); a later one of the same month supersedes those before it.
A proof holds the act, its approvals and the records that make their signatures checkable, and one
path of the tree: it is checked with nothing but the file (`close_check`).

Left to others: k officers who agree (`office`), comparing (`closes`).
"""

# pyright: reportUnknownMemberType=false
# The stubs of trio that come with libp2p do not know their own types.

import trio

from node.ledger import root
from node.ledger.close import Totals, Tree
from node.protocol import lanes
from node.protocol.admission import stored_body
from node.protocol.errors import LocalFault
from node.protocol.office import ChapterClose
from node.protocol.portable import CloseProof, encode_close_proof
from node.protocol.record import RawRecord
from node.protocol.social import LaneOpen
from node.services.books import closes
from node.services.books.closes import Closes
from node.services.books.months import last_month, month_bounds, period_of
from node.services.chapters import office
from node.services.chapters.office import latest_acts
from node.services.core import Core
from node.services.publish import Appender, Draft, Publisher
from node.storage.rows import Rows
from node.storage.state import WriterState
from node.views import chapters, members


def close_draft(core: Core, reader: Rows, chapter: int, month: str | None) -> ChapterClose:
    """The close of a month (None: the last one that is over), with no approvals yet.

    Raises LocalFault month-invalid, month-running, not-officer, close-stands (the same is closed).
    """
    month = month or last_month(core.clock())
    _, end_ms = month_bounds(month)
    if end_ms > core.clock():
        raise LocalFault("month-running", month=month)
    if not members.is_officer(core.rules, core.member, chapter):
        raise LocalFault("not-officer")
    totals, _ = closes.totals_of(core, closes.balances_at(reader, chapter, end_ms))
    standing = closes.standing(core, reader, chapter, month)
    if standing is not None and standing.totals == totals:
        raise LocalFault("close-stands", month=month)
    asked = _asked(core, reader, chapter, period_of(month), totals)
    if asked is not None:
        return asked
    name = core.rules.genesis.chapters[chapter].name
    return ChapterClose(
        approvals=[],
        chapter=name,
        count=totals.leaves,
        list=core.community,
        negative=totals.negative,
        period=period_of(month),
        positive=totals.positive,
        root=totals.root,
        state=root.state_root(reader, core.rules, name),
        supersedes=latest_acts(reader, members.close_subject(chapter, period_of(month))),
    )


def _asked(
    core: Core, reader: Rows, chapter: int, period: int, totals: Totals
) -> ChapterClose | None:
    """What another officer proposed, if it says the very same: then it is agreed to."""
    for found in chapters.proposals(reader, chapter, core.rules):
        body = found.body
        if not isinstance(body, ChapterClose) or body.period != period:
            continue
        if totals == (body.count, body.negative, body.positive, body.root):
            return body
    return None


class Closing:
    """What officers do to close a month."""

    def __init__(self, core: Core, publisher: Publisher) -> None:
        self._core = core
        self._publisher = publisher

    async def close(self, chapter: int, month: str | None) -> office.Decision:
        """Close a month, or propose it to the other officers, or agree to their proposal. Raises
        LocalFault as `close_draft`, and what `office.decide` raises."""
        draft = await trio.to_thread.run_sync(self._draft, chapter, month)

        def work(appender: Appender, state: WriterState) -> office.Decision:
            return office.decide(self._core, appender, state, Draft("chapter.close", draft))

        done = await self._publisher.transact(work)
        await trio.to_thread.run_sync(Closes(self._core).look, chapter)
        return done

    def _draft(self, chapter: int, month: str | None) -> ChapterClose:
        with self._core.reading() as reader:
            return close_draft(self._core, reader, chapter, month)


def proof_text(core: Core, chapter: int, month: str, member: bytes) -> str:
    """The text of a proof file: what the close of a month says of a member.

    Raises LocalFault month-invalid, close-missing, close-differs (own books do not agree with it,
    so that they cannot prove it), close-without (the member has no trade in it).
    """
    with core.reading() as reader:
        found = closes.standing(core, reader, chapter, month)
        if found is None:
            raise LocalFault("close-missing", month=month)
        leaves = reader.closes.leaves(found.act)
        compared = reader.closes.get(found.act)
        if compared is None or not compared.agrees:
            raise LocalFault("close-differs", month=month)
        tree = Tree(core.community, [(leaf.member, leaf.balance) for leaf in leaves])
        path, leaf = tree.path(member), reader.closes.leaf(found.act, member)
        if path is None or leaf is None:
            raise LocalFault("close-without", month=month)
        records = _records(reader, found)
        document = core.home.genesis.read_bytes()
        return encode_close_proof(
            CloseProof(document, records, found.act, member, leaf.balance, path)
        )


def _records(reader: Rows, found: closes.Standing) -> tuple[RawRecord, ...]:
    """The act, the approvals that it names, and the `device.add` of every device that signed them;
    in order of arrival."""
    numbers: set[int] = set()
    for record in (found.act, *found.body.approvals):
        entry = lanes.ENTRY.must(reader, record)
        numbers.add(entry.number)
        opened = lanes.ENTRY.must(reader, lanes.at_seq(reader, entry, 0))
        added = stored_body(reader, opened.number, LaneOpen).auth
        numbers.add(lanes.ENTRY.must(reader, added).number)
    raws = reader.raws(sorted(numbers))
    return tuple(raw for raw in raws if raw is not None)
