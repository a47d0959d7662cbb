"""Workloads: what chapters of different sizes write, as signed records, the same for the same seed.

    S        a chapter of 150 members in a year
    M        a chapter of 3,000 members in a year
    corpus   50,000 records of 200 authors: 60 % posts, 30 % listings, 10 % trade records

Rules: members are active by a Pareto law (alpha = 2), as in networks that were measured; every
record is one that an honest program would sign. Written as an export file, so that any node can
take it in.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import words
from node.protocol import genesis, portable
from node.protocol.account import (
    CREDIT,
    AccountClaim,
    AccountOpen,
    ClaimItem,
    TradeAccept,
    TradePropose,
)
from node.protocol.genesis import Genesis
from node.protocol.identity import Lane
from node.protocol.limits import CLAIM_ITEMS_MAX_COUNT, SALT_SIZE_BYTES, SUM_MAX_UNITS
from node.protocol.market import ListingPut, Price
from node.protocol.office import CreditGrant, MemberAct
from node.protocol.record import RawRecord
from node.protocol.shapes import CommunityId
from node.protocol.social import PostPut, ProfileSet
from node.services.homes.generated import (
    GeneratedMember,
    generated_genesis,
    generated_member,
    generated_officer,
)

START_MS: Final = 1_735_689_600_000  # 2025-01-01
YEAR_MS: Final = 365 * 86_400_000
PARETO_ALPHA: Final = 2.0
ROOMS: Final = ("우물가", "장터 이야기", "집수리", "集市", "帮忙", "garden", "lifts", "help wanted")
REGIONS: Final = ("KR-11", "KR-26", "CN-22", "UZ-TK", "KZ-ALA", "JP-27", "DE-BE", "US-CA")
KINDS: Final = ("goods", "goods", "goods", "service", "service", "want", "loan", "gift", "share")
REPLY_SHARE: Final = 0.3


@dataclass(frozen=True, slots=True)
class Workload:
    """How much is written: counts of members, posts, listings, and records of trade."""

    name: str
    members: int
    posts: int
    listings: int
    trades: int  # an invoice and its acceptance, each claimed in the end


WORKLOADS: Final = {
    "S": Workload("S", 150, 10_000, 600, 2_000),
    "M": Workload("M", 3_000, 200_000, 12_000, 36_000),
}
CORPUS_RECORDS_COUNT: Final = 50_000
CORPUS_AUTHORS_COUNT: Final = 200
SETUP_RECORDS_PER_MEMBER: Final = 8
SETUP_RECORDS_PER_COMMUNITY: Final = 3


def write_export(path: Path, records: Iterator[RawRecord], document: Genesis) -> int:
    """Write records as an export file; returns how many."""
    data = genesis.encode(document)
    community, _ = genesis.parse(data)
    count = 0
    with path.open("w", encoding="ascii") as file:
        file.write(portable.encode_head(community, data) + "\n")
        for raw in records:
            file.write(portable.encode_line(raw) + "\n")
            count += 1
    return count


def write_workload(path: Path, name: str, seed: str = "bench") -> int:
    """Write a workload by name (S, M); returns the number of records."""
    town = Town(seed, WORKLOADS[name].members)
    return write_export(path, town.year(WORKLOADS[name]), town.document)


def write_corpus(path: Path, seed: str = "bench", count: int = CORPUS_RECORDS_COUNT) -> int:
    """Write the fixed corpus, or a smaller one of the same mixture; returns the number."""
    authors = min(CORPUS_AUTHORS_COUNT, max(2, count // 50))
    town = Town(seed, authors)
    return write_export(path, town.corpus(count), town.document)


class Town:
    """A chapter whose members write what a workload asks for."""

    def __init__(self, seed: str, members: int) -> None:
        self.document = generated_genesis(seed, "bench", 2, ["en", "ko", "zh"])
        community, _ = genesis.parse(genesis.encode(self.document))
        self._community = CommunityId(community)
        self._chance = random.Random(f"wetalk workload {seed}")
        self._officer = generated_officer(seed, self._community)
        self._members = [
            generated_member(seed, str(number), self._community) for number in range(members)
        ]
        self._shares = [self._chance.paretovariate(PARETO_ALPHA) for _ in range(members)]
        self._grants: dict[bytes, bytes] = {}
        self._unclaimed: dict[bytes, list[bytes]] = {}
        self._posts: list[bytes] = []
        self._time = START_MS
        self._step = 1

    def year(self, workload: Workload) -> Iterator[RawRecord]:
        """All records of a workload: members join, then life goes on for a year."""
        self._step = max(1, YEAR_MS // (workload.posts + workload.listings + workload.trades))
        yield from self._join_all()
        jobs = [self._post] * workload.posts + [self._listing] * workload.listings
        jobs += [self._trade] * workload.trades
        self._chance.shuffle(jobs)
        for job in jobs:
            yield from job()
        yield from self._claim_all()

    def corpus(self, count: int) -> Iterator[RawRecord]:
        """Exactly `count` records: 60 % posts, 30 % listings, 10 % of trade, after the joining."""
        self._step = YEAR_MS // count
        joined = len(self._members) * SETUP_RECORDS_PER_MEMBER + SETUP_RECORDS_PER_COMMUNITY
        left = count - joined
        assert left > 0, "too few records for so many authors"
        trades = left // 20
        listings = left * 3 // 10
        yield from self._join_all()
        jobs = [self._post] * (left - listings - 2 * trades) + [self._listing] * listings
        jobs += [self._trade_unclaimed] * trades
        self._chance.shuffle(jobs)
        for job in jobs:
            yield from job()

    def _now(self) -> int:
        self._time += self._step
        return self._time

    def _someone(self) -> GeneratedMember:
        return self._chance.choices(self._members, self._shares)[0]

    def _salt(self) -> bytes:
        return self._chance.randbytes(SALT_SIZE_BYTES)

    def _join_all(self) -> Iterator[RawRecord]:
        yield from self._officer.introduce(START_MS)
        yield self._officer.open(Lane.OFFICE, START_MS)
        for member in self._members:
            yield from self._join(member)

    def _join(self, member: GeneratedMember) -> Iterator[RawRecord]:
        chapter = self.document.chapters[0].name
        yield from member.introduce(START_MS)
        yield member.open(Lane.SOCIAL, START_MS)
        profile = ProfileSet(
            about="",
            languages=[words.pick_language(self._chance)],
            name=words.words(self._chance, "ko", 2),
            region=self._chance.choice(REGIONS),
            salt=self._salt(),
        )
        yield member.sign("profile.set", profile, START_MS)[1]
        yield member.open(Lane.MARKET, START_MS)
        body = AccountOpen(auth=member.auth, carry=[], chapter=chapter, q=0, witnesses=[])
        member.account, raw = member.sign("account.open", body, START_MS)
        yield raw
        admit = MemberAct(
            application=None, approvals=[], chapter=chapter, list=self._community,
            member=member.id, supersedes=[],
        )  # fmt: skip
        yield self._officer.sign("member.admit", admit, START_MS)[1]
        grant = CreditGrant(
            approvals=[], chapter=chapter, limit=SUM_MAX_UNITS, list=self._community,
            open=member.account, proof=None, supersedes=[],
        )  # fmt: skip
        self._grants[member.id], raw = self._officer.sign("credit.grant", grant, START_MS)
        yield raw

    def _post(self) -> Iterator[RawRecord]:
        language = words.pick_language(self._chance)
        reply = self._posts and self._chance.random() < REPLY_SHARE
        body = PostPut(
            language=language,
            reply_to=self._chance.choice(self._posts) if reply else None,
            room=self._chance.choice(ROOMS),
            salt=self._salt(),
            text=words.text(self._chance, language),
        )
        post, raw = self._someone().sign("post.put", body, self._now())
        self._posts = [*self._posts[-99:], post]  # people answer what was said lately
        yield raw

    def _listing(self) -> Iterator[RawRecord]:
        chance, language = self._chance, words.pick_language(self._chance)
        now = self._now()
        body = ListingPut(
            kind=chance.choice(KINDS),  # type: ignore[arg-type]
            language=language,
            listing=None,
            paused=False,
            price=Price(chance.randrange(100, 50_000), CREDIT, 2),
            region=chance.choice(REGIONS),
            salt=self._salt(),
            stock=chance.choice(("one", "few", "many")),
            tags=sorted({words.words(chance, language, 1) for _ in range(3)}),
            text=words.text(chance, language),
            title=words.words(chance, language, 4),
            until=now + chance.randrange(1, 90) * 86_400_000,
        )
        yield self._someone().sign("listing.put", body, now)[1]

    def _trade(self) -> Iterator[RawRecord]:
        """An invoice, its acceptance, and a claim when enough income has gathered."""
        yield from self._trade_unclaimed()
        for member in self._members:
            if len(self._unclaimed.get(member.id, ())) >= CLAIM_ITEMS_MAX_COUNT:
                yield from self._claim(member)

    def _trade_unclaimed(self) -> Iterator[RawRecord]:
        payer = payee = self._someone()
        while payee is payer:
            payee = self._someone()
        now = self._now()
        terms = TradePropose(
            amount=1 + round(self._chance.expovariate(1 / 2_000)),
            grant=None,
            order_hash=portable.order_hash(self._salt(), b""),
            payee_lane=payee.account,
            payer_lane=payer.account,
            refunds=None,
            unit=CREDIT,
            valid_until=None,
        )
        trade, raw = payee.sign("trade.propose", terms, now)
        yield raw
        accept = TradeAccept(grant=self._grants[payer.id], propose=trade)
        commit, raw = payer.sign("trade.accept", accept, now)
        yield raw
        self._unclaimed.setdefault(payee.id, []).append(commit)

    def _claim(self, member: GeneratedMember) -> Iterator[RawRecord]:
        commits = sorted(self._unclaimed.pop(member.id, []))
        for start in range(0, len(commits), CLAIM_ITEMS_MAX_COUNT):
            part = commits[start : start + CLAIM_ITEMS_MAX_COUNT]
            body = AccountClaim(items=[ClaimItem(commit=commit, stamps=[]) for commit in part])
            yield member.sign("account.claim", body, self._now())[1]

    def _claim_all(self) -> Iterator[RawRecord]:
        for member in self._members:
            yield from self._claim(member)
