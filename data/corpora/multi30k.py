"""Multi30k (Elliott et al. 2016): captions of photos in English, German, French and Czech, line by line."""

from __future__ import annotations

from pathlib import Path

from data.corpora.lines import read_lines

LANGUAGES = ("en", "de", "fr", "cs")
SPLITS = ("train", "val", "test_2016_flickr", "test_2017_flickr")

HOME = "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/"
FILES = {
    "test_2016_flickr.cs.gz": "200a4a74cc9560f051924abb9803be008d1908d77f747e9141aeb86dfd2797f1",
    "test_2016_flickr.de.gz": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    "test_2016_flickr.en.gz": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
    "test_2016_flickr.fr.gz": "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
    "test_2017_flickr.de.gz": "a2c89666db00c495cd8513b9d708d5a3acc205d7de312ef2bf5fb7ebc1540aee",
    "test_2017_flickr.en.gz": "76a444ee25172e72695cddb13ae4a3bda59430617be88e0bb46b60504f054074",
    "test_2017_flickr.fr.gz": "3ba671ceb2299f3304ffafefea7a833d08632fbaf0ba18546f8a2ec2391af496",
    "train.cs.gz": "a65adb8b32e3bc664f21ecba7a6e7f6950fd1f405e135f7c312faabdb6255077",
    "train.de.gz": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.en.gz": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "train.fr.gz": "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
    "val.cs.gz": "b63226e05c4bd5dd6a42897d74b86a1b9d2c31498252c572b1ea7f7996927fcc",
    "val.de.gz": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.en.gz": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "val.fr.gz": "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
}


def read(directory: str | Path, split: str, language: str) -> list[str]:
    """Reads one side of one split.

    Args:
        directory: the folder with `train.de.gz` and so on, plain or gzipped; a folder `multi30k` inside is found too.
        split: one of `SPLITS`, or any other name for which there is a file.
        language: "en", "de", "fr" or "cs".

    Returns:
        The sentences in the file's order, blanks at both ends removed.

    Raises:
        FileNotFoundError: no such file; the message names what was looked for.
        ValueError: a line is not UTF-8.
    """
    return read_lines(_find(Path(directory), f"{split}.{language}"))


def read_pairs(directory: str | Path, split: str, source: str, target: str) -> list[tuple[str, str]]:
    """Reads both sides of one split.

    Raises:
        FileNotFoundError: a side is missing.
        ValueError: the two sides do not have the same number of lines.
    """
    sources, targets = read(directory, split, source), read(directory, split, target)
    if len(sources) != len(targets):
        raise ValueError(
            f"{split}.{source} has {len(sources):,} lines and {split}.{target} {len(targets):,}: "
            "line n of one must translate line n of the other. Fetch the corpus again."
        )
    return list(zip(sources, targets, strict=True))


def _find(directory: Path, name: str) -> Path:
    for folder in (directory, directory / "multi30k"):
        for candidate in (folder / f"{name}.gz", folder / name):
            if candidate.is_file():
                return candidate
    raise FileNotFoundError(
        f"No {name} or {name}.gz in {directory} or {directory / 'multi30k'}. Give the corpus with --data-dir, or name "
        "its folder in CARROUSEL_DATA."
    )
