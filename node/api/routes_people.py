"""Routes about belonging: profile, community, members, chapters, contacts."""

# pyright: reportUnknownMemberType=false

from functools import partial
from typing import Annotated, Any, Final

import trio
from fastapi import Query, Request

from node import i18n
from node.api.context import Api
from node.api.models import people as shapes
from node.api.models.base import Made, Nothing
from node.api.models.node import Profile, ProfileIn
from node.api.models.stall import Code
from node.api.parameters import (
    USUAL,
    ChapterQuery,
    CursorQuery,
    FlagQuery,
    IdPath,
    LimitQuery,
    NamePath,
)
from node.api.routes_stall import draw
from node.api.routing import Route, get, write
from node.api.shaping import (
    amount_shown,
    credit_decimals,
    decimals_of,
    iso_time,
    relay_texts,
    texts,
)
from node.ledger.root import state_root
from node.protocol import genesis, portable
from node.protocol.account import CREDIT
from node.protocol.errors import LocalFault, RemoteFault
from node.services.members import devices
from node.services.members.people import SHORT_ID_CHARACTERS, MemberView
from node.services.trading import relays
from node.services.trading.ratings import Rating, Reputation
from node.views import members
from node.wallet import phrase

RATINGS_SHOWN_COUNT: Final = 100  # the newest; the sums count all


class PeopleRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def profile(self) -> Profile:
        """This member's own profile."""
        return self._profile()

    def _profile(self) -> Profile:
        core, people = self._api.core, self._api.people
        found = people.profile(core.member)
        return Profile(
            member=core.member.hex(),
            name=people.name(core.member) if found is None else found.name,
            about="" if found is None else found.about,
            languages=[] if found is None else found.languages,
            region=None if found is None else found.region,
        )

    async def set_profile(self, body: ProfileIn) -> Profile:
        """Say how this member wants to be shown."""
        await self._api.people.set_profile(body.name, body.about, body.languages, body.region)
        return self._profile()

    async def community(self, request: Request, root: FlagQuery = False) -> shapes.Community:
        """The founding document, and with `root` the state root of all that is held."""
        core = self._api.core
        genesis = core.rules.genesis
        found = await trio.to_thread.run_sync(self._root) if root else None
        with core.reading() as reader:
            mine = [
                members.membership(reader, number, core.member, core.rules)
                for number in range(len(genesis.chapters))
            ]
            liars = [
                relays.convicted(reader, core.rules, number)
                for number in range(len(genesis.chapters))
            ]
        language = self._api.language(request)
        chapters = [
            shapes.Chapter(
                name=chapter.name,
                officers=[self._api.who(officer) for officer in chapter.officers],
                approvals=chapter.k,
                relays=len(chapter.witnesses),
                quorum=chapter.q,
                relay_texts=relay_texts(len(chapter.witnesses), chapter.q, language),
                convicted=[key.hex() for key, _ in convicted],
                convicted_texts=[self._convicted(key, of, language) for key, of in convicted],
                default_limit=chapter.default_limit,
                limit_max=chapter.limit_max,
                membership=membership,  # type: ignore[arg-type]
            )
            for chapter, membership, convicted in zip(genesis.chapters, mine, liars, strict=True)
        ]
        return shapes.Community(
            id=core.community.hex(),
            name=genesis.name,
            rules=genesis.rules,
            languages=list(genesis.languages),
            unit=CREDIT,
            unit_name=genesis.unit.code,
            decimals=genesis.unit.decimals,
            chapters=chapters,
            root=found,
        )

    def _convicted(self, key: bytes, owner: bytes | None, language: str) -> str:
        shown = key.hex()[:SHORT_ID_CHARACTERS]
        if owner is None:
            return i18n.text("relays.convicted", language, key=shown)
        name = self._api.who(owner).name
        return i18n.text("relays.convicted_of", language, key=shown, name=name)

    def _root(self) -> str:
        with self._api.core.reading() as reader:
            return state_root(reader, self._api.core.rules).hex()

    async def invite(self, body: shapes.InvitationIn) -> shapes.Invitation:
        """Make an invitation to hand over."""
        name = body.chapter
        if name is None:
            number = self._api.chapter(None)
            name = self._api.core.rules.genesis.chapters[number].name
        link, expires = await self._api.community.invite(
            name, self._api.live.addresses(), with_code=body.code
        )
        return shapes.Invitation(
            link=link,
            expires=None if expires is None else iso_time(expires),
            code=await trio.to_thread.run_sync(_drawn, link),
        )

    async def join(self, body: shapes.JoinIn) -> shapes.Joining:
        """Join another community in place of an empty one of one's own; the node starts again."""
        try:
            invitation = portable.decode_invitation(body.link)
        except RemoteFault as fault:
            raise LocalFault("invitation-invalid", str(fault)) from None
        core, words = self._api.core, phrase.check(body.words)
        devices.root_of(core, words).close()
        community, _ = genesis.parse(invitation.genesis)
        if community == core.community:
            raise LocalFault("community-same")
        self._api.live.rejoin(invitation, words)
        return shapes.Joining(restarting=True, community=community.hex())

    async def members(
        self,
        request: Request,
        chapter: ChapterQuery = None,
        state: Annotated[shapes.Membership | None, Query(examples=["member"])] = None,
        cursor: CursorQuery = None,
        limit: LimitQuery = USUAL,
    ) -> shapes.Members:
        """Members of a chapter in order of id."""
        name = f"members {chapter} {state}"
        position = self._api.position(name, cursor)
        after = None if position is None else bytes.fromhex(position[0])
        number = self._api.chapter(chapter)
        found, last = await trio.to_thread.run_sync(
            partial(self._api.people.members, number, after, limit, state=state)
        )
        language = self._api.language(request)
        return shapes.Members(
            items=[shapes.Member(**self._member(view, language)) for view in found],
            next=self._api.mark(name, None if last is None else (last.hex(),)),
        )

    async def member(
        self, request: Request, member: IdPath, chapter: ChapterQuery = None
    ) -> shapes.MemberDetail:
        """A member with their balance, rating and what they say of themselves."""
        subject = bytes.fromhex(member)
        number, language = self._api.chapter(chapter), self._api.language(request)
        view = self._api.people.member(subject, number)
        profile = self._api.people.profile(subject)
        found, said = await trio.to_thread.run_sync(
            partial(self._api.people.reputation, subject, number)
        )
        return shapes.MemberDetail(
            reputation=self._reputation(found, language),
            said=[self._rating(one, language) for one in said[:RATINGS_SHOWN_COUNT]],
            about="" if profile is None else profile.about,
            languages=[] if profile is None else profile.languages,
            region=None if profile is None else profile.region,
            **self._member(view, language),
        )

    def _reputation(self, found: Reputation, language: str) -> shapes.Reputation:
        core = self._api.core
        volume = amount_shown(core, found.volume, CREDIT, language)
        rest = {
            "trades": found.trades,
            "partners": found.partners,
            "volume": volume,
        }
        told = i18n.text("rating.rests_on", language, **rest)
        if found.ratings:
            stars = ", ".join(
                i18n.text("rating.stars", language, stars=number, count=count)
                for number, count in found.stars.items()
                if count
            )
            raters = {"raters": found.raters, "good": found.good_raters, "stars": stars}
            said = [i18n.text("rating.given", language, **raters), told]
        else:
            said = [i18n.text("rating.none", language), told]
        for key, count in (("contested", found.contested), ("refunded", found.refunded)):
            if count:
                said.append(i18n.text(f"rating.{key}", language, count=count))
        return shapes.Reputation(
            stars={str(number): count for number, count in found.stars.items()},
            ratings=found.ratings,
            raters=found.raters,
            good_raters=found.good_raters,
            contested=found.contested,
            refunded=found.refunded,
            trades=found.trades,
            partners=found.partners,
            volume=found.volume,
            text=i18n.joined(said, language),
        )

    def _rating(self, one: Rating, language: str) -> shapes.Rating:
        core, marks = self._api.core, list[str]()
        if one.contested:
            marks.append(i18n.text("rating.mark_contested", language))
        if one.given_back:
            back = amount_shown(core, one.given_back, one.unit, language)
            marks.append(i18n.text("rating.mark_refunded", language, amount=back))
        if not one.in_good_standing:
            marks.append(i18n.text("rating.mark_outside", language))
        return shapes.Rating(
            id=one.id.hex(),
            trade=one.trade.hex(),
            author=self._api.who(one.author),
            stars=one.stars,
            text=one.text,
            time=iso_time(one.time),
            amount=one.amount,
            amount_text=amount_shown(core, one.amount, one.unit, language),
            unit=one.unit,
            decimals=decimals_of(self._api.core, one.unit),
            given_back=one.given_back,
            contested=one.contested,
            in_good_standing=one.in_good_standing,
            marks=marks,
        )

    def _member(self, view: MemberView, language: str) -> dict[str, Any]:
        return {
            "id": view.id.hex(),
            "name": view.name,
            "contact": view.contact,
            "chapter": view.chapter,
            "membership": view.membership,
            "balance": view.balance,
            "limit": view.limit,
            "unit": CREDIT,
            "decimals": credit_decimals(self._api.core),
            "ratings": view.ratings,
            "stars": round(view.stars / view.ratings, 1) if view.ratings else None,
            "alerts": list(view.alerts),
            "alert_texts": texts("alert", view.alerts, language),
        }

    async def apply(self, name: NamePath, body: shapes.ApplyIn) -> Made:
        """Ask a chapter to admit this member."""
        code = None if body.code is None else bytes.fromhex(body.code)
        return Made(id=(await self._api.community.apply(name, body.text, code)).hex())

    async def requests(self, name: NamePath) -> shapes.Applications:
        """Open applications to a chapter, oldest first."""
        return shapes.Applications(
            items=[
                shapes.Application(
                    id=one.record.hex(),
                    member=self._api.who(one.member),
                    text=one.text,
                    time=iso_time(one.time),
                    invited=one.invited,
                )
                for one in self._api.community.requests(name)
            ]
        )

    async def contacts(self) -> shapes.Contacts:
        """Own names for members. They never leave this machine."""
        return shapes.Contacts(
            items=[
                shapes.Contact(
                    member=one.member.hex(),
                    name=one.name,
                    note=one.note,
                    added=iso_time(one.added),
                )
                for one in self._api.people.contacts()
            ]
        )

    async def put_contact(self, body: shapes.ContactIn) -> Nothing:
        """Call a member by a name."""
        await self._api.people.put_contact(bytes.fromhex(body.member), body.name, body.note)
        return Nothing()

    async def remove_contact(self, member: IdPath) -> Nothing:
        """Forget a contact."""
        await self._api.people.remove_contact(bytes.fromhex(member))
        return Nothing()


def _drawn(link: str) -> Code | None:
    """An invitation to scan; a community of many officers and relays fits into no code."""
    try:
        return draw(link)
    except LocalFault:
        return None


def routes(api: Api) -> list[Route]:
    """The table."""
    people = PeopleRoutes(api)
    chapter = "/chapters/{name}"
    return [
        get("/profile", people.profile, Profile),
        write("PUT", "/profile", people.set_profile, Profile, "talk"),
        get("/community", people.community, shapes.Community),
        write("POST", "/community/invitations", people.invite, shapes.Invitation, "admin"),
        write(
            "POST",
            "/community/join",
            people.join,
            shapes.Joining,
            "admin",
            status=202,
            once=False,
        ),
        get("/members", people.members, shapes.Members),
        get("/members/{member}", people.member, shapes.MemberDetail),
        write("POST", f"{chapter}/apply", people.apply, Made, "talk", status=201),
        get(f"{chapter}/requests", people.requests, shapes.Applications),
        get("/contacts", people.contacts, shapes.Contacts),
        write("POST", "/contacts", people.put_contact, Nothing, "talk"),
        write("DELETE", "/contacts/{member}", people.remove_contact, Nothing, "talk"),
    ]
