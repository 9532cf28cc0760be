"""`train`: a new folder or a run to resume, and never anything else."""

import json
import os

import pytest

from apps.shared.commands import main
from tests.apps.shared.tiny_tasks import ReverseTask
from training.fit import Interrupted


class Recorder(ReverseTask):
    """Trains nothing; remembers what it was told, and then does what the test asks."""

    def __init__(self, then=None):
        self.then, self.recipe, self.options = then, None, None

    def train(self, recipe, options):
        self.recipe, self.options = recipe, options
        if self.then:
            self.then(options)
        return options.output


def train(task, *words):
    return main(task, ["train", *map(str, words)])


def begun(options):
    (options.output / "run" / "last.npz").write_bytes(b"")


def stop(reason):
    def then(options):
        begun(options)
        raise Interrupted(reason, 1, 2)

    return then


def test_flags_change_the_named_recipe_and_the_rest_stays(tmp_path, capsys):
    task = Recorder()
    assert train(task, "--output", tmp_path / "run1", "--recipe", "tiny", "--epochs", "3", "--seed", "7", "--jit") == 0
    assert (task.recipe.epochs, task.recipe.learning_rate) == (3, 1e-2)
    assert (task.options.seed, task.options.jit) == (7, True)
    assert capsys.readouterr().out == f"{tmp_path / 'run1'}\n"


def test_the_corpora_come_from_the_environment_or_the_flag(tmp_path, monkeypatch):
    monkeypatch.setenv("CARROUSEL_DATA", "/corpora")
    task = Recorder()
    train(task, "--output", tmp_path / "a")
    assert str(task.options.data_dir) == "/corpora"
    train(task, "--output", tmp_path / "b", "--data-dir", "elsewhere")
    assert str(task.options.data_dir) == "elsewhere"


def test_seed_and_precision_are_set_before_training_and_the_precision_is_put_back(tmp_path):
    import keras
    import numpy as np

    drawn = []

    def look(_):
        drawn.append((keras.config.dtype_policy().name, np.random.random()))

    for name in ("a", "b"):
        train(Recorder(look), "--output", tmp_path / name, "--precision", "mixed_bfloat16", "--seed", 5)
    assert drawn[0][0] == "mixed_bfloat16" and drawn[0] == drawn[1]
    assert keras.config.dtype_policy().name == "float32"


def test_a_run_is_not_begun_twice_but_resumed_with_its_recipe_and_seed(tmp_path, capsys):
    output = tmp_path / "run1"
    assert train(Recorder(begun), "--output", output, "--dropout", "0.4", "--seed", "7") == 0
    assert train(Recorder(), "--output", output) == 2
    assert "holds a training run. Add --resume" in capsys.readouterr().err
    task = Recorder()
    assert train(task, "--output", output, "--resume") == 0
    assert (task.recipe.dropout, task.options.seed) == (0.4, 7)


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [("--dropout", "0.1", "began with --dropout 0.4, not 0.1"), ("--seed", "8", "began with --seed 7, not 8")],
)
def test_a_resumed_run_keeps_what_its_numbers_depend_on(tmp_path, capsys, flag, value, message):
    train(Recorder(begun), "--output", tmp_path, "--dropout", "0.4", "--seed", "7")
    assert train(Recorder(), "--output", tmp_path, "--resume", flag, value) == 2
    assert message in capsys.readouterr().err


def test_a_resumed_run_may_be_made_longer(tmp_path):
    train(Recorder(begun), "--output", tmp_path, "--epochs", "2")
    task = Recorder()
    assert train(task, "--output", tmp_path, "--resume", "--epochs", "5") == 0
    assert task.recipe.epochs == 5


def test_there_must_be_a_run_to_resume(tmp_path, capsys):
    assert train(Recorder(), "--output", tmp_path / "none", "--resume") == 2
    assert "There is no training run" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("precious")
    assert train(Recorder(), "--output", tmp_path) == 2
    assert "is not empty and holds no training run" in capsys.readouterr().err
    assert train(Recorder(), "--output", tmp_path / "thesis.txt") == 2
    assert os.listdir(tmp_path) == ["thesis.txt"]


def test_a_run_of_another_task_is_refused(tmp_path, capsys):
    train(Recorder(begun), "--output", tmp_path)
    settings = tmp_path / "run" / "settings.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "task": "translation"}))
    assert train(Recorder(), "--output", tmp_path, "--resume") == 2
    assert "trains another task" in capsys.readouterr().err


def test_a_run_with_a_broken_recipe_says_so(tmp_path, capsys):
    train(Recorder(begun), "--output", tmp_path)
    (tmp_path / "run" / "recipe.json").write_text('{"epochs": 3, "attention_heads": 8}')
    assert train(Recorder(), "--output", tmp_path, "--resume") == 2
    assert "unknown field 'attention_heads'" in capsys.readouterr().err


def test_data_that_is_missing_leaves_no_half_begun_run(tmp_path, capsys):
    assert train(ReverseTask(), "--output", tmp_path / "r", "--digits-file", tmp_path / "none.txt") == 2
    assert "none.txt" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_the_line_that_is_not_utf8_is_named(tmp_path, capsys):
    (tmp_path / "digits.txt").write_bytes(b"1 2\n\xe9 3\n")
    assert train(ReverseTask(), "--output", tmp_path / "r", "--digits-file", tmp_path / "digits.txt") == 2
    assert "digits.txt, line 2: not UTF-8" in capsys.readouterr().err


def test_the_time_limit_ends_well_and_says_how_to_go_on(tmp_path, capsys):
    assert train(Recorder(stop("time limit")), "--output", tmp_path / "r") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert f"python -m apps.reverse train --output {tmp_path / 'r'} --resume" in said.err


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(tmp_path, capsys):
    assert train(Recorder(stop("interrupt")), "--output", tmp_path / "r") == 130
    assert "the work is saved. Go on with: python -m apps.reverse train" in capsys.readouterr().err


def test_ctrl_c_before_anything_was_trained_leaves_nothing(tmp_path, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    assert train(Recorder(interrupted), "--output", tmp_path / "r") == 130
    assert "nothing is left of it" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_the_real_thing_learns_to_reverse_and_keeps_its_run(reverse_model):
    assert json.loads((reverse_model / "recipe.json").read_text())["units"] == 48
    assert (reverse_model / "run" / "history.csv").is_file()
    assert json.loads((reverse_model / "run" / "settings.json").read_text())["seed"] == 1


def test_a_run_that_is_interrupted_while_it_begins_leaves_nothing(tmp_path, monkeypatch, capsys):
    from apps.shared import runs

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "_write", interrupted)
    assert train(Recorder(), "--output", tmp_path / "run") == 130
    assert "nothing is left of it" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_reads_the_files_that_it_began_with(tmp_path, monkeypatch):
    task = Recorder(begun)
    monkeypatch.chdir(tmp_path)
    assert train(task, "--output", "r", "--data-dir", "corpora") == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert train(task, "--output", tmp_path / "r", "--resume") == 0
    assert task.options.data_dir == tmp_path / "corpora"
    assert train(task, "--output", tmp_path / "r", "--resume", "--data-dir", "moved") == 0
    assert str(task.options.data_dir) == "moved"


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_generator_takes_is_refused_before_anything_is_made(tmp_path, capsys, seed):
    assert train(Recorder(), "--output", tmp_path / "r", "--seed", seed) == 2
    assert "--seed must be between 0 and 4,294,967,295" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []
