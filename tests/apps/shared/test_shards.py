"""A folder in shards: what belongs together, what is done, and that a shard's files appear whole, the answers last."""

import json
from pathlib import Path

import pytest

from apps.shared import shards
from apps.shared.commands import main
from apps.shared.errors import UserError
from apps.shared.predictor import Predictor, Result
from tests.apps.shared.tiny_tasks import ReverseTask


class Said(Result):
    def to_line(self):
        return self.input.upper()


class Shouter(Predictor):
    """Says everything louder, and takes no digits."""

    at_once = 2

    def read(self, item):
        if any(letter.isdigit() for letter in str(item)):
            raise ValueError("No digits.")
        return item or None, ()

    def answer(self, values, search=None):
        return [Said(input="") for _ in values]

    def empty(self):
        return Said(input="")


class Broken(Shouter):
    def answer(self, values, search=None):
        raise OSError("the disk went away")


@pytest.fixture
def texts(tmp_path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "b.txt").write_text("one\n2\n\nthree\n")
    (folder / "a.txt").write_text("four\n")
    (folder / "empty.txt").write_text("")
    (folder / ".hidden").write_text("x\n")
    return folder


@pytest.fixture
def output(tmp_path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_a_shard_of_texts_is_a_file(texts):
    assert [(shard.name, shard.size) for shard in shards.find(texts, "text", 3)] == [
        ("a.txt", 5),
        ("b.txt", 13),
        ("empty.txt", 0),
    ]


def test_photos_come_together_by_name(tmp_path):
    for number in range(7):
        (tmp_path / f"{number}.jpg").write_bytes(b"x" * number)
    found = shards.find(tmp_path, "image", 3)
    assert [shard.name for shard in found] == ["part-00000", "part-00001", "part-00002"]
    assert [[Path(path).name for path in shard.inputs] for shard in found][2] == ["6.jpg"]
    assert [shard.size for shard in found] == [3, 12, 6]


@pytest.mark.parametrize("kind", ["text", "image"])
def test_a_folder_without_inputs_is_told_so(tmp_path, kind):
    with pytest.raises(UserError):
        shards.find(tmp_path, kind, 3)
    with pytest.raises(UserError, match="no folder"):
        shards.find(tmp_path / "missing", kind, 3)


def test_a_shard_gives_its_lines_and_its_errors_beside_them(texts, output):
    for shard in shards.find(texts, "text", 3):
        assert not shards.is_done(output, shard, False, "text")
        shards.answer(Shouter(), shard, "text", None, False, output)
        assert shards.is_done(output, shard, False, "text")
    assert sorted(path.name for path in output.iterdir()) == ["a.txt", "b.txt", "b.txt.errors.jsonl", "empty.txt"]
    assert (output / "b.txt").read_text() == "ONE\n\n\nTHREE\n" and (output / "empty.txt").read_text() == ""
    assert json.loads((output / "b.txt.errors.jsonl").read_text()) == {
        "place": "line 2",
        "input": "2",
        "error": "No digits.",
    }
    found = shards.find(texts, "text", 3)
    assert [shards.count_failed(output, shard) for shard in found] == [0, 1, 0]
    assert [shards.count_answers(output, shard, False, "text") for shard in found] == [1, 4, 0]


def test_a_shard_that_breaks_off_leaves_nothing(texts, output):
    shard = shards.find(texts, "text", 3)[1]
    with pytest.raises(OSError, match="went away"):
        shards.answer(Broken(), shard, "text", None, False, output)
    assert list(output.iterdir()) == []


def test_doing_a_shard_again_gives_the_same_and_old_errors_go(texts, output):
    shard = shards.find(texts, "text", 3)[0]
    (output / "a.txt.errors.jsonl").write_text("of a worker that died between its two files\n")
    for _ in range(2):
        shards.answer(Shouter(), shard, "text", None, False, output)
        assert [path.name for path in output.iterdir()] == ["a.txt"]
        assert (output / "a.txt").read_text() == "FOUR\n"


def test_json_lines_have_a_name_of_their_own(texts, output):
    shard = shards.find(texts, "text", 3)[0]
    shards.answer(Shouter(), shard, "text", None, True, output)
    assert json.loads((output / "a.txt.jsonl").read_text()) == {"input": "four"}


def test_a_run_goes_on_only_with_the_same_model_search_and_inputs(texts, tmp_path):
    folder, settings = tmp_path / "new" / "out", {"task": "shout", "model": "1", "search": {"beam_size": 2}}
    found = shards.find(texts, "text", 3)
    shards.begin(folder, settings, found)
    shards.begin(folder, settings, found)
    for differs, other in (("model", {**settings, "model": "2"}), ("search", {**settings, "search": None})):
        with pytest.raises(UserError, match=f"differs in: {differs} "):
            shards.begin(folder, other, found)
    (texts / "a.txt").write_text("changed\n")
    with pytest.raises(UserError, match="differs in: inputs"):
        shards.begin(folder, settings, shards.find(texts, "text", 3))


def test_a_folder_with_something_else_is_left_alone(texts, output):
    (output / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is no run"):
        shards.begin(output, {}, shards.find(texts, "text", 3))
    assert [path.name for path in output.iterdir()] == ["mine.txt"]


def test_what_a_killed_worker_left_is_removed(output):
    (output / ".a.txt.123.partial").write_text("half")
    (output / "a.txt").write_text("whole")
    shards.tidy(output)
    assert [path.name for path in output.iterdir()] == ["a.txt"]


def ray(*words):
    return main(ReverseTask(), ["predict", "--engine", "ray", *map(str, words)])


def test_without_ray_one_line_names_the_command(texts, tmp_path, monkeypatch, capsys):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert ray("--model", "x", "--input", texts, "--output", tmp_path / "new") == 2
    assert capsys.readouterr().err == "Ray is not installed: pip install -r requirements-scale.txt\n"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--text", "1 2"], "--text is one input"),
        (["--output", "new"], "many with --input"),
        (["--input", "-", "--output", "new"], "name it with --input"),
        (["--input", "IN"], "name it with --output"),
        (["--input", "IN", "--output", "IN"], "same folder"),
        (["--input", "IN", "--output", "new", "--workers", "0"], "at least 1"),
    ],
)
def test_flags_that_do_not_fit_the_engine_are_refused(texts, words, said, capsys):
    assert ray(*[texts if word == "IN" else word for word in words], "--model", "x") == 2
    assert said in capsys.readouterr().err
