"""Members of a generated community who go on writing, on top of what a file holds or from nothing.

For measurements that need news beside a corpus: records that only one of two nodes has, posts that
run through a mesh, a village of very many authors. One seed gives the same members as `workloads`.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import count, cycle, islice
from pathlib import Path
from typing import Final

from bench import words
from bench.homes import document_of, records_of
from bench.workloads import ROOMS, START_MS, YEAR_MS
from node.protocol import crypto, genesis
from node.protocol.genesis import Genesis
from node.protocol.identity import Lane
from node.protocol.limits import SALT_SIZE_BYTES
from node.protocol.office import MemberAct
from node.protocol.record import RawRecord, parse_header
from node.protocol.shapes import CommunityId, RecordId
from node.protocol.social import PostPut
from node.services.homes.generated import (
    GeneratedMember,
    generated_genesis,
    generated_member,
    generated_officer,
)

JOINING_RECORDS_COUNT: Final = 4  # of a villager: identity, device, social lane, admission
OFFICER_RECORDS_COUNT: Final = 3
TEXTS_COUNT: Final = 1_000  # different texts in a village


class Writers:
    """Members and their officer, with the heads of their lanes."""

    def __init__(self, document: Genesis, seed: str, members: int) -> None:
        self.document = document
        community, _ = genesis.parse(genesis.encode(document))
        self._community = CommunityId(community)
        self._chance = random.Random(f"wetalk writers {seed}")
        self._officer = generated_officer(seed, self._community)
        self.members = [generated_member(seed, str(n), self._community) for n in range(members)]
        self._time = START_MS + YEAR_MS
        self._texts: list[tuple[str, str]] = []

    @classmethod
    def after(cls, export: Path, seed: str = "bench") -> "Writers":
        """Those who wrote a corpus or a village of `seed`, where that file ends."""
        _, document = genesis.parse(document_of(export))
        heads: dict[bytes, dict[Lane, tuple[int, RecordId]]] = {}
        writers = cls(document, seed, 0)
        for raw in records_of(export):
            header = parse_header(raw.header)
            made = crypto.record_id(writers._community, raw.header)
            heads.setdefault(header.author, {})[header.lane] = (header.seq, RecordId(made))
        for number in count():
            member = generated_member(seed, str(number), writers._community)
            if member.id not in heads:
                break
            writers.members.append(member)
        for member in (writers._officer, *writers.members):
            member.heads = heads.get(member.id, {})
        return writers

    def found(self) -> Iterator[RawRecord]:
        """The officer and all members say who they are, and are admitted."""
        yield from self._officer.introduce(START_MS)
        yield self._officer.open(Lane.OFFICE, START_MS)
        for member in self.members:
            yield from member.introduce(START_MS)
            yield member.open(Lane.SOCIAL, START_MS)
            yield from self.admit([member.id])

    def admit(self, members: Sequence[bytes]) -> Iterator[RawRecord]:
        """The officer admits these members, whose identities are known."""
        for member in members:
            body = MemberAct(
                application=None, approvals=[], chapter=self.document.chapters[0].name,
                list=self._community, member=member, supersedes=[],
            )  # fmt: skip
            yield self._officer.sign("member.admit", body, self._now())[1]

    def posts(self, number: int, among: Sequence[GeneratedMember]) -> Iterator[RawRecord]:
        """Posts of these members, of each in turn."""
        for member in islice(cycle(among), number):
            language, text = self._text()
            body = PostPut(
                language=language,
                reply_to=None,
                room=self._chance.choice(ROOMS),
                salt=self._chance.randbytes(SALT_SIZE_BYTES),
                text=text,
            )
            yield member.sign("post.put", body, self._now())[1]

    def _text(self) -> tuple[str, str]:
        """One of many texts; making each anew would take longer than signing it."""
        if len(self._texts) < TEXTS_COUNT:
            language = words.pick_language(self._chance)
            self._texts.append((language, words.text(self._chance, language)))
            return self._texts[-1]
        return self._chance.choice(self._texts)

    def _now(self) -> int:
        self._time += 1_000
        return self._time


def village(authors: int, records: int, seed: str = "bench") -> tuple[Writers, Iterator[RawRecord]]:
    """A community of so many authors and its records: all join, then post in turn."""
    document = generated_genesis(seed, "bench", 2, ["en", "ko", "zh"])
    writers = Writers(document, seed, authors)
    joined = authors * JOINING_RECORDS_COUNT + OFFICER_RECORDS_COUNT
    assert joined < records, "too few records for so many authors"

    def all_of_them() -> Iterator[RawRecord]:
        yield from writers.found()
        yield from writers.posts(records - joined, writers.members)

    return writers, all_of_them()
