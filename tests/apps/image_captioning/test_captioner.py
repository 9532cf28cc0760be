"""A captioner from photos to captions, and out again: folders, traces, the SavedModel."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from apps.image_captioning.task import ImageCaptioningEvaluateOptions, ImageCaptioningTask
from apps.image_captioning.widget import words_of
from apps.shared.commands import main
from apps.shared.predictor import Failed
from metrics.captions import caption_scores
from models.decoding.options import SearchOptions
from tests.apps.image_captioning.conftest import COLOURS

GREEDY = SearchOptions(beam_size=1, max_length=10)


def test_it_says_what_it_learned_of_photos_that_it_has_not_seen(captioner, photos):
    said = captioner.predict([photos / f"{name}-3.png" for name in COLOURS])
    assert [name in one.caption.split() for name, one in zip(COLOURS, said, strict=True)] == [True] * len(COLOURS)


def test_bytes_and_files_are_answered_alike(captioner, photos):
    file, content = captioner.predict([photos / "red-0.png", (photos / "red-0.png").read_bytes()])
    assert file.caption == content.caption and file.score == pytest.approx(content.score, abs=1e-5)


def test_the_n_best_come_with_scores_best_first(captioner, photos):
    found = captioner.predict([photos / "blue-1.png"], SearchOptions(beam_size=3, n_best=3, max_length=10))[0]
    scores = [one.normalized for one in found.n_best]
    assert len(scores) == 3 and scores == sorted(scores, reverse=True)
    assert json.loads(json.dumps(found.to_json()))["n_best"][0]["caption"] == found.caption


def test_a_prefix_is_kept(captioner, photos):
    search = SearchOptions(beam_size=2, max_length=10, prefix="all")
    assert captioner.predict([photos / "red-1.png"], search)[0].caption.startswith("all")


def test_a_bad_photo_fails_alone(captioner, photos, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes((photos / "red-0.png").read_bytes()[:60])
    results = captioner.predict([photos / "red-0.png", broken, photos / "blue-0.png"])
    assert [isinstance(one, Failed) for one in results] == [False, True, False]
    assert "damaged" in results[1].error or "no photo" in results[1].error


def test_a_folder_with_one_bad_photo_answers_the_others_names_it_and_exits_with_1(
    model_folder, photos, tmp_path, capsysbinary
):
    for path in photos.glob("*-0.png"):
        shutil.copy(path, tmp_path)
    (tmp_path / "notes.jpg").write_text("This is no photo.")
    command = ["predict", "--model", str(model_folder), "--input", str(tmp_path), "--json", "--beam-size", "1"]
    assert main(ImageCaptioningTask(), command) == 1
    out, err = capsysbinary.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == 5 and sum("caption" in row for row in rows) == 4
    assert b"notes.jpg" in err and b"Traceback" not in err


def test_a_trace_tells_the_search_and_the_regions_of_the_photo(captioner, photos):
    trace = captioner.trace(photos / "green-0.png", GREEDY)
    assert trace["task"] == "image_captioning" and trace["hypotheses"][0]["text"]
    assert len(trace["source"]["tokens"]) == trace["source"]["rows"] * trace["source"]["columns"]


def test_covering_the_half_that_a_word_speaks_of_costs_it_most(captioner, photos, tmp_path):
    image = Image.new("RGB", (40, 40), (127, 127, 127))
    image.paste((220, 30, 30), (0, 0, 20, 40))
    image.save(tmp_path / "half.png")
    ids = captioner.encode("a red wall")
    log_probs, losses = captioner.occlude(tmp_path / "half.png", ids, side=4)
    assert losses.shape == (len(ids), 4, 4)
    red = losses[words_of(captioner.spell(ids))[1]].sum(axis=0)
    assert (
        red[:, :2].mean() > red[:, 2:].mean() and np.abs(losses[:, :, 3]).max() < 1e-4
    )  # grey on grey changes nothing
    features = captioner.features([captioner.read(tmp_path / "half.png")[0]])
    assert captioner.log_probs(features, ids)[0] == pytest.approx(log_probs, abs=1e-5)


def test_a_blank_line_is_answered_with_nothing(captioner):
    assert captioner.predict([""])[0].caption == ""


def test_evaluation_has_the_metrics_and_its_controls(captioner, files):
    options = ImageCaptioningEvaluateOptions(
        model="made", data_dir=None, photos=files["photos"], captions_file=files["dev_captions_file"]
    )
    search = SearchOptions(beam_size=2, max_length=10)
    report = ImageCaptioningTask().evaluate(captioner, options, search)
    said = [one.caption for one in captioner.predict([files["photos"] / f"{name}-3.png" for name in COLOURS], search)]
    alone = caption_scores(said, [[f"a {name} wall"] for name in COLOURS])
    assert report.scores["cider_d"] == pytest.approx(alone.cider_d, abs=0.01)
    assert report.scores["captions"] == 4 and "CIDEr-D" in report.table
    assert {"greedy", "beam", "other photos' captions", "one caption for all"} <= report.scores["rows"].keys()


def test_the_saved_model_captions_image_bytes_as_predict_does(captioner, photos, tmp_path):
    tf = pytest.importorskip("tensorflow")
    ImageCaptioningTask().export(captioner, tmp_path / "saved")
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    paths = sorted(photos.glob("*-1.png"))
    content = tf.constant([path.read_bytes() for path in paths])
    answers = loaded.signatures["serving_default"](image_bytes=content)
    expected = captioner.predict(paths)
    assert [text.decode() for text in answers["caption"].numpy()] == [one.caption for one in expected]
    assert answers["score"].numpy() == pytest.approx([one.score for one in expected], abs=2e-3)
    blank = loaded.signatures["serving_default"](image_bytes=tf.constant([b"", paths[0].read_bytes()]))
    assert blank["caption"].numpy()[0] == b"" and blank["caption"].numpy()[1] == answers["caption"].numpy()[0]
    assert "image_bytes" in (tmp_path / "saved" / "signatures.md").read_text()


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(32, 32), (301, 200), (200, 260), (200, 368), (200, 369), (90, 640), (31, 33)])
def test_pixels_in_the_graph_are_those_of_predict(size, form):
    import io

    from data.photos import open_photo, squash
    from serving.signatures.photo import PhotoReader

    noise = np.random.default_rng(0).integers(0, 256, (size[1] // 4, size[0] // 4 + 1, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(file, form, quality=90)
    ours = squash(open_photo(file.getvalue()).image, 32).astype(np.float32)
    import tensorflow as tf

    inside = PhotoReader(32, 10)(tf.constant([file.getvalue()])).source.numpy()[0]
    # A 255th of the range would do; rounding as Pillow rounds leaves next to nothing.
    assert np.abs(inside - ours).mean() <= 0.02 and np.abs(inside - ours).max() <= 1
