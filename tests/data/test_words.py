"""Words: how a text is cut, and which ids its words get."""

import pytest

from data.tokenizers.special import EOS_ID, UNK_ID
from data.tokenizers.words import WordTokenizer, lower, tokenize


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't like it.", "I do n't like it ."),
        ("The film's plot, isn't it?!", "The film 's plot , is n't it ? !"),
        ("8/10, or 3.5 of 1,000...", "8/10 , or 3.5 of 1,000 ..."),
        ("a well-made -- if long -- movie", "a well-made -- if long -- movie"),
        ("O'Brien said 'no'", "O'Brien said ' no '"),
        ("He said “hello”, ’tis", 'He said " hello " , \' tis'),
        ("bad :-( good :)", "bad :-( good :)"),
        ("one<br /><br />two<BR>three", "one two three"),
        ("do n't cut twice , 's fine", "do n't cut twice , 's fine"),
        ("non\u00a0breaking\u3000space", "non breaking space"),
        ("", ""),
    ],
)
def test_words_are_cut_as_in_the_penn_treebank(text, words):
    assert tokenize(text) == words.split()


def test_letters_are_made_small_by_the_full_mapping_of_unicode():
    assert lower("ÄÖ ΟΣ") == "äö ος"
    assert tokenize("It's GREAT", lowercase=True) == ["it", "'s", "great"]


def test_the_most_frequent_words_are_known_and_the_others_are_unknown():
    tokenizer = WordTokenizer.train(["b a a", "A c"], size=6)
    assert tokenizer.words[4:] == ["a", "b"]  # a: 3; b and c: 1, in alphabetical order
    assert tokenizer.encode("a B c") == [4, 5, UNK_ID, EOS_ID]
    assert tokenizer.ids(["A", "c"]) == [4, UNK_ID] and tokenizer.pieces([4, 3]) == ["a", "</s>"]


def test_rare_words_can_be_left_out():
    assert WordTokenizer.train(["a a b"], size=99, least=2).words[4:] == ["a"]


def test_a_vocabulary_comes_back_from_its_file(tmp_path):
    tokenizer = WordTokenizer.train(["Ein Wort"], size=10, lowercase=False)
    (tmp_path / "vocabulary.txt").write_text(tokenizer.text, encoding="utf-8")
    again = WordTokenizer.load(tmp_path / "vocabulary.txt", lowercase=False)
    assert again.words == tokenizer.words and again.encode("Wort wort") == tokenizer.encode("Wort wort")


@pytest.mark.parametrize(
    ("content", "message"), [("no\nwords\n", "begins with"), ("<pad>\n<unk>\n<s>\n</s>\na\na\n", "'a' twice")]
)
def test_what_is_no_vocabulary_is_named(tmp_path, content, message):
    (tmp_path / "vocabulary.txt").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=f"vocabulary.txt is no vocabulary.*{message}"):
        WordTokenizer.load(tmp_path / "vocabulary.txt")


def test_without_text_there_is_no_vocabulary():
    with pytest.raises(ValueError, match="no word"):
        WordTokenizer.train(["  "], size=10)
