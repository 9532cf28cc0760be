"""The benchmarks of photos and clips: what they make is what they say; the slow ones hold the limits."""

import io
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import clips, measuring, photos
from data.photos import PhotoRefused, open_photo
from serving import store

SHIPPED = store.shipped("image_captioning")


def test_a_bomb_is_small_and_refused_before_it_is_decoded():
    content = photos.bomb(30_000, 30_000)
    assert len(content) < 300_000
    with pytest.raises(PhotoRefused, match="30,000 × 30,000|megapixels"):
        open_photo(content)
    assert open_photo(photos.bomb(64, 32)).image.size == (64, 32)  # it is a whole photo all the same


def test_twenty_photos_are_there_upright_rgb_and_different():
    found = photos.photos()
    assert len(found) == len(set(found.values())) == photos.WANTED
    for content in found.values():
        image = Image.open(io.BytesIO(content))
        assert image.mode == "RGB" and min(image.size) >= 64


def test_a_watched_command_tells_its_exit_code_its_words_and_its_memory():
    import sys

    code = "x = bytearray(b'1') * 300_000_000; print(len(x)); raise SystemExit(3)"
    done = measuring.watched([sys.executable, "-c", code])
    assert (done["rc"], done["out"].strip()) == (3, "300000000") and done["peak"] > 300_000_000
    assert done["seconds"] > 0 and measuring.watched([sys.executable, "-c", "raise SystemExit('no')"])["err"] == "no\n"


def test_limits_that_are_not_kept_are_told():
    good = {"parity": {"pixels": {"a": 0.4}, "same": 19}, "memory": {"a": {"peak": 2**30}}}
    assert photos.kept(good) and photos.kept({})
    assert not photos.kept({**good, "memory": {"a": {"peak": 2**31}}})
    assert not photos.kept({**good, "parity": {"pixels": {"a": 1.4}, "same": 20}})


@pytest.mark.slow
@pytest.mark.skipif(not SHIPPED, reason="no captioner is shipped")
def test_predict_stays_below_its_memory_and_names_what_is_bad():
    rows = photos.memory(SHIPPED[0])
    assert max(row["peak"] for row in rows.values()) < photos.LIMIT
    assert [row["rc"] for row in rows.values()] == [0, 0, 1, 1, 1]
    many = rows["a hundred, one cut off"]
    assert many["answers"] == 100 and any("057.png" in line for line in many["said"])  # an empty line for the bad one


@pytest.mark.slow
@pytest.mark.skipif(not SHIPPED, reason="no captioner is shipped")
def test_the_saved_model_captions_twenty_photos_as_predict_does():
    from apps.image_captioning.task import ImageCaptioningTask

    captioner = ImageCaptioningTask().open(store.resolve(SHIPPED[0], "image_captioning"))
    found = photos.parity(captioner, photos.photos())
    assert max(found["pixels"].values()) <= 1.0 and found["same"] >= 19


@pytest.mark.slow
@pytest.mark.parametrize("name", ["10 s, 4K", "one hour", "100,000 frames"])
def test_a_clip_however_long_or_large_takes_bounded_memory_and_time(name, tmp_path):
    path = Path(tmp_path / "clip.mp4")
    path.write_bytes(clips.clips()[name]())
    row = clips.opened(path)
    assert 4 <= row["frames"] <= 16 and row["peak"] < 1.5 * 2**30 and row["seconds"] < 30
