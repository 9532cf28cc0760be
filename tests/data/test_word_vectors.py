"""Word vectors: files of any width are streamed, broken ones are named by line, and word2vec learns and resumes."""

import gzip

import numpy as np
import pytest

from data import word_vectors
from data.word_vectors import Word2Vec, Word2VecSettings, WordVectors, train_word2vec

GLOVE = "the 0.1 0.2 -0.3\ncat 1 0 0\ndog 0.9 0.1 0\n. -1 2.5e-1 3\n"


def file_with(tmp_path, text, name="vectors.txt"):
    path = tmp_path / name
    content = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.txt.gz"])
def test_a_glove_file_is_read_plain_or_gzipped(tmp_path, name):
    read = word_vectors.read(file_with(tmp_path, GLOVE, name))
    assert read.words == ("the", "cat", "dog", ".")
    assert read.vectors.dtype == np.float32 and read.width == 3
    assert read.vectors[3] == pytest.approx([-1, 0.25, 3])


@pytest.mark.parametrize("width", [1, 2, 50])
def test_any_width_is_read(tmp_path, width):
    lines = [f"word{n} " + " ".join(str(n) for _ in range(width)) for n in range(3)]
    assert word_vectors.read(file_with(tmp_path, "\n".join(lines) + "\n")).width == width


def test_a_word2vec_text_file_begins_with_its_sizes(tmp_path):
    assert word_vectors.read(file_with(tmp_path, "4 3\n" + GLOVE)).words == ("the", "cat", "dog", ".")


def test_only_what_is_asked_for_is_kept(tmp_path):
    path = file_with(tmp_path, GLOVE)
    assert word_vectors.read(path, wanted={"dog", "cow"}).words == ("dog",)
    assert word_vectors.read(path, limit=2).words == ("the", "cat")
    with pytest.raises(ValueError, match="none of the words"):
        word_vectors.read(path, wanted={"cow"})


def test_a_word_may_have_spaces_inside_as_in_the_840b_file(tmp_path):
    read = word_vectors.read(file_with(tmp_path, "cat 1 0 0\nat name@domain.com 1 2 3\n"))
    assert read.words == ("cat", "at name@domain.com")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cow 1 2", r"line 5: 2 numbers where the lines before have 3"),
        ("cow 1 2 3 4", r"line 5: 4 numbers where the lines before have 3"),
        ("cow 1 two 3", r"line 5: 'two' is not a number"),
        ("cow 1 nan 3", r"line 5: a number is not finite"),
        ("", r"line 5: the line is empty"),
        (b"c\xffw 1 2 3", r"line 5: not UTF-8"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, said):
    line = line if isinstance(line, bytes) else line.encode()
    with pytest.raises(ValueError, match=said):
        word_vectors.read(file_with(tmp_path, GLOVE.encode() + line + b"\nend 1 2 3\n"))


def test_a_broken_line_is_named_even_among_words_that_nobody_asked_for(tmp_path):
    with pytest.raises(ValueError, match="line 5: 2 numbers"):
        word_vectors.read(file_with(tmp_path, GLOVE + "cow 1 2\n"), wanted={"the"})


def test_a_file_without_vectors_is_refused(tmp_path):
    for text in ("", "word\n", "3 0\n"):
        with pytest.raises(ValueError, match=r"vectors\.txt"):
            word_vectors.read(file_with(tmp_path, text))
    with pytest.raises(ValueError, match="not a whole gzip file"):
        path = file_with(tmp_path, GLOVE * 50, "cut.gz")
        path.write_bytes(path.read_bytes()[:-20])
        word_vectors.read(path)
    with pytest.raises(FileNotFoundError, match="No file"):
        word_vectors.read(tmp_path / "nothing")


