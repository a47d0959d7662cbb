"""Vectors of signatures: valid ones, and every class that the strict rule refuses (R4)."""

from collections.abc import Iterator

from tests.vectors import edwards
from tests.vectors.edwards import BASE, NEUTRAL, ORDER, P, add, challenge, encode, number, times
from tests.vectors.world import Keys, fill, seed

Case = dict[str, object]
VALID = "valid"
INVALID = "invalid"


def _case(name: str, key: bytes, message: bytes, signature: bytes, expect: str) -> Case:
    return {
        "name": name,
        "public_key": key.hex(),
        "message": message.hex(),
        "signature": signature.hex(),
        "expect": expect,
    }


def cases() -> list[Case]:
    """All cases, in a fixed order."""
    return [*_honest(), *_broken(), *_scalars(), *_small_keys(), *_small_r(), *_mixed()]


def _honest() -> Iterator[Case]:
    for name, message in (("empty", b""), ("short", b"wetalk"), ("long", b"\0" * 5000)):
        keys = Keys(f"signature {name}")
        signature = keys.secret.sign(message).signature
        yield _case(f"valid, {name} message", keys.public, message, signature, VALID)


def _broken() -> Iterator[Case]:
    keys, message = Keys("signature broken"), b"a message of some length"
    signature = keys.secret.sign(message).signature
    for place in (0, 31, 32, 63):
        for bit in (0, 7):
            flipped = bytearray(signature)
            flipped[place] ^= 1 << bit
            name = f"signature, bit {bit} of byte {place} flipped"
            yield _case(name, keys.public, message, bytes(flipped), INVALID)
    yield _case("another message", keys.public, b"A message of some length", signature, INVALID)
    yield _case("message cut", keys.public, message[:-1], signature, INVALID)
    other = Keys("signature other").public
    yield _case("key of somebody else", other, message, signature, INVALID)
    yield _case("signature cut", keys.public, message, signature[:-1], INVALID)
    yield _case("signature with a byte more", keys.public, message, signature + b"\0", INVALID)
    yield _case("no signature", keys.public, message, b"", INVALID)
    yield _case("key cut", keys.public[:-1], message, signature, INVALID)
    yield _case("key with a byte more", keys.public + b"\0", message, signature, INVALID)
    yield _case("zeros", keys.public, message, bytes(64), INVALID)
    swapped = signature[32:] + signature[:32]
    yield _case("halves swapped", keys.public, message, swapped, INVALID)


def _scalars() -> Iterator[Case]:
    keys, message = Keys("signature scalars"), b"the same signature in another form"
    signature = keys.secret.sign(message).signature
    s = int.from_bytes(signature[32:], "little")
    n = 1
    while s + n * ORDER < 2**256:
        if n in (1, 2, 7, 8, 15):
            high = signature[:32] + number(s + n * ORDER)
            yield _case(f"S + {n} L", keys.public, message, high, INVALID)
        n += 1
    yield _case("S = L", keys.public, message, signature[:32] + number(ORDER), INVALID)
    a = edwards.scalar(seed("signature scalars"))
    r = encode(times(P - 2, BASE))
    k = challenge(r, keys.public, message)
    right = ((P - 2) + k * a) % ORDER
    yield _case("R of an uncommon scalar", keys.public, message, r + number(right), VALID)


def _encodings() -> Iterator[tuple[str, bytes, edwards.Point]]:
    """Every encoding, canonical or not, of every point of small order."""
    for n, point in enumerate(edwards.torsion()):
        yield f"small order, multiple {n}", encode(point), point
        x, y = point
        if y + P < 2**255:
            high = (y + P) | (x & 1) << 255
            yield f"small order, multiple {n}, y + p", number(high), point
        if x == 0:
            yield f"small order, multiple {n}, sign of zero", number(y | 1 << 255), point
            if y + P < 2**255:
                high = (y + P) | 1 << 255
                name = f"small order, multiple {n}, y + p, sign of zero"
                yield name, number(high), point


def _small_keys() -> Iterator[Case]:
    """Keys of small order, with signatures that satisfy the equation without any secret."""
    for name, key, point in _encodings():
        r = 1234567
        for attempt in range(1000):
            message = fill(f"{name} {attempt}")
            commitment = encode(times(r, BASE))
            if times(challenge(commitment, key, message), point) == NEUTRAL:
                signature = commitment + number(r)
                yield _case(f"key of {name}", key, message, signature, INVALID)
                break


def _small_r() -> Iterator[Case]:
    """R of small order (only the neutral point fits an honest key) and R that is not canonical."""
    keys, message = Keys("signature small R"), b"R carries nothing"
    a = edwards.scalar(seed("signature small R"))
    for name, encoding, _ in _encodings():
        s = challenge(encoding, keys.public, message) * a % ORDER
        yield _case(f"R of {name}", keys.public, message, encoding + number(s), INVALID)


def _mixed() -> Iterator[Case]:
    """Keys with a part of small order: what counts is the equation without the cofactor."""
    a, r = edwards.scalar(seed("signature mixed")), 424242
    for order, low in ((8, edwards.torsion()[1]), (2, edwards.torsion()[4])):
        key = encode(add(times(a, BASE), low))
        found: dict[bool, Case] = {}
        for attempt in range(1000):
            message = fill(f"mixed {order} {attempt}")
            commitment = encode(times(r, BASE))
            k = challenge(commitment, key, message)
            exact = times(k, low) == NEUTRAL
            name = f"mixed key of order {order}, " + (
                "exact" if exact else "with the cofactor only"
            )
            signature = commitment + number((r + k * a) % ORDER)
            expect = VALID if exact else INVALID
            found.setdefault(exact, _case(name, key, message, signature, expect))
            if len(found) == 2:
                break
        yield from found.values()
        yield _mixed_r(order, low, key, a, r)


def _mixed_r(order: int, low: edwards.Point, key: bytes, a: int, r: int) -> Case:
    """R and A both mixed, so that the parts of small order cancel: R + kA = SB holds exactly."""
    for attempt in range(1000):
        message = fill(f"mixed R {order} {attempt}")
        commitment = encode(add(times(r, BASE), low))
        k = challenge(commitment, key, message)
        if add(low, times(k, low)) == NEUTRAL:
            signature = commitment + number((r + k * a) % ORDER)
            return _case(f"mixed key and R of order {order}, exact", key, message, signature, VALID)
    raise AssertionError("no message found")
