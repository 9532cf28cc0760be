"""The model folder: written whole, refused when damaged, found by path or by name."""

import json
import os
import shutil

import numpy as np
import pytest

from serving import store
from serving.store import DamagedModel


@pytest.fixture
def model():
    import keras

    keras.utils.set_random_seed(1)
    made = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, name="hidden"), keras.layers.Dense(2, name="out")]
    )
    for weight in made.weights:  # biases, too, so that a lost one is noticed
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    return made


@pytest.fixture
def folder(tmp_path, model):
    return store.write(
        tmp_path / "model",
        task="translation",
        recipe={"units": 4},
        model=model,
        files={"vocabulary.txt": "one\ntwo\n", "subwords.model": b"\x00\xff"},
        metrics={"bleu": 31.5},
        card="# A card\n",
    )


def test_what_was_written_is_read(folder):
    opened = store.read(folder, task="translation")
    assert opened.recipe == {"units": 4}
    assert (opened / "subwords.model").read_bytes() == b"\x00\xff"
    assert (opened / "vocabulary.txt").read_text() == "one\ntwo\n"
    assert json.loads((opened / "metrics.json").read_text()) == {"bleu": 31.5}
    assert (opened / "card.md").read_text() == "# A card\n"


def test_a_file_that_the_manifest_does_not_name_is_missing(folder):
    (folder / "labels.txt").write_text("stranger")
    with pytest.raises(DamagedModel, match="labels.txt is missing"):
        store.read(folder) / "labels.txt"


@pytest.mark.parametrize("name", ["recipe.json", "model.weights.h5", "subwords.model", "card.md", "metrics.json"])
def test_one_changed_byte_is_refused_with_the_file_named(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(DamagedModel, match=f"{name} is damaged"):
        store.read(folder)


@pytest.mark.parametrize("name", ["recipe.json", "model.weights.h5", "subwords.model"])
def test_a_missing_file_is_refused_with_its_name(folder, name):
    (folder / name).unlink()
    with pytest.raises(DamagedModel, match=f"{name} is missing"):
        store.read(folder)


def test_a_cut_off_weights_file_is_refused(folder):
    weights = folder / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(DamagedModel, match="model.weights.h5 is damaged"):
        store.read(folder)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("{", "manifest.json is damaged: it is not JSON"),
        ("[]", "manifest.json is damaged: it is not a JSON object"),
        ('{"format": "other"}', "not the manifest of a Carrousel model"),
        ('{"format": "carrousel.model", "version": 9, "task": "x", "files": {}}', "has version 9"),
        ('{"format": "carrousel.model", "version": 1, "task": "x", "files": {}}', "does not name recipe.json"),
        ('{"format": "carrousel.model", "version": 1, "task": "x", "files": {"../a": {}}}', "it names the file '../a'"),
        ('{"format": "carrousel.model", "version": 1, "task": "x", "files": {"card.md": 3}}', "card.md is damaged"),
    ],
)
def test_a_bad_manifest_is_refused(folder, manifest, message):
    (folder / "manifest.json").write_text(manifest)
    with pytest.raises(DamagedModel, match=message):
        store.read(folder)


def test_a_folder_without_a_manifest_is_no_model_and_a_begun_run_says_how_to_go_on(folder):
    (folder / "manifest.json").unlink()
    with pytest.raises(DamagedModel, match="manifest.json is missing"):
        store.read(folder)
    (folder / "run").mkdir()
    with pytest.raises(DamagedModel, match="train --resume"):
        store.read(folder)


def test_a_model_of_another_task_is_refused(folder):
    with pytest.raises(DamagedModel, match="is a model for translation, not for sentiment"):
        store.read(folder, task="sentiment")


def test_writing_again_replaces_the_model_and_keeps_what_else_lies_there(folder, model):
    (folder / "run").mkdir()
    (folder / "run" / "history.csv").write_text("epoch\n")
    store.write(folder, task="translation", recipe={"units": 5}, model=model, files={"vocabulary.txt": "three\n"})
    assert store.read(folder).recipe == {"units": 5}
    assert (folder / "run" / "history.csv").read_text() == "epoch\n"


def test_a_write_that_fails_leaves_the_older_model_whole_and_nothing_behind(folder, model, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    before = sorted(os.listdir(folder))
    monkeypatch.setattr(store, "save_weights", full)
    with pytest.raises(OSError, match="No space"):
        store.write(folder, task="translation", recipe={"units": 9}, model=model)
    assert sorted(os.listdir(folder)) == before
    assert store.read(folder).recipe == {"units": 4}
    with pytest.raises(OSError, match="No space"):
        store.write(folder.parent / "other", task="translation", recipe={"units": 9}, model=model)
    assert os.listdir(folder.parent) == ["model"]


@pytest.mark.parametrize("name", ["../outside", "a/b", ".hidden", ""])
def test_only_plain_names_are_written(tmp_path, model, name):
    with pytest.raises(ValueError, match="plain name"):
        store.write(tmp_path / "m", task="t", recipe={}, model=model, files={name: "x"})
    assert os.listdir(tmp_path) == []


def test_a_model_is_found_by_path_and_by_shipped_name(folder, tmp_path, monkeypatch):
    shipped = tmp_path / "pretrained"
    shutil.copytree(folder, shipped / "translation" / "de-en")
    (shipped / "translation" / "not-a-model").mkdir()
    monkeypatch.setattr(store, "PRETRAINED", shipped)
    assert store.shipped("translation") == ("de-en",)
    assert store.resolve("de-en", "translation") == shipped / "translation" / "de-en"
    assert store.resolve(str(folder), "translation") == folder


def test_a_shipped_name_wins_over_a_folder_of_that_name(folder, tmp_path, monkeypatch):
    shutil.copytree(folder, tmp_path / "pretrained" / "translation" / "de-en")
    monkeypatch.setattr(store, "PRETRAINED", tmp_path / "pretrained")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "de-en").mkdir()
    assert store.resolve("de-en", "translation") == tmp_path / "pretrained" / "translation" / "de-en"
    assert str(store.resolve("./de-en", "translation")) == "de-en"


def test_an_unknown_model_lists_the_shipped_ones_and_the_training_command(folder, tmp_path, monkeypatch):
    shutil.copytree(folder, tmp_path / "pretrained" / "translation" / "de-en")
    monkeypatch.setattr(store, "PRETRAINED", tmp_path / "pretrained")
    with pytest.raises(
        FileNotFoundError, match=r"No model 'de-fr' for translation. Shipped: de-en. .*apps.translation train"
    ):
        store.resolve("de-fr", "translation")
    with pytest.raises(FileNotFoundError, match="None is shipped"):
        store.resolve("x", "sentiment")
