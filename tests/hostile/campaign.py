"""All attacks by name, and the processes that carry them out.

Rules: every arm is a process of its own, which learns libp2p once (a server process forks them) and
ends with the program that asked for it.
"""

import logging
import multiprocessing
import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final

import trio

from bench.alone import end_with_parent
from tests.hostile import bare, muxed, photos, talk
from tests.hostile.arm import (
    Act,
    Aim,
    Arm,
    Attack,
    Blow,
    Sort,
    come_from,
    on_line,
    source_of,
    strike,
)

ARMS_COUNT: Final = 5
FLOOD_MAX_S: Final = 2.0
FLOOD_GIVEN_S: Final = 60.0  # a machine five times slower than asked for
PRELOADED: Final = "tests.hostile.campaign"


def _flood(act: Any) -> Attack:
    return Attack(on_line(act), Sort.FLOOD, FLOOD_GIVEN_S)


def _slow(act: Any, most_s: float) -> Attack:
    return Attack(on_line(act), Sort.SLOW, most_s)


def _bare(act: Act, sort: Sort, most_s: float) -> Attack:
    return Attack(act, sort, most_s, many=True)


ATTACKS: Final[dict[str, Attack]] = {
    # on TCP and Noise
    "garbage": _bare(bare.garbage, Sort.SLOW, 20),
    "broken-noise": _bare(bare.broken_noise, Sort.SLOW, 20),
    "silent": _bare(bare.silent, Sort.SLOW, 20),
    "crowd": _bare(bare.crowd, Sort.SLOW, 60),
    "reset-storm": _bare(bare.reset_storm, Sort.BORNE, 5),
    "trickled-choice": _bare(bare.trickled_choice, Sort.SLOW, 20),
    "trickled-noise": _bare(bare.trickled_noise, Sort.SLOW, 20),
    # on Yamux, streams, identify and ping
    "ping-answers": _flood(muxed.ping_answers),
    "muxer-pings": _flood(muxed.muxer_pings),
    "window-updates": _flood(muxed.window_updates),
    "streams": _flood(muxed.streams),
    "rapid-reset": _flood(muxed.rapid_reset),
    "beyond-window": _flood(muxed.beyond_window),
    "huge-frame": _flood(muxed.huge_frame),
    "muxer-garbage": _flood(muxed.muxer_garbage),
    "half-open": _slow(muxed.half_open, 30),
    "trickled-frame": _slow(muxed.trickled_frame, 90),
    "trickled-streams": Attack(on_line(muxed.trickled_choice), Sort.BORNE, 12),
    "unknown-protocols": _flood(muxed.unknown_protocols),
    "pings": _flood(muxed.pings),
    "single-pings": _flood(muxed.single_pings),
    "protocols-named": _bare(bare.protocols_named, Sort.SLOW, 20),
    "identify": _flood(muxed.identify),
    "identify-lies": _flood(muxed.identify_lies),
    "identify-garbage": _flood(muxed.identify_garbage),
    # in gossip
    "gossip-garbage": _flood(talk.gossip_garbage),
    "oversize-gossip": _flood(talk.oversize_gossip),
    "subscriptions": _flood(talk.subscriptions),
    "wavering": _flood(talk.wavering),
    "control": _flood(talk.control),
    "unsigned": _flood(talk.unsigned),
    "repeats": _flood(talk.repeats),
    "shapeless": _flood(talk.shapeless),
    "forged": _flood(talk.forged),
    "oversize-records": _flood(talk.oversize_records),
    "strangers": _flood(talk.strangers),
    "strangers-lanes": _flood(talk.strangers_lanes),
    "member-posts": _flood(talk.member_posts),
    "trickled-gossip": _slow(talk.trickled_gossip, 40),
    # in sync
    "sync-garbage": _flood(talk.sync_garbage),
    "sync-oversize": _flood(talk.sync_oversize),
    "bomb": _flood(talk.bomb),
    "small-frames": _flood(talk.small_frames),
    "unasked-records": _flood(talk.unasked_records),
    "endless-rounds": _slow(talk.endless_rounds, 120),
    "circling-rounds": _flood(talk.circling_rounds),
    "endless-wants": _flood(talk.endless_wants),
    "never-reads": _slow(talk.never_reads, 90),
    "trickled-sync": _slow(talk.trickled_sync, 40),
    "comes-again": _flood(talk.comes_again),
    # in pictures
    "picture-questions": _flood(photos.questions),
    "no-question": _flood(photos.no_question),
    "oversize-question": _flood(photos.oversize),
    "trickled-question": _slow(photos.trickled, 40),
}


class Arms:
    """Attackers that wait to be told what to do."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._pipes = pipes

    def strike(self, names: Sequence[str]) -> None:
        """Have each arm carry out one attack."""
        for pipe, name in zip(self._pipes, names, strict=False):
            pipe.send(name)

    def blows(self, count: int) -> list[Blow]:
        """What became of it; waits. Raises EOFError when an arm has died."""
        return [pipe.recv() for pipe in self._pipes[:count]]


@contextmanager
def arms(aim: Aim, count: int = ARMS_COUNT) -> Generator[Arms]:
    """So many attackers of this node, each a process; ended afterwards."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    ends = [context.Pipe() for _ in range(count)]
    processes = [
        context.Process(target=serve, args=(aim, number, end[1]), daemon=True)
        for number, end in enumerate(ends)
    ]
    for process in processes:
        process.start()
    for _, theirs in ends:
        theirs.close()
    try:
        yield Arms([ours for ours, _ in ends])
    finally:
        for process in processes:
            process.kill()
            process.join()


def serve(aim: Aim, number: int, pipe: Connection) -> None:
    """The program of one arm."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    come_from(source_of(number))
    logging.disable()
    while True:
        try:
            name = pipe.recv()
        except EOFError:
            return
        pipe.send(trio.run(strike, Arm(number, aim), name, ATTACKS[name]))
