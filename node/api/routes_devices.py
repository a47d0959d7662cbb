"""Routes about this member's devices: shutting out, a new key, what surfaced of old ones; and new
accounts that wait for an officer."""

# pyright: reportUnknownMemberType=false

import trio
from fastapi import Request

from node import i18n
from node.api.context import Api
from node.api.models import devices as shapes
from node.api.models.base import Made, Nothing
from node.api.parameters import NamePath
from node.api.routing import Route, get, write
from node.api.shaping import credit_decimals, decimals_of, late_told
from node.ledger.positions import TRADE
from node.protocol.account import CREDIT
from node.services.members import devices, late, renewal
from node.services.members.concerns import Renewal, renewals
from node.services.members.late import Surfaced
from node.wallet import phrase


class DeviceRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._renewing = trio.Lock()  # one new key at a time

    async def devices(self, request: Request) -> shapes.Devices:
        """The devices of this member, and what became known later of those shut out."""
        core, language = self._api.core, self._api.language(request)
        with core.reading() as reader:
            found = {one.device: one for one in late.surfaced(core, reader)}
        items = [
            shapes.Device(
                device=one.key.hex(),
                scopes=list(one.scopes),
                revoked=one.revoked,
                this=one.this,
                late=self._late(found[one.key], language) if one.key in found else None,
            )
            for one in self._api.people.devices()
        ]
        return shapes.Devices(items=items)

    def _late(self, found: Surfaced, language: str) -> shapes.Late:
        core = self._api.core
        key, values = late_told(core, found)
        rows = [(trade, TRADE.must(core.reader, trade)) for trade in found.payments]
        return shapes.Late(
            payments=[
                shapes.LatePayment(
                    trade=trade.hex(),
                    partner=self._api.who(row.payee),
                    amount=row.amount,
                    unit=row.unit,
                    decimals=decimals_of(core, row.unit),
                )
                for trade, row in rows
            ],
            left=found.left,
            text=i18n.text(key, language, **values),
        )

    async def revoke(self, body: shapes.RevokeIn) -> Made:
        """Shut a device out, with the 24 words."""
        core, device = self._api.core, bytes.fromhex(body.device)
        since = None if body.since is None else bytes.fromhex(body.since)
        with devices.root_of(core, phrase.check(body.words)) as root:
            record = await self._api.publisher.transact(
                lambda appender, state: devices.revoke_device(
                    core, appender, state, root, device, leave_open=body.open, since=since
                )
            )
        return Made(id=record.hex())

    async def renew(self, body: shapes.RenewIn) -> shapes.Renewed:
        """Make a new key on this computer, with the 24 words; the account goes on under it."""
        words = phrase.check(body.words)
        async with self._renewing:
            done = await renewal.renew(self._api.core, words, body.password, both=body.both)
        return self._renewed(done)

    async def recognise(self, body: shapes.RecogniseIn) -> shapes.Renewed:
        """What an old device did was this member's: it counts after all, under a new key."""
        words = phrase.check(body.words)
        through = None if body.through is None else bytes.fromhex(body.through)
        async with self._renewing:
            done = await renewal.recognise(
                self._api.core, words, bytes.fromhex(body.device), body.password, through=through
            )
        return self._renewed(done)

    def _renewed(self, done: renewal.Renewed) -> shapes.Renewed:
        self._api.concerns.forget()
        self._api.hub.status_changed()
        return shapes.Renewed(
            device=done.device.hex(),
            shut_out=[device.hex() for device in done.shut_out],
            opened=None if done.opened is None else done.opened.hex(),
        )

    async def leave(self, body: shapes.LeaveIn) -> Nothing:
        """What an old device did was not this member's: it stays in doubt."""
        await renewal.leave(self._api.core, bytes.fromhex(body.device))
        self._api.concerns.forget()
        self._api.hub.status_changed()
        return Nothing()

    async def renewals(self, request: Request, name: NamePath) -> shapes.Renewals:
        """Accounts without a limit that wait for an officer, and why."""
        core, language = self._api.core, self._api.language(request)
        number, _ = self._api.community.chapter(name)

        def look() -> list[Renewal]:
            with core.reading() as reader:
                return list(renewals(core, reader, number))

        return shapes.Renewals(
            items=[
                shapes.Renewal(
                    member=self._api.who(one.member),
                    open=one.open.hex(),
                    reason=one.reason,
                    reason_text=i18n.text(
                        f"renewal.{one.reason.replace('-', '_')}",
                        language,
                        name=self._api.who(one.member).name,
                    ),
                    may_be_granted=one.may_be_granted,
                    limit=one.limit,
                    unit=CREDIT,
                    decimals=credit_decimals(core),
                    proof=None if one.proof is None else one.proof.hex(),
                    contested=[trade.hex() for trade in one.contested],
                )
                for one in await trio.to_thread.run_sync(look)
            ]
        )


def routes(api: Api) -> list[Route]:
    """The table."""
    node = DeviceRoutes(api)
    return [
        get("/devices", node.devices, shapes.Devices),
        write("POST", "/devices/revoke", node.revoke, Made, "admin"),
        write("POST", "/devices/renew", node.renew, shapes.Renewed, "admin"),
        write("POST", "/devices/recognise", node.recognise, shapes.Renewed, "admin"),
        write("POST", "/devices/leave", node.leave, Nothing, "admin"),
        get("/chapters/{name}/renewals", node.renewals, shapes.Renewals),
    ]
