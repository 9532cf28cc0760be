"""Model folders from strangers: nothing in them runs, and what cannot be used ends in one line and exit code 2."""

import json
import os
import pickle
from dataclasses import replace

import h5py
import numpy as np
import pytest

from apps.sentiment.task import SentimentOptions, SentimentTask
from apps.shared.commands import main
from serving import store
from tests.apps.sentiment.conftest import RECIPE, model_folder, table  # noqa: F401  fixtures
from tests.serving.strangers import copied, pickled, seal, with_file, with_recipe


@pytest.fixture
def folder(model_folder, tmp_path):  # noqa: F811
    return copied(model_folder, tmp_path / "model")


def refused(folder, capsys, command=("predict", "--text", "good")) -> str:
    """What is said where a model is refused."""
    name, *flags = command
    capsys.readouterr()
    assert main(SentimentTask(), [name, "--model", str(folder), *map(str, flags)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1, said
    return said.err


def weights_with(folder, **changed):
    with h5py.File(folder / store.WEIGHTS, "a") as file:
        for name, change in changed.items():
            key = next(key for key in file if key.endswith(name))
            values = change(file[key][()])
            del file[key]
            file[key] = values
    return seal(folder)


def test_the_folder_as_it_was_made_answers(folder, capsys):
    assert main(SentimentTask(), ["predict", "--model", str(seal(folder)), "--text", "good"]) == 0
    assert capsys.readouterr().out.startswith("positive")


def test_the_trap_of_these_tests_works(tmp_path):
    pickle.loads(pickled(tmp_path / "marker"))
    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize("name", ["vocabulary.txt", "labels.txt", "model.weights.h5", "recipe.json", "manifest.json"])
def test_a_pickle_in_the_place_of_a_file_is_not_run(folder, tmp_path, capsys, name):
    (folder / name).write_bytes(pickled(tmp_path / "marker"))
    if name != "manifest.json":
        seal(folder)
    refused(folder, capsys)
    assert not (tmp_path / "marker").exists()


def test_other_files_that_run_code_are_not_looked_at(folder, tmp_path, capsys):
    for name in ("model.pkl", "model.keras", "checkpoint", "setup.py", "sitecustomize.py"):
        with_file(folder, name, pickled(tmp_path / "marker"))
    (folder / "__init__.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w')")
    assert main(SentimentTask(), ["predict", "--model", str(folder), "--text", "good"]) == 0
    assert not (tmp_path / "marker").exists()


LAMBDA = {"class_name": "Lambda", "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cell": LAMBDA}, "cell must be a text, got {'class_name': 'Lambda'"),
        ({"layers": [LAMBDA]}, "layers must be a whole number"),
        ({"custom_objects": LAMBDA}, "unknown field 'custom_objects'"),
        ({"cell": "os.system"}, "os.system"),
        ({"cell": "__class__"}, "__class__"),
        ({"pooling": "../../max"}, "pooling must be one of"),
        ({"units": "12"}, "units must be a whole number, got '12'"),
        ({"units": 12.0}, "units must be a whole number, got 12.0"),
        ({"units": True}, "units must be a whole number, got True"),
        ({"units": None}, "units must be a whole number, got None"),
        ({"units": -3}, "units must be at least 1"),
        ({"units": 10**7}, "units must be at most 16,384"),
        ({"units": 10**400}, "units must be at most 16,384"),
        ({"layers": 10**9}, "layers must be at most 32"),
        ({"max_length": 10**9}, "max_length must be at most 10,000"),
        ({"units": 16_000}, "a larger model than the weights are of"),
        ({"embedding_size": 16_000}, "a larger model than the weights are of"),
        ({"units": 11}, "weight"),
        ({"layers": 2}, "a larger model than the weights are of"),
        ({"cell": "gru"}, "weight"),
        ({"bidirectional": False}, "weight"),
        ({"temperature": float("nan")}, "temperature must be a number, got nan"),
        ({"temperature": float("inf")}, "temperature must be a number, got inf"),
        ({"temperature": 0}, "temperature must be above 0"),
        ({"embeddings": "hub"}, "embeddings must be"),
        ({"corpus": "x" * 10**6}, "corpus must be one of"),
    ],
    ids=str,
)
def test_a_recipe_of_another_kind_or_size_is_refused(folder, capsys, fields, message):
    assert message in refused(with_recipe(folder, **fields), capsys)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("recipe.json", "[" * 100_000, "recipe.json is damaged"),
        ("recipe.json", '{"units": ' + "9" * 10_000 + "}", "recipe.json is damaged"),
        ("recipe.json", "[1, 2]", "recipe.json is damaged: it is not a JSON object"),
        ("recipe.json", b"\xff\xfe{}", "recipe.json is damaged"),
        ("recipe.json", b"{" + b" " * 2**24 + b"}", "recipe.json is refused: it has 17 MB"),
        ("vocabulary.txt", "", "vocabulary.txt is no vocabulary"),
        ("vocabulary.txt", b"<pad>\n\xff", "vocabulary.txt is no vocabulary"),
        ("vocabulary.txt", "<pad>\n<unk>\n<s>\n</s>\n" + "a\nb\n" * 2, "twice"),
        ("vocabulary.txt", "<pad>\n<unk>\n<s>\n</s>\na\n", "weight"),
        ("vocabulary.txt", "<pad>\n<unk>\n<s>\n</s>\n" + "".join(f"{n}\n" for n in range(10**5)), "a larger model"),
        ("labels.txt", "", ""),
        ("labels.txt", "a\n" * 10**6, "a larger model than the weights are of"),
        ("labels.txt", b"\xff\n\xfe\n", "utf-8"),
        ("model.weights.h5", b"", "model.weights.h5 is damaged"),
        ("model.weights.h5", b"\x89HDF\r\n\x1a\n" + bytes(500), "model.weights.h5 is damaged"),
    ],
    ids=lambda value: str(value[:30]),
)
def test_a_file_with_other_content_is_refused(folder, capsys, name, content, message):
    assert message in refused(with_file(folder, name, content), capsys)


