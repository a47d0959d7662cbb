"""What is said of a member by those who traded with them, with what it rests on.

Rules: a rating counts once a party and trade, and only of a trade that is committed and not
contested; one given twice, on two branches, counts once. Stars are never shown alone: beside them
stand how many trades, partners and how much of the chapter's credit they rest on, and how many of
those who rated are members in good standing today. What was contested or given back is marked.
A review counts if the one who rated wrote it, and about this trade.

Left to others: giving them (`trade`), words.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node import i18n
from node.ledger import trades
from node.ledger.positions import TRADE
from node.ledger.trades import MEMBER_TRADE, RatingRow
from node.protocol import codec, lanes
from node.protocol.account import CREDIT
from node.protocol.market import ReviewPut
from node.protocol.ports import Reader
from node.protocol.record import stored_header
from node.services.trading.refunds import returned
from node.views import members
from node.views.members import Rules

GOOD: Final = ("member", "officer")
STARS: Final = (5, 4, 3, 2, 1)


@dataclass(frozen=True, slots=True)
class Rating:
    """One rating of a member; `time` is claimed, `given_back` and `amount` in minor units."""

    id: bytes
    trade: bytes
    author: bytes
    stars: int
    text: str | None  # None: none was written, or it is erased or not here
    time: int
    amount: int
    unit: str
    given_back: int
    contested: bool
    in_good_standing: bool  # its author, in the chapter of the trade, today


@dataclass(frozen=True, slots=True)
class Reputation:
    """What ratings of a member rest on. Sums in minor units of the chapter's credit."""

    stars: dict[int, int]  # how many ratings of 5, 4, 3, 2, 1
    raters: int
    good_raters: int  # members in good standing
    contested: int  # ratings of contested trades, which are not counted
    refunded: int  # ratings counted whose trade was given back, in part at least
    trades: int  # committed and not contested, with or without a rating
    partners: int
    volume: int  # given and received

    @property
    def ratings(self) -> int:
        """How many count."""
        return sum(self.stars.values())


def ratings_of(reader: Reader, member: bytes, rules: Rules) -> list[Rating]:
    """All ratings of a member, once a party and trade, the newest first."""
    lowest: dict[tuple[bytes, bytes], tuple[bytes, RatingRow]] = {}
    for key, row in trades.RATING.under(reader, member):  # in order of id
        lowest.setdefault((row.trade, row.author), (key[32:], row))
    found = [_rating(reader, record, row, rules) for record, row in lowest.values()]
    return sorted(found, key=lambda one: (-one.time, one.id))


def _rating(reader: Reader, record: bytes, row: RatingRow, rules: Rules) -> Rating:
    trade = TRADE.must(reader, row.trade)
    standing = members.membership(reader, trade.chapter, row.author, rules)
    return Rating(
        id=record,
        trade=row.trade,
        author=row.author,
        stars=row.stars,
        text=_review(reader, row),
        time=_time_of(reader, record),
        amount=trade.amount,
        unit=trade.unit,
        given_back=returned(reader, row.trade).given,
        contested=not trade.counted,
        in_good_standing=standing in GOOD,
    )


def _time_of(reader: Reader, record: bytes) -> int:
    raw = reader.raw(lanes.ENTRY.must(reader, record).number)
    assert raw is not None
    return stored_header(raw.header).time


def _review(reader: Reader, row: RatingRow) -> str | None:
    entry = lanes.entry_of(reader, row.review) if row.review else None
    if entry is None or entry.kind != "review.put":
        return None
    raw = reader.raw(entry.number)
    if raw is None or raw.body is None or lanes.author_of(reader, entry) != row.author:
        return None
    body = codec.stored(raw.body, ReviewPut)
    if trades.commit_of(reader, body.commit) != row.trade:
        return None
    return i18n.clean_for_display(body.text)


def stars_of(reader: Reader, member: bytes) -> tuple[int, int]:
    """(how many ratings of a member count, sum of their stars): for lists."""
    counted = {
        (row.trade, row.author): row.stars
        for _, row in reversed(list(trades.RATING.under(reader, member)))  # the lowest id counts
        if TRADE.must(reader, row.trade).counted
    }
    return len(counted), sum(counted.values())


def reputation_of(
    reader: Reader, member: bytes, chapter: int, found: Sequence[Rating]
) -> Reputation:
    """What there is to know of a member from their trades in a chapter, and from all `found`."""
    counted = [one for one in found if not one.contested]
    stars = Counter(one.stars for one in counted)
    partners: set[bytes] = set()
    number = volume = 0
    for _, trade in MEMBER_TRADE.under(reader, member):
        row = TRADE.must(reader, trade)
        if not row.counted or row.chapter != chapter:
            continue
        sign = -1 if row.refunded else 1  # a refund only undoes
        volume += sign * row.amount if row.unit == CREDIT else 0
        if not row.refunded:
            number += 1
            partners.add(row.payee if row.payer == member else row.payer)
    return Reputation(
        stars={number: stars[number] for number in STARS},
        raters=len({one.author for one in counted}),
        good_raters=len({one.author for one in counted if one.in_good_standing}),
        contested=len(found) - len(counted),
        refunded=sum(one.given_back > 0 for one in counted),
        trades=number,
        partners=len(partners),
        volume=volume,
    )
