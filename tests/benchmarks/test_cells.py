"""The comparison of cells: equal parameters, and that it goes on where it was stopped."""

import json

import pytest

from benchmarks import cells


@pytest.mark.parametrize("cell", cells.CELLS)
def test_every_cell_gets_as_many_weights_as_the_lstm(cell):
    target = cells.recurrent_weights(cells.recipe_of("lstm", 200, 1))
    found = cells.as_large_as(cell, target, 1)
    assert found.cell == cell
    assert cells.recurrent_weights(found) == pytest.approx(target, rel=0.015)


def test_the_weights_that_are_counted_are_the_tagger_s():
    from apps.pos_tagging.network import build
    from apps.pos_tagging.vocabulary import Vocabulary
    from data.corpora.conllu import TaggedSentence

    recipe = cells.recipe_of("gru", 24, 1)
    words = [TaggedSentence(words=("a", "b"), tags=("DET", "NOUN"))] * 3
    tagger = build(recipe, Vocabulary.learn(words, recipe, None))
    counted = sum(int(weight.numpy().size) for weight in tagger.weights if "/layer_1" in weight.path)
    assert counted == cells.recurrent_weights(recipe)


def test_what_is_in_the_report_is_not_trained_again(monkeypatch, tmp_path, capsys):
    begun = []

    def run(recipe, seed, data_dir, treebank):
        begun.append((recipe.cell, seed))
        return {
            "accuracy": 90.0 + seed,
            "unknown_accuracy": 70.0,
            "dev": 91.0,
            "cpu_seconds": 1,
            "units": recipe.units,
            "recurrent_weights": 5,
        }

    monkeypatch.setattr(cells, "run", run)
    report = tmp_path / "cells.json"
    base = ["--data-dir", str(tmp_path), "--report", str(report), "--cells", "lstm", "gru"]
    assert cells.main(base) == 0
    assert cells.main([*base, "--seeds", "2"]) == 0
    assert begun == [("lstm", 1), ("gru", 1), ("lstm", 2), ("gru", 2)]
    assert "| gru | 236 | 5 | 91.50 ± 0.71 | 70.0 | 91.00 | 1 |" in capsys.readouterr().out
    assert cells.main([*base, "--epochs", "9"]) == 2
    assert len(json.loads(report.read_text())["runs"]) == 4
