"""What measured processes share: waiting that ends, and no process that outlives what it is for."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import alone, processes
from bench.propagate import chain, mesh


def test_a_chain_and_a_mesh_have_their_links() -> None:
    assert chain(4) == [(1, 0), (2, 1), (3, 2)]
    for nodes, degrees in ((10, {3}), (4, {3}), (3, {2}), (7, {4})):
        edges = mesh(nodes)
        assert len(set(edges)) == len(edges)
        ends = [end for edge in edges for end in edge]
        assert {ends.count(node) for node in range(nodes)} == degrees


def test_waiting_ends() -> None:
    assert processes.until("a number", lambda: 7, 0) == 7
    with pytest.raises(TimeoutError, match="nothing"):
        processes.until("nothing", lambda: None, 0, every_s=0)


def test_what_a_process_uses_is_read() -> None:
    pid = os.getpid()
    before = processes.cpu_s(pid)
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    assert processes.cpu_s(pid) - before >= 0.03
    assert 0 < processes.resident_mib(pid) <= processes.peak_resident_mib(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_process_ends_with_the_one_that_started_it() -> None:
    child = "from bench import alone; alone.end_with_parent(); print('up', flush=True); input()"
    parent = (
        "import subprocess, sys; from bench import alone\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdin=subprocess.PIPE,"
        " stdout=subprocess.PIPE, env=alone.environment())\n"
        "child.stdout.readline(); print(child.pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=alone.environment(),
    ) as process:
        assert process.stdout is not None
        child_id = int(process.stdout.readline())
        process.kill()
        process.wait()
        processes.until("the child to end", lambda: _is_gone(child_id), 10)


def _is_gone(pid: int) -> bool:
    """True iff no process runs under this id (a dead one may wait for its parent)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state in "ZX"
