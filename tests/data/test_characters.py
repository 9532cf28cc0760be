"""Characters: words as ids of characters, unknown ones marked, long ones shortened in the middle."""

import pytest

from data.tokenizers.characters import CharacterTokenizer
from data.tokenizers.special import SPECIAL_TOKENS, UNK_ID


def test_the_most_frequent_characters_come_first_and_rare_ones_are_unknown():
    tokenizer = CharacterTokenizer.train(["abba", "ab", "a c"], least=2)
    assert tokenizer.characters == [*SPECIAL_TOKENS, "a", "b"]
    assert tokenizer.ids("bac") == [5, 4, UNK_ID] and tokenizer.ids("") == [UNK_ID]


def test_of_a_long_word_both_ends_are_read():
    tokenizer = CharacterTokenizer([*SPECIAL_TOKENS, *"abcdef"], longest=4)
    assert tokenizer.ids("abcdef") == tokenizer.ids("abef") and len(tokenizer.ids("abcde")) == 4


def test_a_vocabulary_survives_its_file_with_blanks_and_strange_line_ends(tmp_path):
    tokenizer = CharacterTokenizer([*SPECIAL_TOKENS, " ", "\u2028", "\r", "é", "😀"])
    (tmp_path / "c.txt").write_bytes(tokenizer.text.encode())
    assert CharacterTokenizer.load(tmp_path / "c.txt").characters == tokenizer.characters


@pytest.mark.parametrize("characters", [["a"], [*SPECIAL_TOKENS, "ab"], [*SPECIAL_TOKENS, "a", "a"]])
def test_anything_else_is_no_vocabulary(characters, tmp_path):
    with pytest.raises(ValueError, match="vocabulary"):
        CharacterTokenizer(characters)
    (tmp_path / "c.txt").write_text("\n".join(characters))
    with pytest.raises(ValueError, match=r"c\.txt is no vocabulary"):
        CharacterTokenizer.load(tmp_path / "c.txt")
