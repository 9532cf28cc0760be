"""Word vectors end to end: training, resuming, neighbours, analogies, scores, and the map."""

import json

import numpy as np
import pytest

from apps.shared.commands import main
from apps.shared.widgets.microscope.payload import decode_header
from apps.word_vectors import word_map
from apps.word_vectors.corpus import read_texts
from apps.word_vectors.evaluation import score_analogies, score_pairs
from apps.word_vectors.task import WordVectorsOptions, WordVectorsTask
from apps.word_vectors.widget import payload
from data.corpora.word_relations import Analogy, Pair
from data.word_vectors import WordVectors

SMALL = ["--width", "8", "--min-count", "1", "--map-epochs", "5", "--sample", "0"]


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    generator = np.random.default_rng(0)
    lines = [" ".join(generator.choice([f"{world}{n}" for n in range(5)], 8)) for world in ("sea", "sky") * 60]
    path.write_text("\n".join(lines).title())
    return path


@pytest.fixture(scope="module")
def folder(text_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors") / "model"
    words = ["train", "--text-file", str(text_file), "--output", str(folder), "--epochs", "3", *SMALL]
    assert main(WordVectorsTask(), [*words, "--learning-rate", "0.1"]) == 0
    return folder


def test_words_of_one_world_are_neighbours(folder, capsys):
    assert main(WordVectorsTask(), ["predict", "--model", str(folder), "--text", "SEA1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["neighbours"]
    assert {one["word"][:3] for one in found[:4]} == {"sea"} and "sea1" not in [one["word"] for one in found]
    assert [one["similarity"] for one in found] == sorted((one["similarity"] for one in found), reverse=True)


def test_unknown_words_and_broken_sums_fail_alone(folder, tmp_path, capsys):
    (tmp_path / "in.txt").write_text("sea1\n\nsea11\nsea1 sea2\nsea1 - sky1 + sky2\nsea1 : sky1 :: sea2\n")
    words = ["predict", "--model", str(folder), "--input", str(tmp_path / "in.txt")]
    assert main(WordVectorsTask(), words) == 1
    said = capsys.readouterr()
    lines = said.out.split("\n")
    assert lines[0] and not lines[1] and not lines[2] and not lines[3] and lines[4] and lines[5]
    assert "line 3: 'sea11' has no vector" in said.err and "Did you mean sea1" in said.err
    assert "line 4: Give a word" in said.err


def test_a_training_stopped_between_epochs_ends_as_the_uninterrupted_one(text_file, folder, tmp_path, capsys):
    words = ["train", "--output", str(tmp_path / "m"), "--text-file", str(text_file)]
    started = [*words, "--epochs", "3", *SMALL, "--learning-rate", "0.1", "--time-limit"]
    assert main(WordVectorsTask(), [*started, "0"]) == 0
    assert "time limit was reached" in capsys.readouterr().err and not (tmp_path / "m" / "manifest.json").exists()
    assert main(WordVectorsTask(), [*words, "--resume"]) == 0
    once, again = (WordVectorsTask().open(path).vectors for path in (folder, tmp_path / "m"))
    assert once.words == again.words and np.array_equal(once.vectors, again.vectors)


def test_a_glove_file_becomes_a_model(tmp_path, capsys):
    (tmp_path / "glove.txt").write_text("man 1 0 0\nking 1 1 0\nwoman 1 0 1\nqueen 1 1 1\ntree -1 0 0.1\n")
    words = ["train", "--vectors-file", str(tmp_path / "glove.txt"), "--output", str(tmp_path / "m"), *SMALL]
    assert main(WordVectorsTask(), words) == 0
    capsys.readouterr()
    assert main(WordVectorsTask(), ["predict", "--model", str(tmp_path / "m"), "--text", "king - man + woman"]) == 0
    assert capsys.readouterr().out.startswith("queen ")
    (tmp_path / "glove.txt").write_text("man 1 0 0\nking 1 1\n")
    assert main(WordVectorsTask(), [*words[:4], str(tmp_path / "n")]) == 2
    assert "line 2: 2 numbers" in capsys.readouterr().err


def test_test_reviews_and_their_doubles_are_not_learnt_from(tmp_path):
    for place, text in {
        "train/pos/1_9": "good",
        "train/unsup/1_0": "seen before",
        "test/neg/1_1": "seen before",
    }.items():
        path = tmp_path / "aclImdb" / f"{place}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "aclImdb" / "train" / "neg").mkdir()
    assert list(read_texts(WordVectorsOptions(output=tmp_path, data_dir=tmp_path))) == ["good"]


VECTORS = WordVectors(
    ("man", "king", "woman", "queen", "tree"),
    np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-1, 0, 0.1]], np.float32),
)


def test_analogies_are_scored_on_known_words_and_the_rest_is_told():
    questions = [Analogy("Man", "King", "Woman", "Queen"), Analogy("man", "king", "woman", "tree")]
    row = score_analogies(VECTORS, [*questions, Analogy("man", "king", "girl", "princess")])
    assert (row["accuracy"], row["known"], row["out_of_vocabulary"]) == (50, 2, 33.33)
    assert score_analogies(VECTORS, [Analogy("a", "b", "c", "d")])["accuracy"] is None


def test_likeness_is_the_order_of_the_cosines():
    pairs = [Pair("king", "queen", 9.0), Pair("man", "king", 5.0), Pair("man", "tree", 0.5), Pair("man", "oak", 1.0)]
    assert score_pairs(VECTORS, pairs) == {"spearman": 100, "pairs": 4, "known": 3, "out_of_vocabulary": 25}


def test_evaluate_takes_the_users_own_lists(folder, tmp_path, capsys):
    (tmp_path / "own.txt").write_text("sea1 sea2 9\nsea1 sky1 1\n")
    words = ["evaluate", "--model", str(folder), "--similarities-file", str(tmp_path / "own.txt")]
    assert main(WordVectorsTask(), words) == 0
    assert "own" in capsys.readouterr().out
    assert main(WordVectorsTask(), [*words[:3], "--similarities-file", str(tmp_path / "none")]) == 2


def test_the_map_keeps_near_words_near():
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(4, 10))
    vectors = np.repeat(centres, 20, axis=0) + 0.1 * generator.normal(size=(80, 10))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    places = word_map.lay_out(unit, neighbours=5, epochs=100)
    assert places.shape == (80, 2) and np.abs(places).max() <= 1
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1) + 9 * np.eye(80)
    assert (distances.argmin(axis=1) // 20 == np.arange(80) // 20).mean() > 0.95
    assert np.array_equal(places, word_map.lay_out(unit, neighbours=5, epochs=100))
    assert word_map.lay_out(unit[:2]).shape == (2, 2)


def test_the_browser_gets_every_word_vector_and_place():
    header, values = decode_header(payload(VECTORS, np.zeros((3, 2)), "tiny", {"word": "man"}))
    branch = header["branches"][0]["branch"]
    assert branch["words"] == list(VECTORS.words) and header["start"] == {"word": "man"}
    place = branch["streams"][0]["arrays"]["vectors"]
    sent = values[place["at"] :][:15].astype(np.float32)
    assert sent == pytest.approx(VECTORS.vectors.ravel(), abs=1e-3)
