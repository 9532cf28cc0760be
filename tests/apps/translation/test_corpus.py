import itertools

import numpy as np
import pytest

from apps.shared.errors import UserError
from apps.translation.corpus import ParallelText, SourceBatches, TrainingBatches, learn_subwords, read_split
from apps.translation.recipe import TranslationRecipe
from apps.translation.task import TranslationOptions
from data.tokenizers.special import BOS_ID, EOS_ID, PAD_ID
from tests.apps.translation.conftest import RECIPE, made_pairs


def batches(**changes):
    from dataclasses import replace

    recipe = replace(RECIPE, **changes)
    source, target = learn_subwords(made_pairs(), recipe)
    text = ParallelText(train=made_pairs(), dev=[], source=source, target=target)
    return TrainingBatches(text, recipe, seed=3)


def flat(epoch):
    return [(inputs["source"].tolist(), target.tolist()) for inputs, target in epoch]


def test_an_epoch_asked_for_twice_is_the_same_and_another_epoch_is_not():
    made = batches()
    assert flat(made(0)) == flat(made(0))
    assert flat(made(0)) != flat(made(1))


def test_sampled_segmentations_differ_between_epochs_and_not_between_askings():
    made = batches(subword_sampling=0.2)
    assert flat(made(4)) == flat(made(4))
    lengths = [sum(np.count_nonzero(inputs["source"]) for inputs, _ in made(epoch)) for epoch in (0, 1)]
    assert lengths[0] != lengths[1]


def test_neighbouring_batches_differ_in_width_so_that_keras_sees_which_dimensions_vary():
    epoch = batches()(0)
    for (one, target), (other, other_target) in itertools.pairwise(epoch):
        assert one["source"].shape[1] != other["source"].shape[1]
        assert target.shape[1] != other_target.shape[1]


def test_the_decoder_reads_the_target_one_token_late():
    inputs, target_out = batches()(0)[0]
    row = target_out[0][target_out[0] != PAD_ID]
    assert row[-1] == EOS_ID
    assert inputs["target_in"][0][: len(row)].tolist() == [BOS_ID, *row[:-1]]


def test_pairs_longer_than_the_window_are_left_out_of_training():
    with pytest.raises(ValueError, match="longer than max_source_length"):
        batches(max_source_length=1)


def test_one_file_without_the_other_is_refused(files, tmp_path):
    options = TranslationOptions(output=tmp_path, source_file=files["source_file"])
    with pytest.raises(UserError, match="Give both --source-file and --target-file"):
        read_split(TranslationRecipe(), "train", options)


def test_files_of_different_length_are_refused_with_both_counts(files, tmp_path):
    short = tmp_path / "short.txt"
    short.write_text("A dog.\n", encoding="utf-8")
    options = TranslationOptions(output=tmp_path, source_file=files["source_file"], target_file=short)
    with pytest.raises(ValueError, match=r"has 1,080 lines and .*short.txt 1: line n of one must"):
        read_split(TranslationRecipe(), "train", options)


def test_a_line_that_is_not_utf8_is_named(files, tmp_path):
    broken = tmp_path / "latin1.txt"
    broken.write_bytes(b"A dog.\nUn gar\xe7on.\n")
    options = TranslationOptions(output=tmp_path, source_file=broken, target_file=files["target_file"])
    with pytest.raises(ValueError, match="latin1.txt, line 2: not UTF-8"):
        read_split(TranslationRecipe(), "train", options)


def test_no_corpus_at_all_says_what_to_give(tmp_path):
    with pytest.raises(UserError, match="--data-dir or in CARROUSEL_DATA"):
        read_split(TranslationRecipe(), "train", TranslationOptions(output=tmp_path, data_dir=None))


def test_own_files_need_dev_files_of_their_own(tmp_path):
    for name in ("a.de", "a.en"):
        (tmp_path / name).write_text("eins\n")
    options = TranslationOptions(
        output=tmp_path / "r", source_file=tmp_path / "a.de", target_file=tmp_path / "a.en", data_dir=tmp_path
    )
    assert read_split(RECIPE, "train", options) == [("eins", "eins")]
    with pytest.raises(UserError, match="--dev-source-file and --dev-target-file"):
        read_split(RECIPE, "val", options)


def test_batches_for_jax_have_few_widths():
    made = batches()
    made.multiple, made.varied = 16, False
    widths = {(inputs["source"].shape[1], target.shape[1]) for inputs, target in made(0)}
    assert all(width % 16 == 0 for pair in widths for width in pair) and len(widths) <= 2


def test_batches_without_translations_hold_every_sentence_once_and_name_it():
    batches = SourceBatches([([5] * length, [6]) for length in (1, 4, 2, 3, 1)], batch_size=2, seed=1)
    found = [batches(0)[number] for number in range(batches.steps_per_epoch)]
    assert sorted(item for inputs, _ in found for item in inputs["item"]) == [0, 1, 2, 3, 4]
    for inputs, numbers in found:
        lengths = [len(batches.encoded[item][0]) for item in inputs["item"]]
        assert (inputs["source"] != PAD_ID).sum(axis=1).tolist() == lengths
        assert (numbers == inputs["item"] + 1).all()  # what is not 0 is counted
    widths = [inputs["source"].shape[1] for inputs, _ in found]
    assert all(one != other for one, other in itertools.pairwise(widths))
