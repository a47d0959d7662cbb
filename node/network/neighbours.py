"""Finding neighbours and noticing when they are gone: the driver of the book of peers.

Rules: the book decides, this dials; one dial for a peer at a time. A connection is not life: each
neighbour is pinged, and one that answers nothing and sends nothing is cut off (a stopped process
keeps its socket open for ever); so is one that sends a byte now and then and answers no ping. What
a neighbour says of others is kept only after its handshake, by `sync`.
"""

# pyright: reportUnknownMemberType=false

import logging
import math
import random

import trio

from node.network.addresses import PeerAddress
from node.network.conduct import Offence
from node.network.guard import ORDINARY
from node.network.host import Host, Link
from node.network.peers import Origin, PeerBook
from node.protocol import limits

log = logging.getLogger(__name__)


class Neighbours:
    """Dials, redials and pings."""

    def __init__(self, host: Host, book: PeerBook, ping_interval_s: float) -> None:
        self._host = host
        self._book = book
        self._ping_interval_s = ping_interval_s
        self._dialling: set[str] = set()
        self._woken = trio.Event()
        self.rtt_s: dict[str, float] = {}
        host.listen_for_links(self._came, self._went)

    def add(self, address: PeerAddress, origin: Origin) -> None:
        """Note an address. A given one is dialled now, whatever happened before."""
        if origin == Origin.GIVEN:
            self._host.guard.conduct.pardon(address.peer)
        self._book.add(address, origin, trio.current_time())
        self._woken.set()

    async def keep_dialling(self) -> None:
        """Dial whoever is due, for ever."""
        async with trio.open_nursery() as nursery:
            while True:
                self._woken = trio.Event()
                busy = {link.peer for link in self._host.links()} | self._dialling
                for address in self._book.due(busy, trio.current_time()):
                    self._dialling.add(address.peer)
                    nursery.start_soon(self._dial, address)
                    busy.add(address.peer)
                due_at = self._book.next_due_at(busy)
                with trio.move_on_at(due_at if due_at is not None else math.inf):
                    await self._woken.wait()

    async def _dial(self, address: PeerAddress) -> None:
        try:
            await self._host.dial(address)
        except ORDINARY as error:
            log.debug("dialling %s: %r", address.text, error)
            self._book.failed(address.peer, trio.current_time())
        except Exception as error:
            log.info("dialling %s: %r", address.text, error)
            self._book.failed(address.peer, trio.current_time())
        else:
            self._book.worked(address, trio.current_time())
        finally:
            self._dialling.discard(address.peer)
            self._woken.set()

    async def watch(self, link: Link) -> None:
        """Ping a neighbour until its link ends; cut it off when it is silent."""
        unanswered = 0
        while True:
            before = link.budget.bytes_in
            try:
                with trio.fail_after(limits.PING_MAX_S):
                    self.rtt_s[link.peer] = await self._host.ping(link)
                unanswered = 0
            except trio.TooSlowError:
                unanswered += 1
                if link.ended.is_set():
                    pass
                elif link.budget.bytes_in == before:
                    self._host.guard.blame(link.peer, Offence.SILENT)
                elif unanswered >= limits.PINGS_UNANSWERED_MAX_COUNT:
                    self._host.guard.blame(link.peer, Offence.SLOW, "answers no ping")
            except ORDINARY as error:  # it does not know ping, or the connection is ending
                log.debug("peer %s: ping: %r", link.peer, error)
            await trio.sleep(self._ping_interval_s * random.uniform(0.8, 1.2))

    def _came(self, link: Link) -> None:
        self._woken.set()

    def _went(self, link: Link) -> None:
        now = trio.current_time()
        self._book.lost(link.peer, now)
        if self._host.guard.banned(link.peer):
            self._book.put_off(link.peer, now + limits.BAN_FIRST_S)
        self.rtt_s.pop(link.peer, None)
        self._woken.set()
