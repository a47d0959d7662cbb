"""Has a photo made fit for a listing, in a process of its own (`child`).

Rules: one photo at a time, in bounded time; what the process answers is looked at like a stranger's
bytes. The process ends with its photo: the node's memory does not grow by a decoder.
"""

# pyright: reportUnknownMemberType=false
# The stubs of trio that come with libp2p do not know their own types.

import subprocess
import sys
from dataclasses import dataclass
from typing import Final

import msgspec
import trio

from node.protocol import picture
from node.protocol.crypto import sha256
from node.protocol.errors import LocalFault
from node.protocol.limits import (
    PICTURE_FILE_MAX_BYTES,
    PICTURE_INPUT_MAX_BYTES,
    PICTURE_MAKING_MAX_S,
    PICTURE_SIDE_MAX_PIXELS,
)
from node.protocol.market import PictureFile
from node.services.photos.child import OK, Answer

# -P: never a package that happens to lie in the current folder.
PROGRAM: Final = (
    sys.executable,
    "-P",
    "-c",
    "from node.services.photos.child import main; main()",
)
ANSWER_MAX_BYTES: Final = 2 * PICTURE_FILE_MAX_BYTES + 1_024
CODES: Final = frozenset({"picture-format", "picture-moving", "picture-too-large"})
FAILED: Final = "picture-failed"
_decode = msgspec.msgpack.Decoder(Answer).decode


@dataclass(frozen=True, slots=True)
class Made:
    """A picture in both sizes."""

    large: PictureFile
    small: PictureFile
    data: tuple[bytes, bytes]


class Maker:
    """Makes one picture at a time."""

    def __init__(self, program: tuple[str, ...] = PROGRAM, most_s: float = PICTURE_MAKING_MAX_S):
        self._program = program
        self._most_s = most_s
        self._turn = trio.Lock()

    async def make(self, data: bytes) -> Made:
        """Raises LocalFault picture-format, picture-moving, picture-too-large, picture-failed."""
        if len(data) > PICTURE_INPUT_MAX_BYTES:
            raise LocalFault("picture-too-large")
        if not data.startswith((picture.JPEG_START, picture.PNG_START, b"RIFF")):
            raise LocalFault("picture-format")
        async with self._turn:
            answer = await self._run(data)
        try:
            found = _decode(answer)
        except msgspec.DecodeError:
            raise LocalFault(FAILED) from None
        if found.code != OK:
            raise LocalFault(found.code if found.code in CODES else FAILED)
        return Made(_looked_at(found.large), _looked_at(found.small), (found.large, found.small))

    async def _run(self, data: bytes) -> bytes:
        """The answer of the process, empty where it gives none."""
        process = await trio.lowlevel.open_process(
            self._program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        answer = bytearray()
        try:
            with trio.move_on_after(self._most_s):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_feed, process.stdin, data)
                    while len(answer) <= ANSWER_MAX_BYTES and (
                        part := await process.stdout.receive_some()
                    ):
                        answer += part
                    nursery.cancel_scope.cancel()
        finally:
            process.kill()
            with trio.CancelScope(shield=True):  # pyright: ignore[reportCallIssue]
                await process.wait()
                await process.stdin.aclose()
                await process.stdout.aclose()
        return bytes(answer)


async def _feed(pipe: "trio.abc.SendStream", data: bytes) -> None:
    try:
        await pipe.send_all(data)
        await pipe.aclose()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # it has ended: its answer says why


def _looked_at(data: bytes) -> PictureFile:
    found = picture.look(data)
    if (
        found is None
        or len(data) > PICTURE_FILE_MAX_BYTES
        or max(found.width, found.height) > PICTURE_SIDE_MAX_PIXELS
    ):
        raise LocalFault(FAILED)
    return PictureFile(sha256(data), found.media, len(data), found.width, found.height)
