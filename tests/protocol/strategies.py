"""What the property tests of the protocol draw from: values, bodies of every kind, broken bytes."""

from typing import Any

from hypothesis import strategies as st

from node.protocol import codec
from node.protocol.limits import KEY_SIZE_MAX_BYTES, NESTING_MAX_LEVELS
from node.protocol.record import KINDS
from tests.vectors.bodies import EXAMPLES

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(max_size=40)
    | st.binary(max_size=40)
)
keys = st.text(max_size=8).filter(lambda key: len(key.encode()) <= KEY_SIZE_MAX_BYTES)


def depth_of(value: Any) -> int:
    """Containers inside one another."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(keys, inner, max_size=20),
    max_leaves=30,
).filter(lambda value: depth_of(value) <= NESTING_MAX_LEVELS)

kinds = st.sampled_from(
    [(lane, kind, shape) for lane, found in KINDS.items() for kind, shape in found.items()]
)
bodies = st.sampled_from([codec.encode(body) for body in EXAMPLES.values()])


@st.composite
def mutated(draw: st.DrawFn, source: st.SearchStrategy[bytes]) -> bytes:
    """Bytes of a source with a few bytes changed, taken out, put in, or doubled."""
    data = bytearray(draw(source))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.integers(0, 3)):
            case 0 if data:
                data[place] = draw(st.integers(0, 255))
            case 1 if data:
                del data[place : place + draw(st.integers(1, 8))]
            case 2:
                data[place:place] = draw(st.binary(min_size=1, max_size=8))
            case _:
                data += data[place : place + draw(st.integers(1, 40))]
    return bytes(data)
