"""A folder of inputs in shards: what there is, what is done, and one shard's answers written whole or not at all.

    DIR/run.json             what the run was begun with: task, model, search, inputs
    DIR/NAME                 a shard's answers: the lines of `predict --input NAME`, with .jsonl behind NAME for --json
    DIR/NAME.errors.jsonl    its inputs that have no answer: where each stands, what it was, why

A shard is done when its answers are there: they get their name last, and doing a shard again gives the same file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from apps.shared import files
from apps.shared.errors import UserError
from serving.files import whole_file

RUN = "run.json"
FORMAT, VERSION = "carrousel.batch", 1


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A part of the inputs that is answered in one go.

    Attributes:
        name: what it is called.
        inputs: for text one file with a text a line; else photos or clips.
        size: bytes of these; a clip that is a folder of frames counts its files.
    """

    name: str
    inputs: tuple[str, ...]
    size: int

    def answers(self, as_json: bool, kind: str) -> str:
        """The name of the file with its answers."""
        if as_json:
            return f"{self.name}.jsonl"
        return self.name if kind == "text" else f"{self.name}.txt"

    @property
    def errors(self) -> str:
        """The name of the file with its inputs that failed."""
        return f"{self.name}.errors.jsonl"


def find(folder: str | Path, kind: Literal["text", "image", "video"], shard_size: int) -> list[Shard]:
    """The shards of a folder: each of its files with texts, or its photos or clips by name, `shard_size` together.

    Raises:
        UserError: there is no such folder, or nothing in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder. With --engine ray, --input names a folder of shards.")
    if kind == "text":
        paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        if not paths:
            raise UserError(f"No file in {folder}. Cut your lines into files: split -n l/100 FILE {folder}/")
        return [Shard(name=path.name, inputs=(str(path.resolve()),), size=path.stat().st_size) for path in paths]
    paths = [Path(item.value).resolve() for item in files.items(str(folder), kind)]
    groups = [paths[begin : begin + shard_size] for begin in range(0, len(paths), shard_size)]
    return [
        Shard(name=f"part-{number:05d}", inputs=tuple(map(str, group)), size=sum(map(_size, group)))
        for number, group in enumerate(groups)
    ]


def begin(folder: Path, settings: Mapping[str, Any], shards: Sequence[Shard]) -> None:
    """Makes the output folder and notes what the run is, or makes sure that this is the run that was begun there.

    Args:
        folder: new, empty, or that of a run.
        settings: what the answers depend on, JSON-ready.
        shards: all of them.

    Raises:
        UserError: it holds something else, or another run; the message says in what they differ.
    """
    facts = [
        [shard.name, len(shard.inputs), shard.size, [Path(path).name for path in shard.inputs]] for shard in shards
    ]
    digest = hashlib.sha256(json.dumps(facts).encode("utf-8", "surrogatepass")).hexdigest()
    wanted = {"format": FORMAT, "version": VERSION, **settings, "inputs": {"shards": len(shards), "sha256": digest}}
    wanted = json.loads(json.dumps(wanted))
    if not (folder / RUN).exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"{folder} exists and is no run of predict --engine ray. Name a new folder with --output.")
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / RUN) as file:
            file.write((json.dumps(wanted, indent=2, ensure_ascii=True) + "\n").encode())
        return
    try:
        begun = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{folder / RUN} is damaged. Name a new folder with --output.") from error
    differ = [name for name in wanted if not isinstance(begun, dict) or begun.get(name) != wanted[name]]
    if differ:
        raise UserError(
            f"{folder} holds a run that differs in: {', '.join(differ)} (see {folder / RUN}). "
            "Name a new folder with --output."
        )


def is_done(folder: Path, shard: Shard, as_json: bool, kind: str) -> bool:
    """Whether a shard's answers are there."""
    return (folder / shard.answers(as_json, kind)).is_file()


def tidy(folder: Path) -> None:
    """Removes what a worker that was killed has left half written."""
    for path in folder.glob(".*.partial"):
        path.unlink(missing_ok=True)


def count_failed(folder: Path, shard: Shard) -> int:
    """How many inputs of a finished shard have no answer."""
    try:
        with open(folder / shard.errors, "rb") as file:
            return sum(1 for _ in file)
    except FileNotFoundError:
        return 0


def count_answers(folder: Path, shard: Shard, as_json: bool, kind: str) -> int:
    """How many inputs a finished shard has."""
    with open(folder / shard.answers(as_json, kind), "rb") as file:
        return sum(1 for _ in file)


def answer(predictor: Any, shard: Shard, kind: Any, search: Any, as_json: bool, folder: Path) -> None:
    """Answers a shard and writes its two files; the one with the answers gets its name last.

    Args:
        predictor: a `Predictor`.
        shard: what to answer.
        kind: the task's `input_kind`.
        search: `SearchOptions`, or None.
        as_json: write JSON lines.
        folder: of the output.

    Raises:
        UserError: the shard cannot be read.
        OSError: its files cannot be written.
    """
    from apps.shared.commands.predict import answers, as_line  # here, since that imports this for `--engine`
    from apps.shared.predictor import Failed

    failures: list[str] = []
    with whole_file(folder / shard.answers(as_json, kind)) as out:
        for item, result in answers(predictor, _items(shard, kind), search, predictor.at_once):
            out.write(as_line(result, as_json))
            if isinstance(result, Failed):
                failures.append(files.json_line({"place": item.place, "input": result.input, "error": result.error}))
        if failures:
            with whole_file(folder / shard.errors) as file:
                file.write("".join(f"{line}\n" for line in failures).encode())
        else:
            (folder / shard.errors).unlink(missing_ok=True)


def _items(shard: Shard, kind: Any) -> Any:
    if kind == "text":
        return files.items(shard.inputs[0], kind)
    return iter([files.Item(place=Path(path).name, value=Path(path)) for path in shard.inputs])


def _size(path: Path) -> int:
    return sum(1 for _ in path.iterdir()) if path.is_dir() else path.stat().st_size
