"""The backup container: any content comes back, any change is noticed, memory stays flat."""

import hashlib
import io
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from node.protocol.limits import BACKUP_SEGMENT_BYTES
from node.wallet import backup
from node.wallet.backup import HEADER_SIZE_BYTES, SEALED_SEGMENT_BYTES, read_backup, write_backup
from node.wallet.errors import Problem, WalletError
from node.wallet.passphrase import SALT_SIZE_BYTES, WORD_BACKUP, derive_key
from tests.wallet.conftest import CHEAP

SEGMENT = BACKUP_SEGMENT_BYTES
SIZES = [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 3 * SEGMENT + 5]


def content_of(size: int) -> bytes:
    return hashlib.shake_128(b"content").digest(size)


def sealed(content: bytes, passphrase: str = "x") -> bytes:
    file = io.BytesIO()
    write_backup(file, passphrase, [content], cost=CHEAP)
    return file.getvalue()


def opened(data: bytes, passphrase: str = "x") -> bytes:
    return b"".join(read_backup(io.BytesIO(data), passphrase))


def code_of_opening(data: bytes, passphrase: str = "x") -> str:
    with pytest.raises(WalletError) as caught:
        opened(data, passphrase)
    return caught.value.code


def segments_of(data: bytes) -> list[bytes]:
    body = data[HEADER_SIZE_BYTES:]
    starts = range(0, len(body), SEALED_SEGMENT_BYTES)
    return [body[start : start + SEALED_SEGMENT_BYTES] for start in starts]


