"""Clips from outside: what is read, what is refused, and that nothing else is touched."""

import io
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from data import clips
from data.clips import ClipRefused, frames_wanted, open_clip


def write_clip(path, frames: int = 12, rate: int = 6, size=(64, 48), times=None, codec: str = "mpeg4"):
    """A clip that gets brighter with every frame, red on its left half."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 100)
        for number in range(frames):
            pixels = np.full((size[1], size[0], 3), 20 * number % 256, np.uint8)
            pixels[:, : size[0] // 2, 0] = 255
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = int(100 * times[number]), Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi", "clip.mkv", "clip.mov"])
def test_a_clip_gives_upright_frames_evenly_over_its_time(tmp_path, name):
    clip = open_clip(write_clip(tmp_path / name))
    assert clip.frames.shape == (4, 48, 64, 3) and clip.frames.dtype == np.uint8
    assert clip.seconds == pytest.approx(2.0, abs=0.2)
    assert np.allclose(clip.times, [0.25, 0.75, 1.25, 1.75], atol=0.18)
    brightness = clip.frames[:, :, 40:, 2].mean(axis=(1, 2))
    assert (np.diff(brightness) > 0).all()


def test_a_gif_is_a_clip_and_its_last_name_does_not_matter(tmp_path):
    images = [Image.new("RGB", (40, 40), (shade, 0, 0)) for shade in (0, 80, 160, 240)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=500)
    (tmp_path / "b.mp4").write_bytes((tmp_path / "a.gif").read_bytes())
    assert open_clip(tmp_path / "b.mp4").frames.shape == (4, 40, 40, 3)


def test_the_rule_is_one_frame_a_second_between_4_and_16():
    assert [frames_wanted(seconds) for seconds in (0.0, 3.0, 9.5, 16.0, 3600.0)] == [4, 4, 10, 16, 16]


def test_long_clips_are_sampled_by_jumping_and_stay_small(tmp_path):
    path = write_clip(tmp_path / "long.mp4", frames=240, rate=2)
    clip = open_clip(path)
    assert len(clip.frames) == 16 and clip.seconds == pytest.approx(120, abs=1)
    assert np.allclose(clip.times, (np.arange(16) + 0.5) * 7.5, atol=1.0)


def test_rotation_is_applied(tmp_path):
    path = write_clip(tmp_path / "phone.mp4")
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    quarter = np.array([0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30], ">i4").tobytes()  # clockwise
    content[at : at + 36] = quarter
    path.write_bytes(content)
    frames = open_clip(path).frames
    assert frames.shape[1:] == (64, 48, 3)
    assert frames[0, :20, :, 0].mean() > 200 > 100 > frames[0, -20:, :, 0].mean()  # the left half is on top now


def test_times_that_vary_decide_which_frames_are_taken(tmp_path):
    times = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 4, 6, 8]
    clip = open_clip(write_clip(tmp_path / "vfr.mkv", times=times))
    assert clip.times.max() > 5 and (np.diff(clip.times) > 0).all()


def test_a_clip_that_is_cut_off_gives_what_there_is_and_says_so(tmp_path):
    path = write_clip(tmp_path / "whole.mkv", frames=60)
    content = path.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    clip = open_clip(tmp_path / "cut.mkv")
    assert len(clip.frames) >= 1 and any("cut off" in notice or "damaged" in notice for notice in clip.notices)


def sound_alone(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "PNG")
    return buffer.getvalue()


def test_what_is_no_clip_is_refused_by_name(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret")
    hostile = {
        "empty.mp4": (b"", "empty"),
        "photo.mp4": (png(), "no clip"),
        "list.mp4": (b"#EXTM3U\n#EXTINF:1,\nfile://" + str(secret).encode() + b"\n", "no clip"),
        "concat.mp4": (b"ffconcat version 1.0\nfile " + str(secret).encode() + b"\n", "no clip"),
        "page.mkv": (b"<MPD><BaseURL>http://localhost/</BaseURL></MPD>    ", "no clip"),
        "broken.mp4": (b"\0\0\0\x18ftypisom" + b"\0" * 500, "damaged|No frame|no pictures"),
    }
    for name, (content, why) in hostile.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ClipRefused, match=why):
            open_clip(tmp_path / name)
    sound_alone(tmp_path / "sound.mp4")
    with pytest.raises(ClipRefused, match="sound alone"):
        open_clip(tmp_path / "sound.mp4")
    with pytest.raises(FileNotFoundError):
        open_clip(tmp_path / "none.mp4")


def test_pictures_that_are_too_small_and_files_that_are_too_large_are_refused(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "thin.mkv", size=(400, 16))
    with pytest.raises(ClipRefused, match="narrow"):
        open_clip(path)
    monkeypatch.setattr(clips, "MAX_BYTES", 100)
    with pytest.raises(ClipRefused, match="limit"):
        open_clip(path)


def test_a_decoder_that_is_stuck_is_ended(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "clip.mp4")
    monkeypatch.setattr(clips, "_START", "import time; time.sleep(60)")
    monkeypatch.setattr(clips, "GRACE_SECONDS", 0.3)
    began = time.monotonic()
    with pytest.raises(ClipRefused, match="was ended"):
        open_clip(path, decode_seconds=0.2)
    assert time.monotonic() - began < 5


def test_a_decoder_without_enough_memory_does_not_harm_the_caller(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "clip.mp4")
    monkeypatch.setattr(clips, "_START", "import sys; sys.exit(1)")
    with pytest.raises(ClipRefused, match="broke off"):
        open_clip(path)


def test_when_time_is_over_what_there_is_is_taken(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", frames=40, size=(640, 480))
    try:
        clip = open_clip(path, decode_seconds=0.001)
    except ClipRefused as error:
        assert "No frame" in str(error) or "was ended" in str(error)  # a machine under load is slow to begin
    else:
        assert any("Decoding took" in notice for notice in clip.notices)


def test_a_folder_of_frames_is_a_clip(tmp_path):
    for number in range(20):
        Image.new("RGB", (64, 32), (10 * number, 0, 0)).save(tmp_path / f"{number:03}.png")
    clip = open_clip(tmp_path)
    assert clip.frames.shape == (16, 32, 64, 3) and "20 frames" in clip.notices[0]
    assert (np.diff(clip.frames[:, 0, 0, 0].astype(int)) > 0).all()
    (tmp_path / "000.png").write_bytes(png()[:60])
    with pytest.raises(ClipRefused, match=r"000\.png"):
        open_clip(tmp_path)
