"""Lists that word vectors are judged by."""

import pytest

from data.corpora import word_relations


def test_analogies_are_read_by_section(tmp_path):
    path = tmp_path / "questions-words.txt"
    path.write_text(": family\nman woman king queen\n\n: plural\ncat cats dog dogs\ncow cows pig pigs\n")
    found = word_relations.read_analogies(path)
    assert {name: len(questions) for name, questions in found.items()} == {"family": 1, "plural": 2}
    assert found["family"][0].fourth == "queen"
    path.write_text(": family\nman woman king\n")
    with pytest.raises(ValueError, match="line 2: expected four words, got 3"):
        word_relations.read_analogies(path)


def test_pairs_are_read_and_a_malformed_one_is_named(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("sun\tsunlight\t50.0\nold new 1.58\n")
    assert word_relations.read_similarities(path) == [("sun", "sunlight", 50.0), ("old", "new", 1.58)]
    for line in ("sun\tmoon", "sun moon high", "a b c 4"):
        path.write_text(f"sun\tsunlight\t50.0\n{line}\n")
        with pytest.raises(ValueError, match="line 2: expected two words and a number"):
            word_relations.read_similarities(path)


def test_lists_are_found_in_their_folders(tmp_path):
    (tmp_path / "word2vec" / "word-sim").mkdir(parents=True)
    (tmp_path / "word2vec" / "word-sim" / "EN-RG-65.txt.gz").write_bytes(b"")
    assert word_relations.find(tmp_path, "EN-RG-65.txt").name == "EN-RG-65.txt.gz"
    with pytest.raises(FileNotFoundError, match="--data-dir"):
        word_relations.find(tmp_path, "questions-words.txt")
