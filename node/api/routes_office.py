"""Routes for officers: admitting, limits, proposals to one another, a chapter's policy."""

# pyright: reportUnknownMemberType=false

from typing import Any

from fastapi import Request

from node import i18n
from node.api.context import Api
from node.api.models import office as shapes
from node.api.parameters import IdPath, NamePath
from node.api.routing import Route, get, write
from node.api.shaping import credit_decimals, iso_time
from node.i18n import amount_text, clean_for_display
from node.protocol.account import CREDIT
from node.protocol.office import ChapterClose, ChapterPolicy, CreditGrant
from node.services.chapters import office
from node.services.trading import units
from node.views.chapters import Policy


class OfficeRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def admit(self, name: NamePath, body: shapes.MemberIn, request: Request) -> Any:
        """Admit a member, and grant the default limit."""
        done = await self._api.community.admit(name, bytes.fromhex(body.member))
        return self._decision(done, request)

    async def suspend(self, name: NamePath, body: shapes.MemberIn, request: Request) -> Any:
        """Suspend a member: honest programs stop trading with them; nothing is taken away."""
        done = await self._api.community.suspend(name, bytes.fromhex(body.member))
        return self._decision(done, request)

    async def grant(self, name: NamePath, body: shapes.GrantIn, request: Request) -> Any:
        """Grant a member's account a limit, minor units of credit."""
        member = bytes.fromhex(body.member)
        done = await self._api.community.grant(name, member, body.limit)
        return self._decision(done, request)

    async def proposals(self, name: NamePath, request: Request) -> shapes.Proposals:
        """What officers ask one another to agree to, oldest first."""
        found = self._api.office.questions(self._api.chapter(name))
        language = self._api.language(request)
        return shapes.Proposals(items=[self._proposal(one, language) for one in found])

    async def agree(self, name: NamePath, proposal: IdPath, request: Request) -> Any:
        """Say yes to a proposal. With enough officers it is done at once."""
        done = await self._api.office.agree(self._api.chapter(name), bytes.fromhex(proposal))
        return self._decision(done, request)

    async def policy(self, name: NamePath, request: Request) -> shapes.Policy:
        """How members' programs act in this chapter."""
        number = self._api.chapter(name)
        return self._policy(number, self._api.office.policy(number), self._api.language(request))

    async def set_policy(self, name: NamePath, body: shapes.PolicyIn, request: Request) -> Any:
        """Set the policy as a whole (officers)."""
        mediators = tuple(bytes.fromhex(one) for one in body.mediators)
        wish = Policy(tuple(body.counts), body.faith_days, mediators, body.secured_from, None)
        done = await self._api.office.set_policy(self._api.chapter(name), wish)
        return self._decision(done, request)

    def _decision(self, made: office.Decision, request: Request) -> shapes.Decision:
        key = "office.done" if made.done else "office.asked"
        language = self._api.language(request)
        return shapes.Decision(
            id=made.record.hex(),
            proposal=made.hash.hex(),
            done=made.done,
            agreed=made.agreed,
            needed=made.needed,
            text=i18n.text(key, language, agreed=made.agreed, needed=made.needed),
        )

    def _policy(self, number: int, found: Policy, language: str) -> shapes.Policy:
        core = self._api.core
        return shapes.Policy(
            chapter=core.rules.genesis.chapters[number].name,
            counts=list(found.counts),
            faith_days=found.faith_days,
            mediators=[self._api.who(one) for one in found.mediators],
            secured_from=found.secured_from,
            unit=CREDIT,
            decimals=credit_decimals(core),
            id=None if found.act is None else found.act.hex(),
            text=i18n.joined(self._sentences(found, language), language),
        )

    def _sentences(self, found: Policy, language: str) -> list[str]:
        if found.secured_from is None:
            said = [i18n.text("office.policy_never", language)]
        elif found.secured_from == 0:
            said = [i18n.text("office.policy_always", language)]
        else:
            amount = self._amount(found.secured_from)
            said = [i18n.text("office.policy_from", language, amount=amount)]
        said.append(i18n.text("office.policy_faith", language, days=found.faith_days))
        names = ", ".join(self._api.who(one).name for one in found.mediators)
        if names:
            said.append(i18n.text("office.policy_mediators", language, names=names))
        if found.counts:
            credit = self._api.core.rules.genesis.unit
            named = ", ".join(units.name_of(one, credit, language) for one in found.counts)
            said.append(i18n.text("office.policy_counts", language, units=named))
        return said

    def _amount(self, minor: int) -> str:
        unit = clean_for_display(self._api.core.rules.genesis.unit.code, one_line=True)
        return f"{amount_text(minor, credit_decimals(self._api.core))} {unit}"

    def _proposal(self, one: office.Question, language: str) -> shapes.Proposal:
        found = one.proposal
        officers = sorted(found.officers)
        return shapes.Proposal(
            id=found.hash.hex(),
            kind=found.kind,  # type: ignore[arg-type]
            text=self._text(one, language),
            time=iso_time(one.time),
            officers=[self._api.who(officer) for officer in officers],
            mine=one.mine,
            needed=one.needed,
            member=None if one.subject is None else self._api.who(one.subject),
        )

    def _text(self, one: office.Question, language: str) -> str:
        act = one.proposal.body
        name = "?" if one.subject is None else self._api.who(one.subject).name
        if isinstance(act, CreditGrant):
            before = 0 if one.before is None else one.before
            assert isinstance(before, int)
            values = {"amount": self._amount(act.limit), "before": self._amount(before)}
            return i18n.text("office.ask_grant", language, name=name, **values)
        if isinstance(act, ChapterPolicy):
            wish = Policy(
                tuple(act.counts), act.faith_days, tuple(act.mediators), act.secured_from, None
            )
            rules = i18n.joined(self._sentences(wish, language), language)
            return i18n.text("office.ask_policy", language, rules=rules)
        if isinstance(act, ChapterClose):
            period = f"{act.period // 100:04d}-{act.period % 100:02d}"
            return i18n.text("office.ask_close", language, period=period, count=act.count)
        key = "ask_admit" if one.proposal.kind == "member.admit" else "ask_suspend"
        return i18n.text(f"office.{key}", language, name=name)


def routes(api: Api) -> list[Route]:
    """The table."""
    office_routes = OfficeRoutes(api)
    chapter, decision = "/chapters/{name}", shapes.Decision
    return [
        write("POST", f"{chapter}/admit", office_routes.admit, decision, "admin"),
        write("POST", f"{chapter}/suspend", office_routes.suspend, decision, "admin"),
        write("POST", f"{chapter}/grant", office_routes.grant, decision, "admin"),
        get(f"{chapter}/proposals", office_routes.proposals, shapes.Proposals),
        write(
            "POST",
            f"{chapter}/proposals/{{proposal}}/agree",
            office_routes.agree,
            decision,
            "admin",
        ),
        get(f"{chapter}/policy", office_routes.policy, shapes.Policy),
        write("PUT", f"{chapter}/policy", office_routes.set_policy, decision, "admin"),
    ]