def test_a_json_file_of_thousands_of_levels_is_refused_before_the_flags_are_read_too(folder, capsys):
    from apps.translation.task import TranslationTask

    with_file(folder, "recipe.json", '{"a":' * 100_000)
    assert main(TranslationTask(), ["predict", "--model", str(folder), "--text", "x"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_weights_that_are_no_numbers_are_refused(folder, capsys, value):
    weights_with(folder, kernel=lambda old: np.full(old.shape, value))
    assert "values that are no numbers" in refused(folder, capsys)


def test_weights_that_overflow_give_no_answer_but_a_named_item(folder, capsys):
    with h5py.File(folder / store.WEIGHTS, "a") as file:
        for key in list(file):
            values = np.full(file[key].shape, 3e38, np.float32)
            del file[key]
            file[key] = values
    seal(folder)
    assert main(SentimentTask(), ["predict", "--model", str(folder), "--text", "good", "--json"]) == 1
    said = capsys.readouterr()
    assert "The model's answer is no number" in json.loads(said.out)["error"]
    assert said.err.splitlines()[-1] == "1 of 1 items failed; the others are done."


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_weights_that_were_cut_off_are_refused(folder, capsys, share):
    whole = (folder / store.WEIGHTS).read_bytes()
    assert "model.weights.h5" in refused(with_file(folder, store.WEIGHTS, whole[: int(share * len(whole))]), capsys)


def test_bytes_of_the_weights_changed_at_random_give_an_answer_or_one_line(folder, capsys):
    whole = (folder / store.WEIGHTS).read_bytes()
    for seed in range(60):
        generator = np.random.default_rng(seed)
        changed = bytearray(whole)
        places = generator.integers(0, len(whole) if seed % 2 else 4000, 40)
        for place in places:
            changed[place] = generator.integers(256)
        with_file(folder, store.WEIGHTS, bytes(changed))
        assert main(SentimentTask(), ["predict", "--model", str(folder), "--text", "good"]) in (0, 1, 2)
        said = capsys.readouterr()
        assert "Traceback" not in said.err and said.err.count("\n") <= 2, (seed, said.err)


def test_weights_that_declare_a_huge_shape_take_no_memory(folder, capsys):
    with h5py.File(folder / store.WEIGHTS, "a") as file:
        key = next(key for key in file if key.endswith("embeddings"))
        del file[key]
        file.create_dataset(key, shape=(2**40, 12), dtype="f4", chunks=(1024, 12), compression="gzip")
    assert "would unpack to 49152 GiB" in refused(seal(folder), capsys)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", ".", "", "a\\..\\b/c", ".hidden", "x/../y"])
def test_a_path_in_the_manifest_is_refused(folder, capsys, name):
    manifest = json.loads((folder / store.MANIFEST).read_text())
    manifest["files"][name] = {"bytes": 1, "sha256": ""}
    (folder / store.MANIFEST).write_text(json.dumps(manifest))
    assert "manifest.json is damaged: it names the file" in refused(folder, capsys)


def test_a_link_out_of_the_folder_is_refused(folder, tmp_path, capsys):
    os.replace(folder / "vocabulary.txt", tmp_path / "elsewhere")
    (folder / "vocabulary.txt").symlink_to(tmp_path / "elsewhere")
    assert "a link that leads out of the folder" in refused(seal(folder), capsys)
    (folder / "vocabulary.txt").unlink()
    (folder / "vocabulary.txt").symlink_to("vocabulary.txt")
    assert "vocabulary.txt is missing" in refused(folder, capsys)


def test_a_device_or_a_pipe_in_the_place_of_a_file_is_refused_without_waiting(folder, capsys):
    (folder / "labels.txt").unlink()
    os.mkfifo(folder / "labels.txt")
    assert "labels.txt is missing" in refused(folder, capsys)
    (folder / "labels.txt").unlink()
    (folder / "labels.txt").symlink_to("/dev/zero")
    assert "labels.txt is missing" in refused(folder, capsys)


def test_a_file_of_terabytes_is_refused_before_it_is_read(folder, capsys):
    with open(folder / "labels.txt", "wb") as file:
        file.truncate(2**42)  # it takes no place on the disk
    assert "labels.txt is refused: it has 4096 GiB" in refused(folder, capsys)


def test_what_a_manifest_says_cannot_steer_the_terminal(folder, capsys):
    manifest = json.loads((folder / store.MANIFEST).read_text())
    (folder / store.MANIFEST).write_text(json.dumps({**manifest, "task": "\x1b[2J\x07\u202eevil\nTraceback"}))
    said = refused(folder, capsys)
    assert not set(said) & set("\x1b\x07\u202e") and "evil" in said


@pytest.mark.parametrize("task", [None, 3, ["sentiment"], {"a": 1}])
def test_a_manifest_whose_task_is_no_text_is_refused(folder, capsys, task):
    manifest = json.loads((folder / store.MANIFEST).read_text())
    (folder / store.MANIFEST).write_text(json.dumps({**manifest, "task": task}))
    assert "manifest.json is damaged" in refused(folder, capsys)


@pytest.fixture(scope="module")
def of_a_hub_module(table, tmp_path_factory):  # noqa: F811
    """A classifier on a module of TensorFlow Hub, and the file that the module makes whenever it is called."""
    import tensorflow as tf

    place = tmp_path_factory.mktemp("hub")
    marker = place / "marker"

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
        def __call__(self, texts):
            with tf.control_dependencies([tf.io.write_file(str(marker), "somebody else's code was run")]):
                return tf.stack([tf.cast(tf.strings.length(texts), tf.float32)] * 3, axis=1)

    tf.saved_model.save(Module(), str(place / "module"))
    recipe = replace(RECIPE, embeddings=f"hub:{place / 'module'}", epochs=1)
    return SentimentTask().train(recipe, SentimentOptions(output=place / "made", train_file=table)), marker


def test_a_hub_module_that_a_user_names_for_training_needs_no_other_word(of_a_hub_module):
    folder, marker = of_a_hub_module
    assert marker.exists()
    assert json.loads((folder / store.RECIPE).read_text())["embeddings"].startswith("hub:")


@pytest.mark.parametrize(
    "command", [("predict", "--text", "good"), ("evaluate", "--file", "reviews.csv"), ("export", "--output", "new")]
)
def test_a_hub_module_that_a_model_names_is_not_opened_without_the_users_word(
    of_a_hub_module,
    table,  # noqa: F811
    tmp_path,
    capsys,
    command,
    monkeypatch,  # noqa: F811
):
    folder, marker = of_a_hub_module
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.csv").write_bytes(table.read_bytes())
    marker.unlink(missing_ok=True)
    said = refused(folder, capsys, command)
    assert "names the TensorFlow Hub module" in said and "add --allow-hub" in said
    assert not marker.exists() and not (tmp_path / "new").exists()


def test_with_the_users_word_it_is(of_a_hub_module, capsys):
    folder, marker = of_a_hub_module
    marker.unlink(missing_ok=True)
    assert main(SentimentTask(), ["predict", "--model", str(folder), "--text", "good", "--allow-hub"]) == 0
    assert marker.exists()


def test_a_page_never_opens_one(of_a_hub_module, monkeypatch, tmp_path):
    from apps.sentiment import view

    folder, marker = of_a_hub_module
    copied(folder, tmp_path / "sentiment" / "of-a-stranger")
    monkeypatch.setattr(store, "PRETRAINED", tmp_path)
    marker.unlink(missing_ok=True)
    with pytest.raises(store.DamagedModel, match="add --allow-hub"):
        view.critic("of-a-stranger")
    assert not marker.exists()
