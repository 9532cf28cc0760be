"""Treebanks: words and tags are read, what is no word is left out, and a malformed line is named."""

import gzip
import lzma

import pytest

from data.corpora import conllu


def row(identity, form, tag="NOUN"):
    return f"{identity}\t{form}\t_\t{tag}\t_\t_\t0\troot\t_\t_"


SENTENCE = "\n".join(
    [
        "# sent_id = 1",
        "# text = Don't go.",
        row("1-2", "Don't", "_"),
        row("1", "Do", "AUX"),
        row("2", "n't", "PART"),
        row("3", "go", "VERB"),
        row("3.1", "away", "ADV"),
        row("4", ".", "PUNCT"),
    ]
)
TEXT = f"{SENTENCE}\n\n{row(1, 'Yes', 'INTJ')}\n"


@pytest.mark.parametrize(("ending", "packed"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_words_are_read_and_multiword_tokens_and_empty_nodes_are_not(tmp_path, ending, packed):
    path = tmp_path / f"x.conllu{ending}"
    path.write_bytes(packed(TEXT.encode()))
    first, second = conllu.read(path)
    assert first == (("Do", "n't", "go", "."), ("AUX", "PART", "VERB", "PUNCT"))
    assert second.words == ("Yes",)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("1\tHi\t_\tINTJ", "line 11: expected 10 columns with tabs between, got 4"),
        (row("1", "Hi", "NN"), "line 11: 'NN' in the fourth column is no universal tag"),
        (row("one", "Hi"), "line 11: the first column must be a word's number, got 'one'"),
        (row("1", " "), "line 11: the second column, the word, is empty"),
        ("# only a comment", "line 11: a sentence without words"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, bad, said):
    path = tmp_path / "x.conllu"
    path.write_text(f"{SENTENCE}\n\n\n{bad}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        conllu.read(path)


def test_damaged_and_empty_files_are_refused(tmp_path):
    path = tmp_path / "x.conllu"
    path.write_bytes(row(1, "x").encode() + b"\n\n\xff\n")
    with pytest.raises(ValueError, match="line 3: not UTF-8"):
        conllu.read(path)
    path.write_text("\n\n")
    with pytest.raises(ValueError, match="has no sentence"):
        conllu.read(path)
    cut = tmp_path / "x.conllu.xz"
    cut.write_bytes(lzma.compress(TEXT.encode())[:-30])
    with pytest.raises(ValueError, match="not a whole xz file"):
        conllu.read(cut)
    with pytest.raises(FileNotFoundError):
        conllu.read(tmp_path / "none")


def test_a_treebank_is_found_by_its_folder(tmp_path):
    folder = tmp_path / "ud" / "UD_English-EWT"
    folder.mkdir(parents=True)
    (folder / "en_ewt-ud-test.conllu.xz").write_bytes(b"")
    assert conllu.find(tmp_path, "test").parent == conllu.find(folder, "test").parent == folder
    with pytest.raises(FileNotFoundError, match="--data-dir"):
        conllu.find(tmp_path, "dev")
    (folder / "fr_gsd-ud-test.conllu").write_bytes(b"")
    with pytest.raises(ValueError, match="several treebanks"):
        conllu.find(folder, "test")
