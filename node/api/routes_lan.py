"""Routes about the home network: opening and closing it, and letting phones in."""

from fastapi import Request

from node import i18n
from node.api.certificate import Certificate
from node.api.context import Api
from node.api.live import LanState
from node.api.models import lan as shapes
from node.api.models.base import Nothing
from node.api.pairing import Pairing
from node.api.problems import sentence
from node.api.routes_stall import draw
from node.api.routing import OPEN, Route, get, write
from node.api.shaping import iso_time
from node.api.shaping_access import shown
from node.api.tokens import Access, Wished
from node.protocol.errors import LocalFault


class LanRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def state(self, request: Request) -> shapes.Lan:
        """Whether phones on the home network can come in, and at which address."""
        return self._shown(self._api.live.lan(), self._api.language(request))

    async def change(self, request: Request, body: shapes.LanIn) -> shapes.Lan:
        """Open the home network, or close it; codes that were not used end with it."""
        if not body.on:
            self._api.pairings.close()
        state = await self._api.live.set_lan(body.on, body.address, body.port)
        self._api.hub.status_changed()
        return self._shown(state, self._api.language(request))

    async def open_pairing(
        self, request: Request, body: shapes.LanPairingIn
    ) -> shapes.LanPairingMade:
        """Make a code that lets one phone in, once, within a few minutes."""
        access: Access = request.state.access
        state = self._api.live.lan()
        if state.url is None or state.certificate is None:
            raise LocalFault("lan-off")
        wished = Wished(body.name, frozenset(body.scopes), body.days)
        code, made = self._api.pairings.open(access, wished)
        link = f"{state.url}#pair={code}"
        return shapes.LanPairingMade(
            **_pairing(made).model_dump(),
            code=code,
            link=link,
            certificate=_certificate(state.certificate),
            qr=draw(link),
        )

    async def close_pairings(self) -> Nothing:
        """Make every code that was not used yet worthless."""
        self._api.pairings.close()
        return Nothing()

    async def pair(self, request: Request, body: shapes.LanPairIn) -> shapes.LanPaired:
        """Exchange a code for a token. This needs no token: the code is what opens."""
        client = request.client.host.encode() if request.client else b""
        secret, token = await self._api.pairings.exchange(body.code, client)
        self._api.hub.status_changed()
        found = self._api.live.lan().certificate
        language = self._api.language(request)
        return shapes.LanPaired(
            token=secret,
            certificate=None if found is None else _certificate(found),
            **shown(token, self._api.core.clock(), language),
        )

    def _shown(self, state: LanState, language: str) -> shapes.Lan:
        detail = "" if state.problem is None else sentence(state.problem, language)
        text = i18n.text(f"lan.{state.state}", language, address=state.url or "", detail=detail)
        return shapes.Lan(
            on=state.on,
            state=state.state,
            url=state.url,
            certificate=None if state.certificate is None else _certificate(state.certificate),
            pairings=[_pairing(one) for one in self._api.pairings.all()],
            text=text.strip(),
        )


def _pairing(one: Pairing) -> shapes.LanPairing:
    return shapes.LanPairing(
        pairing=one.id,
        name=i18n.clean_for_display(one.wished.name, one_line=True),
        expires=iso_time(one.expires),
        token=one.token.hex() if one.token else None,
    )


def _certificate(found: Certificate) -> shapes.LanCertificate:
    return shapes.LanCertificate(
        fingerprint=found.fingerprint,
        digits=found.digits,
        until=iso_time(int(found.until.timestamp() * 1_000)),
    )


def routes(api: Api) -> list[Route]:
    """The table. What tells a secret is not repeated under a key."""
    lan = LanRoutes(api)
    made, paired = shapes.LanPairingMade, shapes.LanPaired
    opened = {"status": 201, "once": False}
    return [
        get("/lan", lan.state, shapes.Lan),
        write("PUT", "/lan", lan.change, shapes.Lan, "admin"),
        write("POST", "/lan/pairings", lan.open_pairing, made, "admin", **opened),
        write("DELETE", "/lan/pairings", lan.close_pairings, Nothing, "admin"),
        write("POST", "/lan/pair", lan.pair, paired, OPEN, **opened),
    ]
