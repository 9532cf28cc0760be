"""The user's own sentence pairs: two text files, line n of one translating line n of the other."""

from __future__ import annotations

from pathlib import Path

from data.corpora.lines import read_lines


def read_pairs(source_file: str | Path, target_file: str | Path) -> list[tuple[str, str]]:
    """Reads two parallel files, plain or gzipped.

    Pairs with a blank side are left out.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a line is not UTF-8, the files have different numbers of lines, or no pair is left.
    """
    sources, targets = read_lines(source_file), read_lines(target_file)
    if len(sources) != len(targets):
        raise ValueError(
            f"{source_file} has {len(sources):,} lines and {target_file} {len(targets):,}: line n of one must "
            "translate line n of the other."
        )
    pairs = [(source, target) for source, target in zip(sources, targets, strict=True) if source and target]
    if not pairs:
        raise ValueError(f"{source_file} and {target_file} hold no sentence pair: every line is blank on one side.")
    return pairs
