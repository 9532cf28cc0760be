"""Clips made of photos: the camera stays within them, moves, and cuts; what is written can be read."""

import numpy as np
import pytest
from PIL import Image

from data.clips import open_clip
from data.made_clips import camera, encode


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
