"""libp2p's log made bearable: a few lines pass, the rest is counted.

Rule: a stranger must not be able to fill a member's disk. libp2p logs an ERROR block for each
failed negotiation and tracebacks for ordinary farewells; through this filter a burst passes, then
one line now and then, each saying how many were left out. Lines lose their tracebacks unless
DEBUG is on.
"""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, cast

from libp2p.network.connection import swarm_connection

from node.network.budget import Bucket
from node.protocol import limits


class RateLimit(logging.Filter):
    """Lets `burst` warnings and errors pass at once and `rate` a second after that."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._bucket = Bucket(rate, burst, filled_at=clock())
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        if not self._bucket.try_pay(1, self._clock()):
            self._left_out += 1
            return False
        if not logging.getLogger("libp2p").isEnabledFor(logging.DEBUG):
            record.exc_info = record.exc_text = None
        if self._left_out:
            record.msg = f"{record.getMessage()} (and {self._left_out} lines left out)"
            record.args = ()
            self._left_out = 0
        return True


class _Sieve(logging.Handler):
    """Passes what its filter lets through on to the root logger's handlers."""

    def emit(self, record: logging.LogRecord) -> None:
        for handler in logging.getLogger().handlers:
            if record.levelno >= handler.level:
                handler.handle(record)


def quieten_libp2p() -> None:
    """Put the filter before everything that loggers under `libp2p` say. May be called again."""
    logger = logging.getLogger("libp2p")
    if any(isinstance(handler, _Sieve) for handler in logger.handlers):
        return
    sieve = _Sieve()
    sieve.addFilter(RateLimit(limits.LOG_PER_S, limits.LOG_BURST_COUNT))
    logger.addHandler(sieve)
    # This module of libp2p logs to the root logger, which is ours.
    cast(Any, swarm_connection).logging = logging.getLogger("libp2p.network.connection")
    logger.propagate = False
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)
