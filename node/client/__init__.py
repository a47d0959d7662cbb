"""The client of a running node: what the command line uses, and an example for others.

Rules: the standard library alone and nothing of ours, so that a command starts at once. Every write
carries an Idempotency-Key; where the connection breaks before the answer came, it is repeated once
under the same key: nothing is done twice. Errors are NotRunning where nobody answers and ApiProblem
for every refusal. Shapes of answers are those of the OpenAPI document.
"""

from node.client.belonging import Belonging
from node.client.connection import ApiProblem, Decision, Event, Json, Made, NotRunning, Page
from node.client.own import OwnNode
from node.client.settling import Settling
from node.client.talking import Talking
from node.client.trading import Direction, Step, Trading


class Client(OwnNode, Belonging, Talking, Trading, Settling):
    """The API of one node, with one token."""


__all__ = [
    "ApiProblem",
    "Client",
    "Decision",
    "Direction",
    "Event",
    "Json",
    "Made",
    "NotRunning",
    "Page",
    "Step",
]
