"""Who may import whom: the floors of the house, read from the code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = {
    "data": set(),
    "metrics": set(),
    "models": set(),
    "training": {"models"},
    "serving": {"data", "models"},
    "apps": {"data", "metrics", "models", "training", "serving"},
}
TENSORFLOW = {"tensorflow", "tensorflow_text", "tensorflow_hub", "tf_keras"}
MAY_IMPORT_TENSORFLOW = ("serving/", "models/encoders/hub.py", "models/backend.py")
HEAVY = {"keras", "streamlit", "jax", *TENSORFLOW}
# Read before the flags are: these import nothing heavy, themselves or through others.
LIGHT = ("task.py", "recipe.py", "__main__.py", "__init__.py")

MODULES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.AST, inside_functions: bool = True) -> list[tuple[int, str]]:
    """The modules that a file imports, with their lines."""
    found, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        if inside_functions or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting += ast.iter_child_nodes(node)
    return found


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


every_module = pytest.mark.parametrize("path", MODULES, ids=name_of)


def test_there_is_something_to_check():
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(FLOORS)


@every_module
def test_a_floor_imports_only_from_below(path):
    floor = path.relative_to(ROOT).parts[0]
    forbidden = {*FLOORS, "tests", "benchmarks"} - FLOORS[floor] - {floor}
    assert [(line, name) for line, name in imports(parsed(path)) if name.split(".")[0] in forbidden] == []


@every_module
def test_no_application_imports_another(path):
    floor, *inner = path.relative_to(ROOT).parts
    if floor != "apps" or len(inner) < 2:
        return
    own = {inner[0], "shared"} if inner[0] != "shared" else {"shared"}
    others = [(line, name) for line, name in imports(parsed(path)) if name.startswith("apps.")]
    assert [(line, name) for line, name in others if name.split(".")[1] not in own] == []


@every_module
def test_tensorflow_stays_in_its_rooms(path):
    if name_of(path).startswith(MAY_IMPORT_TENSORFLOW):
        return
    assert [(line, name) for line, name in imports(parsed(path)) if name.split(".")[0] in TENSORFLOW] == []


def reached_at_once(name: str, seen: set[str]) -> set[str]:
    """Everything that importing a module of ours imports right away, through others of ours, too."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        part = "/".join(parts[:length])
        for path in (ROOT / part / "__init__.py", ROOT / f"{part}.py"):
            key = name_of(path)
            if parts[0] in FLOORS and path.is_file() and key not in seen:
                seen.add(key)
                for _, imported in imports(parsed(path), inside_functions=False):
                    seen.add(imported.split(".")[0])
                    reached_at_once(imported, seen)
    return seen


LIGHT_MODULES = [
    path
    for path in MODULES
    if path.relative_to(ROOT).parts[0] == "apps"
    and (path.name in LIGHT or path.parent.name == "commands")
    and "widget" not in name_of(path)
]


@pytest.mark.parametrize("path", LIGHT_MODULES, ids=name_of)
def test_what_is_read_before_the_flags_imports_nothing_heavy(path):
    reached = reached_at_once(name_of(path).removesuffix(".py").replace("/", "."), set())
    assert name_of(path) in reached
    assert reached & HEAVY == set()


def test_the_home_page_imports_pages_and_what_they_share_alone():
    path = ROOT / "streamlit_app.py"
    if not path.exists():
        pytest.skip("there is no page yet")
    ours = [name for _, name in imports(parsed(path)) if name.split(".")[0] in FLOORS]
    assert [
        name
        for name in ours
        if name not in ("apps", "apps.home")
        and not name.startswith("apps.shared.")
        and (not name.startswith("apps.") or ".page" not in name)
    ] == []


def test_the_check_sees_what_it_should():
    late = ast.parse("import numpy\ndef f():\n    import keras\n    from tensorflow import nn\n")
    assert [name for _, name in imports(late)] != [name for _, name in imports(late, inside_functions=False)]
    assert sorted(name for _, name in imports(late)) == ["keras", "numpy", "tensorflow.nn"]
    assert [name for _, name in imports(late, inside_functions=False)] == ["numpy"]
    # Training imports Keras at the top, so what reaches it would be found.
    assert "keras" in reached_at_once("training.fit", set())
