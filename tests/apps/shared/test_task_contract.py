"""What every task must do, the applications' own and the tiny ones of the tests alike."""

import ast
import dataclasses
import importlib
import inspect
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from apps.shared import recipes
from apps.shared.commands import commands_of, main
from apps.shared.options import EvaluateOptions, RunOptions
from apps.shared.task import Task
from models.decoding.options import SearchOptions
from tests.apps.shared.tiny_tasks import CountTask, ReverseTask
from training.recipe import TrainingRecipe

ROOT = Path(__file__).resolve().parents[3]


def applications() -> list[type[Task]]:
    """The task of every application that has one."""
    found = []
    for path in sorted((ROOT / "apps").glob("*/task.py")):
        if path.parent.name != "shared":
            module = importlib.import_module(f"apps.{path.parent.name}.task")
            found += [
                value
                for value in vars(module).values()
                if inspect.isclass(value) and issubclass(value, Task) and value.__module__ == module.__name__
            ]
    return found


TASKS = [ReverseTask, CountTask, *applications()]
every_task = pytest.mark.parametrize("task_class", TASKS, ids=lambda task_class: task_class.__name__)


@every_task
def test_a_task_is_whole(task_class):
    task = task_class()
    assert task.name and task.does and not task.does.endswith(".")
    assert issubclass(task.recipe_class, TrainingRecipe)
    assert issubclass(task.options_class, RunOptions) and issubclass(task.evaluate_options_class, EvaluateOptions)
    assert task.splits
    assert [task.speaks, task.classifies, task.tags].count(True) <= 1
    assert isinstance(task.default_search(), SearchOptions)


@pytest.mark.parametrize("task_class", applications(), ids=lambda task_class: task_class.__name__)
def test_an_application_is_called_like_its_folder(task_class):
    assert task_class.__module__ == f"apps.{task_class.name}.task"


@every_task
def test_its_recipes_are_frozen_and_survive_json(task_class):
    for name, recipe in {"": task_class.recipe_class(), **task_class.recipes}.items():
        assert isinstance(recipe, task_class.recipe_class), name
        stored = json.loads(json.dumps(recipes.to_json(recipe)))
        assert recipes.from_json(task_class.recipe_class, stored) == recipe
        with pytest.raises(dataclasses.FrozenInstanceError):
            recipe.epochs = 1
    assert not task_class.default_recipe or task_class.default_recipe in task_class.recipes


@every_task
def test_no_recipe_field_has_the_name_of_an_option(task_class):
    fields = [
        {field.name for field in dataclasses.fields(kind)}
        for kind in (task_class.recipe_class, task_class.options_class)
    ]
    assert not fields[0] & fields[1]
    searching = [
        {field.name for field in dataclasses.fields(kind)}
        for kind in (task_class.evaluate_options_class, SearchOptions)
    ]
    assert not searching[0] & searching[1]


@every_task
def test_every_field_is_a_flag(task_class, capsys):
    assert main(task_class(), ["train", "--help"]) == 0
    shown = capsys.readouterr().out
    for kind in (task_class.recipe_class, task_class.options_class):
        for field in dataclasses.fields(kind):
            assert f"--{field.name.replace('_', '-')}" in shown


@every_task
def test_every_flag_is_explained(task_class):
    for kind in (task_class.recipe_class, task_class.options_class, task_class.evaluate_options_class):
        explained = set().union(*(explained_fields(base) for base in kind.__mro__ if dataclasses.is_dataclass(base)))
        assert {field.name for field in dataclasses.fields(kind)} <= explained


def explained_fields(kind):
    """The fields of a dataclass that have a docstring below them."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body
    pairs = zip(body, body[1:], strict=False)
    return {
        field.target.id
        for field, below in pairs
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
    }


@every_task
def test_help_shows_the_flags_that_fit(task_class, capsys):
    task = task_class()
    main(task, ["predict", "--help"])
    shown = capsys.readouterr().out
    assert f"--{task.input_kind} " in shown
    assert ("--beam-size" in shown) == task.speaks
    main(task, ["--help"])
    assert ("export" in capsys.readouterr().out) == task.exports


@every_task
def test_help_needs_nothing_heavy(task_class):
    words = [[], *[[name, "--help"] for name in commands_of(task_class())]]
    program = f"""
import sys
from apps.shared.commands import main
from {task_class.__module__} import {task_class.__name__} as Task
for words in {words}:
    main(Task(), words)
heavy = {{"keras", "tensorflow", "streamlit", "jax"}} & set(sys.modules)
sys.exit(f"imported: {{heavy}}" if heavy else 0)
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@every_task
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Name a command: train, evaluate, predict"),
        (["dance"], "Unknown command 'dance'"),
        (["train"], "Missing: --output. See: python -m apps."),
        (["train", "--output", "x", "--epochs", "many"], "--epochs"),
        (["train", "--output", "x", "--epochs", "0"], "epochs must be at least 1, got 0."),
        (["train", "--output", "x", "--recipe", "nonesuch"], "'nonesuch'"),
        (["train", "--output", "x", "--speed", "9"], "--speed"),
        (["predict"], "Give one input with --"),
        (["predict", "--input", "no such file"], "no such file"),
        (["evaluate", "--model", "no-such-model"], "No model 'no-such-model' for"),
    ],
)
def test_what_cannot_start_ends_with_2_and_one_line(task_class, words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "nonesuch" in words and not task_class.recipes:
        message = "No recipe 'nonesuch'"
    assert main(task_class(), words) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1 and not set("│─╭") & set(said.err) and "---" not in said.err
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []
