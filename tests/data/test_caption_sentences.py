"""Captions as more text for a translator: nothing that it is chosen or tested by is among them."""

import pytest

from data.corpora import caption_sentences
from data.corpora.caption_sentences import HeldOut, sentences, tidy

TRAIN = {
    "a.jpg": ["A dog runs on the wet sand .", "A wet dog plays"],
    "b.jpg": ["Two men sit in a small boat .", "Fishermen on a lake"],
    "c.jpg": ["A girl 's red ball rolls down the old street .", "A toy in a town ."],
    "d.jpg": ["People wait for a bus .", "People wait for a bus !", "Waiting people"],
}


@pytest.fixture
def corpora(tmp_path):
    flickr, multi = tmp_path / "flickr8k", tmp_path / "multi30k"
    flickr.mkdir(), multi.mkdir()
    lines = [f"{name}#{number}\t{one}" for name, said in TRAIN.items() for number, one in enumerate(said)]
    (flickr / "Flickr8k.token.txt").write_text("\n".join(lines))
    (flickr / "Flickr_8k.trainImages.txt").write_text("\n".join(TRAIN))
    (multi / "train.en").write_text("A wet dog plays.\n")
    (multi / "val.en").write_text("Two men sit in a small boat.\n")
    (multi / "test_2016_flickr.en").write_text("A girl's red ball rolls down the street.\n")
    (multi / "test_2017_flickr.en").write_text("Nobody is there.\n")
    return tmp_path


def test_photos_with_a_held_out_sentence_are_left_out_whole_and_known_sentences_alone(corpora):
    assert sentences(corpora) == ["A dog runs on the wet sand.", "People wait for a bus."]


def test_a_sentence_is_found_again_in_other_spelling_and_nearly_the_same_words():
    held_out = HeldOut(["A girl's red ball rolls down the street."])
    assert held_out.has("a girls red ball rolls down the old street")
    assert not held_out.has("A girl's blue ball lies in the street.")
    assert not held_out.has("")


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a dog 's ball , wet .", "A dog's ball, wet."),
        ('A sign says " stop " here', 'A sign says "stop" here.'),
        ("Is it ?", "Is it?"),
    ],
)
def test_captions_are_written_as_people_write(caption, expected):
    assert tidy(caption) == expected


def test_the_command_prints_them_and_names_a_missing_file(corpora, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["caption_sentences", "--data-dir", str(corpora)])
    caption_sentences.main()
    assert capsys.readouterr().out == "A dog runs on the wet sand.\nPeople wait for a bus.\n"
    monkeypatch.setattr("sys.argv", ["caption_sentences", "--data-dir", str(corpora / "flickr8k")])
    with pytest.raises(SystemExit) as stopped:
        caption_sentences.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("No val.en")
