"""The reader of Multi30k, on files that look like it."""

import gzip

import pytest

from data.corpora import multi30k


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "multi30k"
    folder.mkdir()
    (folder / "train.de.gz").write_bytes(gzip.compress("Ein Hund.\n Zwei Männer. \n".encode()))
    (folder / "train.en").write_text("A dog.\nTwo men.\n", encoding="utf-8")
    return tmp_path


def test_pairs_are_read_gzipped_or_plain_in_order_without_outer_blanks(corpus):
    expected = [("Ein Hund.", "A dog."), ("Zwei Männer.", "Two men.")]
    assert multi30k.read_pairs(corpus, "train", "de", "en") == expected
    assert multi30k.read_pairs(corpus / "multi30k", "train", "de", "en") == expected


def test_a_line_separator_of_unicode_does_not_end_a_line(corpus):
    (corpus / "multi30k" / "val.en").write_text("one\u2028still one\ntwo", encoding="utf-8")
    assert multi30k.read(corpus, "val", "en") == ["one\u2028still one", "two"]


def test_an_empty_line_keeps_its_place(corpus):
    (corpus / "multi30k" / "val.en").write_text("one\n\nthree\n", encoding="utf-8")
    assert multi30k.read(corpus, "val", "en") == ["one", "", "three"]


def test_a_missing_side_is_named_with_what_to_do(corpus):
    with pytest.raises(FileNotFoundError, match=r"train\.fr"):
        multi30k.read_pairs(corpus, "train", "de", "fr")


def test_sides_of_different_length_are_refused(corpus):
    (corpus / "multi30k" / "train.en").write_text("A dog.\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line n of one must translate line n of the other"):
        multi30k.read_pairs(corpus, "train", "de", "en")


def test_a_line_that_is_not_utf8_is_named_by_its_number(corpus):
    (corpus / "multi30k" / "train.en").write_bytes(b"A dog.\nTwo m\xe9n.\n")
    with pytest.raises(ValueError, match=r"train\.en, line 2: not UTF-8"):
        multi30k.read(corpus, "train", "en")
