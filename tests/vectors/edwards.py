"""Just enough arithmetic on edwards25519 to write signatures that a strict verifier must refuse.

Slow, not constant-time, and only for test vectors. Formulas: RFC 8032, section 5.1.
"""

import hashlib
from typing import Final

P: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
D: Final = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]
NEUTRAL: Final[Point] = (0, 1)


def add(a: Point, b: Point) -> Point:
    """Sum of two points in affine coordinates."""
    t = D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + t, -1, P) % P
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, P) % P
    return x, y


def times(n: int, a: Point) -> Point:
    """n times a point."""
    total = NEUTRAL
    while n:
        if n & 1:
            total = add(total, a)
        a, n = add(a, a), n >> 1
    return total


def recover(y: int, sign: int) -> Point | None:
    """The point with this y and the sign of x, or None."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P:
        return None
    return (P - x if x % 2 != sign else x) % P, y % P


def encode(a: Point) -> bytes:
    """The canonical 32 bytes of a point."""
    return (a[1] | (a[0] & 1) << 255).to_bytes(32, "little")


def _base() -> Point:
    found = recover(4 * pow(5, -1, P) % P, 0)
    assert found is not None
    return found


BASE: Final = _base()


def torsion() -> list[Point]:
    """The eight points of small order, multiples of one of order 8; the neutral one first."""
    for y in range(2, 100):
        found = recover(y, 0)
        if found is None:
            continue
        low = times(ORDER, found)
        if times(4, low) != NEUTRAL:
            return [times(n, low) for n in range(8)]
    raise AssertionError("no point of order 8 found")


def challenge(r: bytes, key: bytes, message: bytes) -> int:
    """k of RFC 8032: the hash that binds R, the key and the message, modulo the order."""
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % ORDER


def scalar(seed: bytes) -> int:
    """The secret scalar of a seed."""
    data = bytearray(hashlib.sha512(seed).digest()[:32])
    data[0] &= 248
    data[31] = data[31] & 127 | 64
    return int.from_bytes(data, "little")


def number(value: int) -> bytes:
    """A scalar as 32 bytes."""
    return value.to_bytes(32, "little")
