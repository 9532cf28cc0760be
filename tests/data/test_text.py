"""Text from outside: what is removed is said, what is endless is refused."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.text import TextRefused, clean, cut_to_window


def test_text_that_is_in_order_stays_as_it_is():
    cleaned = clean("Ein Hund rennt am Strand.")
    assert (cleaned.text, cleaned.notices) == ("Ein Hund rennt am Strand.", ())


def test_letters_get_one_form():
    assert clean("u\u0308ber").text == "\u00fcber"


@pytest.mark.parametrize("blank", ["", " ", "\t\n\r\n", "\u2028", "\u3000", "\u00a0"])
def test_blank_text_is_empty(blank):
    assert clean(blank).text == ""


def test_new_lines_and_tabs_become_spaces_silently():
    cleaned = clean("one\ttwo\r\nthree\u2028four")
    assert (cleaned.text, cleaned.notices) == ("one two three four", ())


def test_control_characters_are_removed_and_counted():
    cleaned = clean("a\x00b\x07c\x9b")
    assert (cleaned.text, cleaned.notices) == ("abc", ("3 control characters were removed.",))


def test_marks_that_turn_the_direction_of_writing_are_removed():
    cleaned = clean("safe \u202etxet\u202c")
    assert (cleaned.text, cleaned.notices) == ("safe txet", ("2 marks of writing direction were removed.",))


def test_invisible_characters_are_removed():
    cleaned = clean("\ufeffStrand\u00adhaus")
    assert (cleaned.text, cleaned.notices) == ("Strandhaus", ("2 invisible characters were removed.",))
    assert clean("a\u200bb").notices == ("1 invisible character was removed.",)


def test_joiners_and_right_to_left_letters_stay():
    family, hebrew = "\U0001f468\u200d\U0001f469", "\u05e9\u05dc\u05d5\u05dd"
    assert clean(family).text == family
    assert clean(hebrew).text == hebrew


def test_ten_thousand_words_pass_and_one_more_is_refused():
    assert len(clean("a " * 10_000).text.split()) == 10_000
    with pytest.raises(TextRefused, match="10,001 words; the limit is 10,000"):
        clean("a " * 10_001)


def test_an_endless_word_is_refused():
    with pytest.raises(TextRefused, match="200,001 characters"):
        clean("a" * 200_001)


def test_bytes_that_were_not_utf8_are_refused():
    # What Python makes of an argument in Latin-1.
    with pytest.raises(TextRefused, match="not UTF-8"):
        clean(b"stra\xdfe".decode("utf-8", "surrogateescape"))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_cleaning_twice_changes_nothing_more(text):
    once = clean(text)
    twice = clean(once.text)
    assert (twice.text, twice.notices) == (once.text, ())
    assert unicodedata.is_normalized("NFC", once.text)
    assert "\n" not in once.text


def words(text):
    return len(text.split())


def test_text_that_fits_is_not_cut():
    cut = cut_to_window("One two. Three.", words, 3)
    assert (cut.text, cut.notices) == ("One two. Three.", ())


def test_long_text_is_cut_at_the_last_sentence_end_that_fits():
    cut = cut_to_window('One two. "Three!" Four five six.', words, 5)
    assert cut.text == 'One two. "Three!"'
    assert cut.notices == ("The text is longer than the model can read (6 tokens, 5 fit); the end was left out.",)


def test_a_long_sentence_is_cut_at_a_word():
    assert cut_to_window("one two three four.", words, 3).text == "one two three"


def test_where_not_even_a_word_fits_nothing_is_left():
    assert cut_to_window("incomprehensibilities again", len, 5).text == ""
