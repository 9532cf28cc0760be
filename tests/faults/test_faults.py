"""Commands that are killed, interrupted, or run out of disk, at random moments."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")]


def strike(what: str, folder: Path, count: int = 0, seed: int = 1) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.strikes", what, str(folder), str(count), str(seed)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        timeout=1500,
    )
    assert done.returncode == 0
    return json.loads(done.stdout)


def test_a_training_that_is_killed_fifty_times_ends_as_one_that_never_was(tmp_path):
    found = strike("kills", tmp_path, count=50)
    assert not found["failed"], (tmp_path / "log.txt").read_text()[-2000:]
    assert found["kills"] >= 50 and found["in_steps"] >= 25 and found["runs"] >= 1
    assert found["same"]
    assert not found["left"], "half-written files of killed processes stay behind"


def test_ctrl_c_at_any_moment_of_any_command_leaves_nothing_half_done(tmp_path):
    found = strike("interrupts", tmp_path, count=6)
    codes = [code for some in found["codes"].values() for code in some]
    assert set(codes) <= {0, 130} and codes.count(130) >= 8
    assert not found["tracebacks"], (tmp_path / "log.txt").read_text()[-2000:]
    assert not found["half"]
    assert set(found["resumed"]) == {0}


def test_a_full_disk_and_a_folder_that_cannot_be_written_are_said_in_a_line_and_leave_nothing(tmp_path):
    for name, one in strike("full_disk", tmp_path).items():
        assert one["code"] in (1, 2), (name, one)
        assert one["said"] and "Traceback" not in one["said"][0], (name, one)
        assert not one["left"] or name == "train, full", (name, one)  # there the run's beginning stays, to go on with
