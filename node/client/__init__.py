"""The client of a running node: what the command line uses, and an example for others.

Rules: the standard library alone and nothing of ours, so that a command starts at once. Every write
carries an Idempotency-Key; where the connection breaks before the answer came, it is repeated once
under the same key: nothing is done twice. Errors are NotRunning where nobody answers and ApiProblem
for every refusal. The shapes of answers (`shapes`) are generated from the OpenAPI document, and the
same client for trio (`node.client.trio`) from this one.
"""

from node.client.belonging import Belonging
from node.client.own import OwnNode
from node.client.settling import Settling
from node.client.talking import Talking
from node.client.trading import Direction, Step, Trading
from node.client.wire import ApiProblem, Event, Json, NotRunning, WrongCertificate


class Client(OwnNode, Belonging, Talking, Trading, Settling):
    """The API of one node, with one token."""


__all__ = [
    "ApiProblem",
    "Client",
    "Direction",
    "Event",
    "Json",
    "NotRunning",
    "Step",
    "WrongCertificate",
]
