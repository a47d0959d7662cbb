"""The client of a running node for programs that run on trio: the same calls, awaited.

`async for` walks through lists and events. Left to others: what each call does (`node.client`).
"""

from node.client.trio.belonging import Belonging
from node.client.trio.own import OwnNode
from node.client.trio.settling import Settling
from node.client.trio.talking import Talking
from node.client.trio.trading import Trading
from node.client.wire import ApiProblem, Event, Json, NotRunning, WrongCertificate


class Client(OwnNode, Belonging, Talking, Trading, Settling):
    """The API of one node, with one token."""


__all__ = ["ApiProblem", "Client", "Event", "Json", "NotRunning", "WrongCertificate"]