def test_what_is_written_is_read_again_also_as_binary(tmp_path):
    from gensim.models import KeyedVectors

    vectors = WordVectors(("a", "b"), np.array([[1.5, -2], [1e-5, 3]], np.float32))
    word_vectors.write(tmp_path / "out.txt", vectors)
    assert word_vectors.read(tmp_path / "out.txt").vectors == pytest.approx(vectors.vectors)
    keyed = KeyedVectors(2)
    keyed.add_vectors(list(vectors.words), vectors.vectors)
    keyed.save_word2vec_format(str(tmp_path / "out.bin"), binary=True)
    read = word_vectors.read(tmp_path / "out.bin")
    assert read.words == ("a", "b") and read.vectors == pytest.approx(vectors.vectors)
    (tmp_path / "cut.bin").write_bytes((tmp_path / "out.bin").read_bytes()[:-9])
    with pytest.raises(ValueError, match="not a whole binary"):
        word_vectors.read(tmp_path / "cut.bin")


def test_the_nearest_words_are_those_of_the_largest_cosine():
    vectors = WordVectors(("x", "near", "far", "long"), np.array([[1, 0], [1, 0.1], [-1, 0], [9, 9]], np.float32))
    found = vectors.nearest(vectors.vectors[0], 2, without=[0])
    assert [vectors.words[row] for row, _ in found] == ["near", "long"]
    assert found[1][1] == pytest.approx(np.sqrt(0.5))
    assert len(vectors.nearest(vectors.vectors[0], 99, without=[0, 1])) == 2


def test_an_analogy_goes_from_the_first_to_the_second_and_starts_at_the_third():
    words = ("man", "king", "woman", "queen", "tree")
    vectors = WordVectors(words, np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-1, 0, 0]], np.float32))
    target = vectors.analogy(*(vectors.numbers[word] for word in ("man", "king", "woman")))
    assert vectors.words[vectors.nearest(target, 1, without=[0, 1, 2])[0][0]] == "queen"


def sentences(count=400):
    """Two worlds that never meet: words of one are each other's neighbours."""
    generator = np.random.default_rng(0)
    worlds = [[f"sea{n}" for n in range(6)], [f"sky{n}" for n in range(6)]]
    return [list(generator.choice(worlds[n % 2], 8)) for n in range(count)]


SETTINGS = Word2VecSettings(width=12, epochs=4, sample=0.0, least=1, learning_rate=0.1)


def test_word2vec_puts_words_that_occur_together_together():
    vectors = train_word2vec(sentences(), SETTINGS)
    for word in vectors.words:
        near = vectors.nearest(vectors.vectors[vectors.numbers[word]], 5, without=[vectors.numbers[word]])
        assert {vectors.words[row][:3] for row, _ in near} == {word[:3]}


def test_word2vec_goes_on_from_a_state_as_if_it_had_never_stopped():
    text = sentences(60)
    whole = train_word2vec(text, SETTINGS)
    first, second = Word2Vec(text, SETTINGS), Word2Vec(text, SETTINGS)
    first.epoch(0)
    first.epoch(1)
    second.restore({name: values.copy() for name, values in first.state().items()})
    second.epoch(2)
    second.epoch(3)
    assert second.vectors().words == whole.words
    assert np.array_equal(second.vectors().vectors, whole.vectors)
    with pytest.raises(ValueError, match="another text"):
        second.restore({"vectors": np.zeros((1, 1))})


def test_rare_words_get_no_vector_and_a_text_of_rare_words_is_refused():
    text = [["a", "b", "a"], ["a", "c"]]
    learning = Word2Vec(text, Word2VecSettings(width=2, least=2))
    assert learning.vectors().words == ("a",) and learning.counts() == [3]
    with pytest.raises(ValueError, match="No word occurs 9 times"):
        Word2Vec(text, Word2VecSettings(width=2, least=9))


def test_a_table_starts_from_the_vectors_and_draws_the_rest_alike():
    vectors = WordVectors(("the", "cat"), np.array([[1, 0], [0, 3]], np.float32))
    values, known = word_vectors.start_values(vectors, ["<pad>", "cat", "The", "cow"], seed=1)
    assert known.tolist() == [False, True, True, False]
    assert values[1].tolist() == [0, 3] and values[2].tolist() == [1, 0]
    assert np.any(values[3]) and np.array_equal(
        values, word_vectors.start_values(vectors, ["<pad>", "cat", "The", "cow"], 1)[0]
    )
