"""What pages keep is bounded: a server that runs for weeks holds no more than one that ran for an hour."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def caches():
    """Every function with arguments that Streamlit keeps the results of: its place, and the settings of its cache."""
    for path in sorted((ROOT / "apps").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef) or not node.args.args:
                continue  # without arguments there is one entry
            for decorator in node.decorator_list:
                call = decorator.func if isinstance(decorator, ast.Call) else decorator
                if ast.unparse(call) in ("st.cache_resource", "st.cache_data"):
                    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
                    yield f"{path.relative_to(ROOT)}:{node.name}", {word.arg for word in keywords}


def test_there_are_caches_to_check():
    assert len(list(caches())) > 10


@pytest.mark.parametrize("place, settings", list(caches()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_cache_has_a_most(place, settings):
    assert "max_entries" in settings
