"""Real homes for tests: real files, real keys, real storage; no network and no API.

A `Town` is a community whose members' homes hand each other records through intake, as neighbours
do.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nacl.signing import SigningKey

from node.protocol import crypto, record
from node.protocol import genesis as genesis_document
from node.protocol.genesis import Chapter, CreditUnit, Genesis
from node.protocol.identity import DEVICE_SCOPES, DeviceAdd, IdentityCreate, proof_text
from node.protocol.record import RawRecord
from node.protocol.shapes import Body
from node.services.books.money import Money
from node.services.chapters.community import Community, OfficeDuties, open_account
from node.services.chapters.witness_duties import WitnessDuties
from node.services.core import Core, open_core
from node.services.incoming.intake import Intake, Outcome
from node.services.publish import Appender, Publisher
from node.services.trading.trade import Trade
from node.services.trading.trade_duties import TradeDuties
from node.storage.home import Home
from node.storage.state import WriterState
from node.wallet.signer import Signer


def seed_of(name: str) -> bytes:
    """A fixed seed for a named test key."""
    return hashlib.sha256(f"test key {name}".encode()).digest()


class Clock:
    """A clock that tests move."""

    def __init__(self, now: int = 1_790_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        self.now += 1
        return self.now


@dataclass(slots=True)
class Person:
    """A member at home."""

    name: str
    root: SigningKey
    core: Core
    publisher: Publisher
    intake: Intake
    trade: Trade
    money: Money
    community: Community
    trade_duties: TradeDuties
    office_duties: OfficeDuties
    witness_duties: WitnessDuties
    sent: int = field(default=-1)

    @property
    def id(self) -> bytes:
        """Member id."""
        return self.core.member

    async def hand_to(self, *others: "Person") -> list[Outcome]:
        """Give everything this home holds to others, in its order of arrival."""
        raws = [raw for _, raw in self.core.reader.records_after(-1, 1_000_000)]
        return [await other.intake.take(raws, self.name) for other in others]

    async def duties(self) -> int:
        """Do what this member's program does by itself."""
        done = await self.office_duties.perform() + await self.trade_duties.perform()
        return done + await self.witness_duties.perform()

    def close(self) -> None:
        """Close the home."""
        self.core.close()


def root_key(name: str) -> SigningKey:
    """A named member's root key."""
    return SigningKey(seed_of(f"{name} root"))


def member_id(name: str) -> bytes:
    """A named member's id."""
    return bytes(root_key(name).verify_key)


def device_key(name: str, device: str = "") -> bytes:
    """The public key of a named member's device."""
    return bytes(SigningKey(seed_of(f"{name} device {device}")).verify_key)


def genesis_for(
    *officers: str,
    default_limit: int = 10_000,
    limit_max: int = 100_000,
    k: int = 1,
    witnesses: Sequence[str] = (),
    q: int = 0,
) -> bytes:
    """Genesis of a community with one chapter; `witnesses` are members' first devices."""
    chapter = Chapter(
        default_limit=default_limit,
        k=k,
        limit_max=limit_max,
        name="마을",
        officers=[member_id(name) for name in officers],
        q=q,
        treasury=None,
        witnesses=sorted(device_key(name) for name in witnesses),
    )
    document = Genesis(
        chapters=[chapter],
        languages=["ko", "zh", "en"],
        name="Test town",
        rules=1,
        salt=bytes(16),
        unit=CreditUnit(code="나눔", decimals=2),
    )
    return genesis_document.encode(document)


def move_in(folder: Path, name: str, genesis: bytes, clock: Clock, device: str = "") -> Person:
    """Open (or make) a member's home with a device key of its own."""
    home = Home(folder / f"{name}{device}")
    home.prepare()
    home.genesis.write_bytes(genesis)
    community, _ = genesis_document.parse(genesis)
    root = root_key(name)
    member = bytes(root.verify_key)
    seed = seed_of(f"{name} device {device}")
    signer = Signer(seed, member_id=member, community_id=community)
    return at_home(name, root, open_core(home, clock=clock, signer=signer))


def at_home(name: str, root: SigningKey, core: Core) -> Person:
    """What a member can do in an open home."""
    publisher = Publisher(core)
    return Person(
        name,
        root,
        core,
        publisher,
        Intake(core),
        Trade(core, publisher),
        Money(core),
        Community(core, publisher),
        TradeDuties(core, publisher),
        OfficeDuties(core, publisher),
        WitnessDuties(core, publisher),
    )


async def introduce(person: Person, seed: bytes) -> None:
    """Publish a member's identity and this device's key."""
    device = SigningKey(seed)
    core = person.core
    proof = device.sign(crypto.WORD_DEVICE_PROOF + proof_text(core.community, person.id)).signature

    def work(appender: Appender, state: WriterState) -> None:
        first = _rooted(person, "identity.create", IdentityCreate(next=None), 0, None)
        created = appender.take(first)
        body = DeviceAdd(key=bytes(device.verify_key), proof=proof, scopes=list(DEVICE_SCOPES))
        appender.take(_rooted(person, "device.add", body, 1, created))

    await person.publisher.transact(work)


def _rooted(person: Person, kind: str, body: Body, seq: int, prev: bytes | None) -> RawRecord:
    root = bytes(person.root.verify_key)
    header, data = record.build(body, kind, root, root, seq, prev, person.core.clock())
    message = crypto.record_message(crypto.record_id(person.core.community, header))
    return RawRecord(header, data, person.root.sign(message).signature)


async def town(
    folder: Path,
    *names: str,
    clock: Clock | None = None,
    witnesses: Sequence[str] = (),
    q: int = 0,
) -> list[Person]:
    """Members who know each other: the first is the officer, all are admitted and granted.

    `witnesses`: those of them whose devices confirm, `q` of whom must.
    """
    clock = clock or Clock()
    genesis = genesis_for(names[0], witnesses=witnesses, q=q)
    people = [move_in(folder, name, genesis, clock) for name in names]
    officer = people[0]
    for person in people:
        await introduce(person, seed_of(f"{person.name} device "))
        await person.community.apply(None, "", None) if person is not officer else None
        if person is officer:
            await open_own_account(officer)
        else:
            await person.hand_to(officer)
            await officer.community.admit(None, person.id)
    await officer.duties()
    await officer.hand_to(*people[1:])
    return people


async def open_own_account(person: Person) -> None:
    """Open the account lane of this device in the only chapter."""
    chapter = person.core.rules.genesis.chapters[0]
    await person.publisher.transact(
        lambda appender, state: open_account(person.core, appender, state, chapter)
    )
