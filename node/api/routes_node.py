"""Routes about this node: status, identity, tokens, neighbours, events."""

from typing import Annotated

from fastapi import Header, Query, Request, Response

from node import i18n
from node.api import status as node_status
from node.api.context import Api
from node.api.models import node as shapes
from node.api.models.base import Nothing
from node.api.parameters import IdPath
from node.api.routing import Route, get, write
from node.api.shaping_access import shown
from node.api.tokens import Access, Wished
from node.api.version import program_version
from node.services.members.setup import finish_restore_running, is_restoring
from node.services.publish import COPIED_HOME
from node.wallet import phrase, phrase_file


class NodeRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._version = program_version()

    async def status(self, request: Request) -> shapes.Status:
        """How the node is, and what to do next."""
        return node_status.status(self._api, self._version, self._api.language(request))

    async def identity(self) -> shapes.Identity:
        """Who this device speaks for."""
        core = self._api.core
        waiting = phrase_file.is_waiting(core.home.phrase)
        return shapes.Identity(
            member=core.member.hex(),
            device=core.own.public_key.hex(),
            community=core.community.hex(),
            words_waiting=waiting,
            words_file=str(core.home.phrase) if waiting else None,
            home_copied=core.reader.settings.get(COPIED_HOME) is not None,
            waiting_for_echo=core.echo_wanted,
            restoring=is_restoring(core),
        )

    async def confirm(self, body: shapes.WordsIn) -> Nothing:
        """Check the 24 words against this member, then remove the file that holds them."""
        core = self._api.core
        phrase_file.confirm(core.home.phrase, body.words, core.member)
        self._api.hub.status_changed()
        return Nothing()

    async def restore(self, body: shapes.RestoreIn) -> shapes.Restored:
        """Speak for a member whose records have come back, with the 24 words; shuts the devices
        out that this one takes the place of. The node starts again."""
        core, words = self._api.core, phrase.check(body.words)
        since = None if body.since is None else bytes.fromhex(body.since)
        shut_out = await finish_restore_running(core, self._api.publisher, words, since=since)
        self._api.live.restart()
        return shapes.Restored(shut_out=[device.hex() for device in shut_out])

    async def tokens(self, request: Request) -> shapes.Tokens:
        """The tokens of clients, without their secrets."""
        now, language = self._api.core.clock(), self._api.language(request)
        items = [shapes.Token(**shown(t, now, language)) for t in self._api.tokens.all()]
        return shapes.Tokens(items=items)

    async def make_token(self, request: Request, body: shapes.TokenIn) -> shapes.TokenMade:
        """Make a token for a client; its secret is told this once."""
        access: Access = request.state.access
        wished = Wished(body.name, frozenset(body.scopes), body.days)
        secret, kept = await self._api.tokens.make(access, wished)
        told = shown(kept, self._api.core.clock(), self._api.language(request))
        return shapes.TokenMade(token=secret, **told)

    async def remove_token(self, token: IdPath) -> Nothing:
        """Take a client's token back: it ends at once, and so do its open event streams."""
        await self._api.tokens.remove(bytes.fromhex(token))
        self._api.hub.wake()
        return Nothing()

    async def peers(self, request: Request) -> shapes.Peers:
        """Neighbours connected now, and where this node can be dialled."""
        language, live = self._api.language(request), self._api.live
        found = live.neighbours()
        key, values = ("peers.count", {"count": len(found)}) if found else ("peers.none", {})
        return shapes.Peers(
            items=[
                shapes.Peer(
                    peer=one.peer,
                    host=one.host,
                    dialled=one.dialled,
                    since_s=one.since_s,
                    in_sync=one.in_sync,
                    rtt_s=one.rtt_s,
                    bytes_in=one.bytes_in,
                    bytes_out=one.bytes_out,
                    records_in=one.records_in,
                    records_left=one.records_left,
                )
                for one in found
            ],
            addresses=live.addresses(),
            text=i18n.text(key, language, **values),
        )

    async def add_peer(self, body: shapes.PeerIn) -> Nothing:
        """Dial a neighbour, now and whenever it is lost."""
        self._api.live.dial(body.address)
        return Nothing()

    async def events(
        self,
        request: Request,
        last_event_id: Annotated[
            str | None, Header(max_length=64, examples=["0123456789ab-42"])
        ] = None,
        after: Annotated[
            str | None,
            Query(
                max_length=64,
                description="the same as Last-Event-ID, for clients that cannot set it",
                examples=["0123456789ab-42"],
            ),
        ] = None,
    ) -> Response:
        """Server-sent events: what changed, resumable by Last-Event-ID.

        `ready` comes first; `reset` in its place means: read your lists anew. `status` says that
        GET /status has news. All others are named for what changed and carry its id.
        """
        return self._api.hub.open(last_event_id or after, request.state.access)


def routes(api: Api) -> list[Route]:
    """The table."""
    node = NodeRoutes(api)
    return [
        get("/status", node.status, shapes.Status),
        get("/identity", node.identity, shapes.Identity),
        write("POST", "/identity/confirm", node.confirm, Nothing, "admin", once=False),
        write("POST", "/identity/restore", node.restore, shapes.Restored, "admin", once=False),
        get("/tokens", node.tokens, shapes.Tokens, scope="admin"),
        write(
            "POST", "/tokens", node.make_token, shapes.TokenMade, "admin", status=201, once=False
        ),
        write("DELETE", "/tokens/{token}", node.remove_token, Nothing, "admin"),
        get("/peers", node.peers, shapes.Peers),
        write("POST", "/peers", node.add_peer, Nothing, "admin"),
        get("/events", node.events, None, media="text/event-stream"),
    ]
