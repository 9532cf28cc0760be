"""`python -m apps` lists the applications, at once."""

import subprocess
import sys
from pathlib import Path

from apps.__main__ import applications

ROOT = Path(__file__).resolve().parents[2]


def test_every_application_with_commands_is_listed_with_what_it_is():
    ended = subprocess.run([sys.executable, "-m", "apps"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    for folder in (ROOT / "apps").iterdir():
        if (folder / "__main__.py").exists():
            assert f"python -m apps.{folder.name} " in ended.stdout
    assert all(applications().values()), "an application's __init__.py has no docstring"
