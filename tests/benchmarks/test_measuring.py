"""What the speed benchmarks share."""

import os
import subprocess
import sys

import pytest

COUNT = "import os; print(len(os.sched_getaffinity(0)))"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_processes_started_after_unpin_have_all_cores():
    script = f"""
import os, subprocess, sys
from benchmarks import measuring
measuring.set_threads(1)
pinned = subprocess.check_output([sys.executable, "-c", {COUNT!r}])
measuring.unpin()
print(int(pinned), int(subprocess.check_output([sys.executable, "-c", {COUNT!r}])), len(measuring.CORES))
"""
    pinned, free, cores = map(int, subprocess.check_output([sys.executable, "-c", script]).split())
    assert (pinned, free) == (1, cores)
    assert cores > 1
