"""What a long-running process asks of the interpreter, and of the C library below it.

Fewer collections and quicker turns. Measured on an import of 50,000 records: looking for cycles
after every 700 new objects, the interpreter's habit, took 15 µs of 160 a record, though records
make none; and a thread that comes back from C (a signature, a commit) waits up to 5 ms for its turn
while another one runs.

One heap for all threads, and what is free in it given back. GNU's C library, left alone, makes a
heap for each thread and keeps what was freed in all of them: 2 MiB of an idle node, 16 MiB of the
same import. Since Python's threads take turns anyway, they hardly ever wait for the heap.
"""

import gc
import sys
from typing import Any, Final

YOUNG_OBJECTS_COUNT: Final = 10_000  # made before the next look: a megabyte or two
TURN_S: Final = 0.001
_ARENA_MAX: Final = -8  # M_ARENA_MAX of malloc.h


def settle() -> None:
    """Collections and turns of this process."""
    gc.set_threshold(YOUNG_OBJECTS_COUNT, 20, 100)
    sys.setswitchinterval(TURN_S)


def share_one_heap() -> None:
    """Have all threads that begin from now on take their memory from one heap."""
    mallopt = _of_the_c_library("mallopt")
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Return memory that is free to the system. Some milliseconds."""
    trim = _of_the_c_library("malloc_trim")
    if trim is not None:
        trim(0)


def _of_the_c_library(name: str) -> Any:
    import ctypes  # a command that only asks the running node needs none of this

    return getattr(ctypes.CDLL(None), name, None)
