"""Clips into words: from features and from pixels, on the command line and in a SavedModel."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from apps.shared.commands import main
from apps.video_captioning import evaluation
from apps.video_captioning.recipe import VideoCaptioningRecipe
from apps.video_captioning.task import VideoCaptioningTask
from tests.apps.video_captioning.conftest import SAYS


def test_a_trained_captioner_tells_the_clips_apart(trained, corpus, capfd):
    assert main(VideoCaptioningTask(), ["predict", "--model", str(trained), "--input", str(corpus / "features")]) == 0
    names = sorted(f"clip{number}.npy" for number in range(24))
    assert capfd.readouterr().out.splitlines() == [SAYS[int(name[4:-4]) % 2] for name in names]


def test_evaluation_scores_it_beside_what_it_must_beat(trained, corpus, tmp_path):
    words = ["evaluate", "--model", str(trained), "--features", str(corpus / "features"), "--split", "test"]
    words += ["--captions-file", str(corpus / "dev.csv"), "--report", str(tmp_path / "report.json")]
    assert main(VideoCaptioningTask(), words) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["bleu_1"] == 100.0 and report["rows"]["shuffled features"]["bleu_1"] < 100.0
    assert report["rows"]["one caption for all"]["caption"] in SAYS


def test_json_lines_carry_the_name_and_the_caption(trained, corpus, capfd):
    clip = str(corpus / "features" / "clip1.npy")
    flags = ["predict", "--model", str(trained), "--video", clip, "--json", "--n-best", "2"]
    assert main(VideoCaptioningTask(), flags) == 0
    line = json.loads(capfd.readouterr().out)
    assert line["input"] == clip and line["caption"] == SAYS[1] and len(line["n_best"]) == 2


def test_padding_behind_a_clip_changes_nothing(trained, corpus):
    captioner = VideoCaptioningTask().open(trained)
    short, long = (np.load(corpus / "features" / f"clip{number}.npy") for number in (0, 2))
    alone = [captioner.answer([one])[0].score for one in (short, long)]
    together = [one.score for one in captioner.answer([short, long])]
    assert together == pytest.approx(alone, abs=1e-4)


def test_the_trace_and_what_is_read_agree_with_the_answer(trained, corpus):
    captioner = VideoCaptioningTask().open(trained)
    path = corpus / "features" / "clip1.npy"
    trace = captioner.trace(path)
    best = captioner.predict([path])[0]
    assert trace["hypotheses"][0]["text"] == best.caption == SAYS[1]
    ids = trace["hypotheses"][0]["ids"]
    curve = captioner.arriving(np.load(path), ids)
    assert len(curve) == 3 and curve[-1] == pytest.approx(best.score, abs=1e-3)
    readings = captioner.explainer.read(captioner.encoder_input(path), ids)
    assert [one.stream.side for one in readings][-1] == "target"
    assert (len(readings) == 2) == (captioner.recipe.encoder == "s2vt")
    assert captioner.explainer.influence(captioner.encoder_input(path), ids).saliency.shape == (len(ids), 3)


def test_features_of_another_width_and_clips_without_an_encoder_fail_alone(trained, tmp_path):
    np.save(tmp_path / "other.npy", np.ones((2, 5)))
    Image.new("RGB", (32, 32)).save(tmp_path / "0.png")
    found = VideoCaptioningTask().open(trained).predict([tmp_path / "other.npy", tmp_path, np.ones((2, 6))])
    assert "reads 6" in found[0].error and "ready frame features" in found[1].error and found[2].caption


def test_a_saved_model_says_the_same(trained, corpus, tmp_path):
    import tensorflow as tf
    import tensorflow_text  # noqa: F401

    assert main(VideoCaptioningTask(), ["export", "--model", str(trained), "--output", str(tmp_path / "saved")]) == 0
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    features = np.zeros((2, 4, 6), np.float32)
    for row in (0, 1):
        one = np.load(corpus / "features" / f"clip{row}.npy")
        features[row, : len(one)] = one
    features[0, 2:] = 9.0  # behind the clip's length
    answer = loaded.signatures["serving_default"](features=tf.constant(features), lengths=tf.constant([2, 3]))
    assert [caption.decode() for caption in answer["caption"].numpy()] == list(SAYS)
    nothing = loaded.signatures["serving_default"](features=tf.constant(features), lengths=tf.constant([0, 3]))
    assert nothing["caption"].numpy()[0] == b""


def test_frames_in_a_folder_give_what_a_saved_model_gives_for_them(of_pixels, tmp_path):
    import tensorflow as tf
    import tensorflow_text  # noqa: F401

    from apps.video_captioning.exporting import export

    frames = np.random.default_rng(0).integers(0, 256, (3, 32, 64, 3), np.uint8)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"{number}.png")
    best = of_pixels.predict([tmp_path])[0]
    export(of_pixels, tmp_path / "saved")
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    more = np.concatenate([frames, frames[:1]])[None]
    answer = loaded.signatures["serving_default"](frames=tf.constant(more), lengths=tf.constant([3]))
    assert answer["caption"].numpy()[0].decode() == best.caption
    assert float(answer["score"][0]) == pytest.approx(best.score, abs=1e-3)
    features = of_pixels.read(tmp_path)[0][None]
    ready = loaded.signatures["features"](features=tf.constant(features), lengths=tf.constant([3]))
    assert float(ready["score"][0]) == pytest.approx(best.score, abs=1e-4)
    assert {"search", "encode", "step", "detokenize"} <= set(loaded.signatures)


def test_exact_matches_are_counted_by_place():
    found = evaluation.exact(["dog bite ball", "cat runs"], [("dog chase ball",), ("cat runs mouse",)])
    assert (found["subject"], found["relation"], found["object"], found["triple"]) == (100.0, 50.0, 50.0, 0.0)


def test_kept_features_depend_on_clips_and_encoder_and_come_back_as_they_were(tmp_path):
    from apps.video_captioning.features import KeptFeatures

    calls = []

    def extractor():
        calls.append(1)
        return lambda frames: frames.mean(axis=(1, 2)).astype(np.float32)

    kept = KeptFeatures(tmp_path, VideoCaptioningRecipe())
    clips = [("a", "12"), ("b", "7")]
    frames = {"a": np.full((2, 4, 4, 3), 8, np.uint8), "b": np.full((1, 4, 4, 3), 3, np.uint8)}
    first, again = (kept.get(clips, frames.__getitem__, extractor) for _ in range(2))
    assert len(calls) == 1 and [one.shape for one in again] == [(2, 3), (1, 3)]
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    other = KeptFeatures(tmp_path, VideoCaptioningRecipe(frame_width=64))
    assert len({kept.digest(clips), kept.digest(clips[:1]), other.digest(clips)}) == 3


def test_impossible_recipes_are_refused():
    for wrong in ({"corpus": "films"}, {"encoder": "attention"}, {"fold": 5}, {"max_frames": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            VideoCaptioningRecipe(**wrong)
    assert math.isclose(VideoCaptioningRecipe().length_penalty, 1.0)