@pytest.mark.parametrize("size", SIZES)
def test_content_of_any_size_comes_back(size: int) -> None:
    content = content_of(size)
    data = sealed(content)
    assert opened(data) == content
    segments = max(1, -(-size // SEGMENT))
    assert len(data) == HEADER_SIZE_BYTES + size + segments * backup.TAG_SIZE_BYTES


@settings(max_examples=30)
@given(st.lists(st.integers(0, 2 * SEGMENT + 3), max_size=4))
def test_how_the_content_was_cut_into_chunks_does_not_matter(sizes: list[int]) -> None:
    content = content_of(sum(sizes))
    file, position, chunks = io.BytesIO(), 0, list[bytes]()
    for size in sizes:
        chunks.append(content[position : position + size])
        position += size
    write_backup(file, "x", chunks, cost=CHEAP)
    file.seek(0)
    pieces = list(read_backup(file, "x"))
    assert b"".join(pieces) == content
    assert len(file.getvalue()) == len(sealed(content))
    assert max(map(len, pieces)) <= SEGMENT


class Trickle(io.RawIOBase):
    """A file that gives a few bytes at a time, as pipes do."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(min(size, 1000))


def test_a_pipe_is_read_like_a_file() -> None:
    content = content_of(2 * SEGMENT + 7)
    assert b"".join(read_backup(Trickle(sealed(content)), "x")) == content  # pyright: ignore


def test_a_wrong_passphrase_is_told_at_once_and_not_called_damage() -> None:
    data = sealed(content_of(10), "right")
    with pytest.raises(WalletError) as caught:
        read_backup(io.BytesIO(data), "wrong")
    assert caught.value.code == Problem.PASSWORD_WRONG
    with pytest.raises(WalletError) as caught:
        write_backup(io.BytesIO(), "", [], cost=CHEAP)
    assert caught.value.code == Problem.PASSWORD_EMPTY


def test_every_flipped_bit_of_the_header_is_refused_before_the_content() -> None:
    data = sealed(b"content")
    for position in range(HEADER_SIZE_BYTES):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[position] ^= 1 << bit
            with pytest.raises(WalletError) as caught:
                read_backup(io.BytesIO(bytes(flipped)), "x")
            in_family = position < len(backup.FAMILY)
            in_version = not in_family and position < len(backup.MAGIC)
            expected = Problem.BACKUP_NEWER if in_version else Problem.BACKUP_DAMAGED
            assert caught.value.code == (Problem.BACKUP_NOT if in_family else expected)


@given(st.data())
def test_every_flipped_bit_of_the_content_is_noticed(data: st.DataObject) -> None:
    whole = bytearray(LONG)
    position = data.draw(st.integers(HEADER_SIZE_BYTES, len(whole) - 1))
    whole[position] ^= 1 << data.draw(st.integers(0, 7))
    assert code_of_opening(bytes(whole)) == Problem.BACKUP_DAMAGED


LONG = sealed(content_of(2 * SEGMENT + 9))


@given(st.integers(0, len(LONG) - 1))
def test_a_backup_cut_off_anywhere_is_noticed(size: int) -> None:
    code = code_of_opening(LONG[:size])
    assert code == (Problem.BACKUP_NOT if size < len(backup.FAMILY) else Problem.BACKUP_DAMAGED)


@pytest.mark.parametrize("segments", range(3))
def test_a_backup_cut_off_between_segments_is_noticed(segments: int) -> None:
    cut = LONG[: HEADER_SIZE_BYTES + segments * SEALED_SEGMENT_BYTES]
    assert code_of_opening(cut) == Problem.BACKUP_DAMAGED


@pytest.mark.parametrize("size", range(HEADER_SIZE_BYTES))
def test_a_cut_header_is_noticed(size: int) -> None:
    code = code_of_opening(LONG[:size])
    assert code == (Problem.BACKUP_NOT if size < len(backup.FAMILY) else Problem.BACKUP_DAMAGED)


@pytest.mark.parametrize("order", [[1, 0, 2], [0, 0, 1, 2], [0, 2], [1, 2], [0, 1, 2, 2], [2]])
def test_segments_moved_repeated_or_left_out_are_noticed(order: list[int]) -> None:
    segments = segments_of(LONG)
    assert len(segments) == 3
    changed = LONG[:HEADER_SIZE_BYTES] + b"".join(segments[index] for index in order)
    assert code_of_opening(changed) == Problem.BACKUP_DAMAGED


def test_segments_of_another_backup_do_not_fit() -> None:
    other = sealed(content_of(2 * SEGMENT + 9))
    assert code_of_opening(LONG[:HEADER_SIZE_BYTES] + other[HEADER_SIZE_BYTES:]) == (
        Problem.BACKUP_DAMAGED
    )


@pytest.mark.parametrize("size", [5, SEGMENT])
def test_anything_after_the_end_is_refused(size: int) -> None:
    assert code_of_opening(sealed(content_of(size)) + b"\0") == Problem.BACKUP_DAMAGED


def test_an_empty_last_segment_after_others_is_refused() -> None:
    data = sealed(content_of(SEGMENT))
    salt_end = backup.NAMED_SIZE_BYTES
    salt = data[salt_end - SALT_SIZE_BYTES : salt_end]
    cipher = ChaCha20Poly1305(derive_key(WORD_BACKUP, "x", salt, CHEAP))
    first = cipher.encrypt(bytes(12), content_of(SEGMENT), None)
    last = cipher.encrypt((1).to_bytes(11, "big") + b"\1", b"", None)
    assert code_of_opening(data[:HEADER_SIZE_BYTES] + first + last) == Problem.BACKUP_DAMAGED


@pytest.mark.parametrize("cost", [(2**31, 1, 1), (8, 2**31, 1), (8, 1, 0), (8, 0, 1), (8, 1, 2)])
def test_a_cost_beyond_the_limits_is_refused_before_it_is_paid(cost: tuple[int, int, int]) -> None:
    header = backup.MAGIC + struct.pack(">III", *cost) + bytes(32)
    data = header + hashlib.sha256(header).digest()
    assert len(data) == HEADER_SIZE_BYTES
    assert code_of_opening(data) == Problem.BACKUP_DAMAGED


def test_other_files_are_told_apart_from_backups() -> None:
    assert code_of_opening(b"PK\3\4" + bytes(200)) == Problem.BACKUP_NOT
    assert code_of_opening(b"wetalk backup 2\n" + bytes(200)) == Problem.BACKUP_NEWER


def test_a_backup_shows_neither_content_nor_the_same_bytes_twice() -> None:
    content = b"words of a member " * 10
    first, second = sealed(content), sealed(content)
    assert b"member" not in first
    start = len(backup.MAGIC) + backup.COST_LAYOUT.size
    assert first[start:] != second[start:]


def test_memory_stays_flat_however_long_the_content(tmp_path: Path) -> None:
    chunk, count = bytes(1_000_000), 16

    def chunks() -> Iterator[bytes]:
        for _ in range(count):
            yield chunk

    tracemalloc.start()
    try:
        with (tmp_path / "backup").open("wb") as file:
            write_backup(file, "x", chunks(), cost=CHEAP)
        with (tmp_path / "backup").open("rb") as file:
            total = sum(len(piece) for piece in read_backup(file, "x"))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == len(chunk) * count
    assert peak_bytes < 12 * SEGMENT
