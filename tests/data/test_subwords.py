"""Subwords: text to ids and back, with the house's special tokens."""

import pytest

from data.tokenizers import subwords
from data.tokenizers.subwords import SubwordTokenizer

LINES = [f"Ein {color} {thing} steht am {place}." for color in ("roter", "blauer", "grüner", "alter")
         for thing in ("Hund", "Mann", "Tisch", "Wagen") for place in ("Strand", "Haus", "Fluss", "Baum")]  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer():
    return SubwordTokenizer.train(LINES, 60)


def test_text_comes_back(tokenizer):
    for line in LINES:
        ids = tokenizer.encode(line)
        assert ids[-1] == 3 and 1 not in ids
        assert tokenizer.decode(ids) == line


def test_special_tokens_have_their_ids_and_say_nothing(tokenizer):
    assert tokenizer.pieces([0, 1, 2, 3]) == ["<pad>", "<unk>", "<s>", "</s>"]
    ids = tokenizer.encode("Ein Hund", add_eos=False)
    assert 3 not in ids
    assert tokenizer.decode([2, *ids, 3, 0, 0]) == "Ein Hund"


def test_what_was_never_seen_is_unknown(tokenizer):
    assert 1 in tokenizer.encode("犬")


def test_the_size_is_the_true_one_even_where_less_was_found_than_asked_for():
    small = SubwordTokenizer.train(["ab", "ba"], 500)
    assert small.size < 500
    assert max(small.encode("abba")) < small.size


def test_saved_and_loaded_it_spells_alike(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "subwords.model")
    again = SubwordTokenizer.load(tmp_path / "subwords.model")
    assert [again.encode(line) for line in LINES] == [tokenizer.encode(line) for line in LINES]


def test_sampling_spells_variously_the_same_text_and_repeats_with_its_seed(tokenizer):
    def drawn(seed):
        subwords.set_seed(seed)
        return [tuple(tokenizer.encode(LINES[0], sampling=0.2)) for _ in range(20)]

    assert len(set(drawn(1))) > 1
    assert {tokenizer.decode(list(ids)) for ids in drawn(1)} == {LINES[0]}


def test_bytes_that_are_no_model_are_refused():
    with pytest.raises(ValueError, match="not a sentencepiece model"):
        SubwordTokenizer(b"nothing of the kind")


def test_an_empty_text_is_refused():
    with pytest.raises(ValueError, match="no text to learn subwords from"):
        SubwordTokenizer.train(["", "  "], 50)
