"""A teacher chooses among a translator's n best, by three judges or by a reference; a run that was cut goes on."""

import numpy as np
import pytest

from apps.translation import distillation
from apps.translation.distillation import Teacher, choose, main, nearest
from models.decoding.options import SearchOptions
from tests.apps.translation.conftest import made_pairs

TEXTS = ["a dog runs fast", "a dog runs", "two cats sleep"]
ONE = np.ones(3)


def test_given_translations_are_as_likely_as_the_search_says(translator):
    sentences = [source for source, _ in made_pairs()[:20]] + ["Ein Hund", ""]
    found = translator.predict(sentences[:-1], SearchOptions(beam_size=3, n_best=3))
    flat = [(sentence, one) for sentence, row in zip(sentences, found, strict=False) for one in row.n_best]
    scores = translator.score([sentence for sentence, _ in flat], [one.translation for _, one in flat])
    spelled = [translator.target.encode(one.translation) for _, one in flat]
    # A search may spell a word in other pieces than the tokenizer does: those are other answers.
    alike = [len(ids) == round(one.score / one.normalized) for ids, (_, one) in zip(spelled, flat, strict=True)]
    assert sum(alike) > len(flat) / 2
    for score, (_, one), same in zip(scores, flat, alike, strict=True):
        assert score == pytest.approx(one.score, abs=1e-3) if same else score <= 0
    assert np.isfinite(translator.score([""], [""])).all()


def test_each_of_the_three_judges_can_turn_the_choice():
    even = (np.array([-3.0, -3.0, -3.0]), np.array([-5.0, -5.0, -5.0]), 4 * ONE)
    assert choose(TEXTS, *even) in TEXTS[:2], "two that are alike outvote the third"
    assert choose(TEXTS, np.array([-3.0, -3.0, -0.1]), *even[1:]) == TEXTS[2]
    assert choose(TEXTS, even[0], np.array([-5.0, -5.0, -0.1]), 4 * ONE) == TEXTS[2]
    assert choose(TEXTS[:1], ONE[:1], ONE[:1], ONE[:1]) == TEXTS[0] and choose([], *[ONE[:0]] * 3) == ""


def test_the_nearest_to_a_reference_is_taken():
    assert nearest(TEXTS, "Two cats sleep here.") == TEXTS[2]
    assert nearest(TEXTS, "nothing alike") == TEXTS[0] and nearest([], "a") == ""


@pytest.fixture
def command(model_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(distillation, "BLOCK", 4)
    sentences = [source for source, _ in made_pairs()[:10]]
    (tmp_path / "in.txt").write_text("".join(f"{line}\n" for line in sentences))
    (tmp_path / "gold.txt").write_text("".join(f"{target}\n" for _, target in made_pairs()[:10]))
    return ["--model", str(model_folder), "--input", str(tmp_path / "in.txt"), "--output", str(tmp_path / "out.txt")]


def test_a_line_comes_out_for_every_line_in_and_a_cut_run_goes_on(command, tmp_path, monkeypatch, capfd):
    flags = [*command, "--reference", str(tmp_path / "gold.txt"), "--beam-size", "3"]
    asked, ask = [], Teacher.__call__

    def cut(self, sentences, references=None):
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(list(sentences))
        return ask(self, sentences, references)

    with monkeypatch.context() as patch:
        patch.setattr(Teacher, "__call__", cut)
        assert main(flags) == 130
    assert not (tmp_path / "out.txt").exists() and "goes on" in capfd.readouterr().err
    with open(tmp_path / ".out.txt.partial", "a") as file:
        file.write("half a li")
    monkeypatch.setattr(Teacher, "__call__", lambda *words: asked.append(list(words[1])) or ask(*words))
    assert main(flags) == 0
    assert [len(block) for block in asked] == [4, 4, 2]
    said = (tmp_path / "out.txt").read_text().splitlines()
    assert len(said) == 10 and sum(a == b for a, (_, b) in zip(said, made_pairs(), strict=False)) >= 9
    assert not (tmp_path / ".out.txt.partial").exists()


def test_a_reverse_model_judges(command, tmp_path, model_folder):
    # The same model stands in for its reverse: what matters is that its scores are asked for and used.
    assert main([*command, "--reverse", str(model_folder), "--beam-size", "3"]) == 0
    assert len((tmp_path / "out.txt").read_text().splitlines()) == 10


def test_what_is_missing_or_does_not_fit_ends_with_one_line(command, tmp_path, capfd):
    (tmp_path / "gold.txt").write_text("one\n")
    assert main([*command, "--reference", str(tmp_path / "gold.txt")]) == 2
    assert "line by line" in capfd.readouterr().err
    assert main([*command, "--reverse", str(tmp_path / "none")]) == 2
    assert main([*command, "--reverse", command[1], "--beam-size", "0"]) == 2
    assert "beam_size" in capfd.readouterr().err
    nowhere = ["--output", str(tmp_path / "none" / "out.txt")]
    assert main([*command, "--reverse", command[1], *nowhere]) == 1
    assert "no such file or folder" in capfd.readouterr().err
    (tmp_path / "in.txt").write_bytes(b"\xff\n")
    assert main([*command, "--reverse", command[1]]) == 2
    assert "not UTF-8" in capfd.readouterr().err and not (tmp_path / "out.txt").exists()
