"""A stranger cannot fill the log."""

import logging
from collections.abc import Iterator

import pytest

from node.network.quiet import RateLimit, quieten_libp2p
from node.protocol import limits


def line(text: str = "failed %d") -> logging.LogRecord:
    return logging.LogRecord("libp2p.host", logging.ERROR, "", 0, text, (7,), None)


def test_a_burst_passes_and_then_one_line_now_and_then_that_says_what_is_missing() -> None:
    now = 0.0
    limit = RateLimit(rate=1, burst=3, clock=lambda: now)
    assert [limit.filter(line()) for _ in range(10)] == [True] * 3 + [False] * 7
    now = 1.0
    passed = line()
    assert limit.filter(passed)
    assert passed.getMessage() == "failed 7 (and 7 lines left out)"


@pytest.fixture
def unheard() -> Iterator[None]:
    """libp2p's logger as a new process has it: earlier tests have used up the filter's burst."""
    logger = logging.getLogger("libp2p")
    before, logger.handlers = logger.handlers, []
    yield
    logger.handlers = before


@pytest.mark.usefixtures("unheard")
def test_libp2p_is_heard_softly() -> None:
    quieten_libp2p()
    quieten_libp2p()
    heard: list[logging.LogRecord] = []
    ear = logging.Handler()
    ear.emit = heard.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(ear)
    try:
        for _ in range(500):
            logging.getLogger("libp2p.host.basic_host").error("Failed to open stream")
            logging.getLogger("libp2p.host.basic_host").info("all is well")
    finally:
        logging.getLogger().removeHandler(ear)
    assert 0 < len(heard) <= limits.LOG_BURST_COUNT + 1
    assert {one.levelno for one in heard} == {logging.ERROR}
