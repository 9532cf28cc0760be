"""Clips made of photos: the camera stays within them, moves, and cuts; what is written can be read."""

import numpy as np
import pytest
from PIL import Image

from data.clips import open_clip
from data.made_clips import MOST_FRAMES, MadeClip, camera, encode, film, plan


def ramp(width=200, height=120):
    """A photo that is red from left to right and green from top to bottom."""
    red, green = np.linspace(0, 250, width), np.linspace(0, 250, height)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = red[None], green[:, None]
    return Image.fromarray(pixels)


def test_the_camera_moves_and_stays_within_the_photo():
    frames = list(camera([ramp()], 2.0, 5, (64, 48), begin=(0.0, 0.0, 0.5), end=(1.0, 1.0, 0.5)))
    assert len(frames) == 10 and {frame.shape for frame in frames} == {(48, 64, 3)}
    means = [frame[..., 0].mean() for frame in frames]
    assert means == sorted(means) and means[-1] > means[0] + 80
    assert frames[0][0, 0, 0] < 10 and frames[-1][-1, -1, 0] > 240


def test_two_photos_are_cut_together_and_the_written_clip_can_be_read(tmp_path):
    photos = [Image.new("RGB", (80, 60), colour) for colour in ("red", "blue")]
    (tmp_path / "clip.mp4").write_bytes(encode(camera(photos, 4.0, 4, (64, 48)), 4))
    clip = open_clip(tmp_path / "clip.mp4")
    assert clip.seconds == pytest.approx(4.0, abs=0.3) and len(clip.frames) == 4
    assert clip.frames[0, ..., 0].mean() > 150 > 100 > clip.frames[0, ..., 2].mean()
    assert clip.frames[-1, ..., 2].mean() > 150 > 100 > clip.frames[-1, ..., 0].mean()


def test_nothing_is_no_clip():
    with pytest.raises(ValueError, match="no frame"):
        encode([], 4)


def test_a_plan_cuts_half_of_its_clips_and_every_clip_is_about_what_is_seen_longest():
    photos = [f"{letter}.jpg" for letter in "abcde"]
    clips = plan(photos, 400)
    assert clips == plan(photos, 400) != plan(photos, 400, seed=1)
    assert len({clip.name for clip in clips}) == 400
    assert all(4 <= sum(frames for _, frames in clip.shots) <= MOST_FRAMES for clip in clips)
    cut = [clip for clip in clips if len(clip.shots) == 2]
    assert 150 < len(cut) < 250
    for clip in cut:
        times = dict(clip.shots)
        assert len(times) == 2 and times.pop(clip.about) > max(times.values()) >= 1
    assert 0 < sum(clip.shots[0][0] == clip.about for clip in cut) < len(cut), "the longer shot comes first, or last"


def test_a_film_shows_its_shots_one_after_another_from_a_hand_that_shakes():
    photos = {"red": Image.new("RGB", (90, 60), "red"), "ramp": ramp()}
    clip = MadeClip(name="one", shots=(("red", 1), ("ramp", 5)))
    frames = film(clip, photos.__getitem__, (64, 48))
    assert frames.shape == (6, 48, 64, 3) and frames.dtype == np.uint8
    assert frames[0, ..., 0].min() == 255 and frames[1, ..., 0].min() < 200
    assert np.array_equal(frames, film(clip, photos.__getitem__, (64, 48)))
    other = film(MadeClip(name="two", shots=clip.shots), photos.__getitem__, (64, 48))
    assert not np.array_equal(frames, other)


def test_a_shaking_camera_stays_within_the_photo():
    still = {"begin": (0.5, 0.5, 0.5), "end": (0.5, 0.5, 0.5)}
    shaken = list(camera([ramp()], 2.0, 5, (64, 48), **still, shake=np.random.default_rng(0)))
    left = [float(frame[0, 0, 0]) for frame in shaken]
    assert len(set(left)) > 3 and max(left) - min(left) < 40
    assert len({frame.tobytes() for frame in camera([ramp()], 2.0, 5, (64, 48), **still)}) == 1
