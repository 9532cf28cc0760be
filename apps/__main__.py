"""Lists the applications: `python -m apps`."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

APPS = Path(__file__).resolve().parent


def applications() -> dict[str, str]:
    """The applications that have commands, with what each is; read from their files, so nothing is imported."""
    found = {}
    for entry in sorted(APPS.iterdir()):
        if (entry / "__main__.py").is_file():
            tree = ast.parse((entry / "__init__.py").read_text(encoding="utf-8"))
            found[entry.name] = (ast.get_docstring(tree) or "").split("\n")[0]
    return found


def main() -> int:
    """Prints the list."""
    print("Applications:\n")
    for name, does in applications().items():
        print(f"  python -m apps.{name:<18} {does}")
    print("\nEach answers --help. The pages: streamlit run streamlit_app.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
