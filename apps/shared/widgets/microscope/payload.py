"""What the decoding microscope is given, what it asks for, and how both cross between Python and the browser.

A page builds one `MicroscopeView` and hands it to `microscope(key, view, on_request)`. The view knows nothing
of the task: a source made of units (words, regions of a photo, frames of a clip), and one or more *branches*,
each a whole decoded sentence with its search trace (DecodingTrace, `carrousel.trace` version 1) and its gate
readings.

    view = MicroscopeView(
        source=Source(kind="text", name="German", language="de",
                      units=(SourceUnit(text="Ein", columns=(0,)), SourceUnit(text="end", columns=(1,)))),
        target=Target(name="English", language="en", vocabulary_size=8000),
        branches=(Branch(id="original", label="original", trace=trace, streams=(encoder, decoder)),),
    )

Only `trace` is required of a branch: every panel whose data is None is left out.

**Time.** A source stream has one column per source token (or region, or frame), in source order; a stream
that reads backwards sets `reverse` and keeps source order. A target stream has one column per token of the
shown hypothesis, `</s>` included: column t is the step that *wrote* token t, and so had *read* token t−1 (the
start token at t = 0). The widget says so.

**Bytes.** `encode(view)` gives `MAGIC`, the header's length (uint32, little-endian), a UTF-8 JSON header
padded with spaces to a multiple of eight, and one block of little-endian float16 values. In the header an
array is `{"at": first value of its branch, "shape": [...]}`. Bytes go to Streamlit at the top level: inside a
dict they would silently become a string. Only what cannot be derived is sent: the browser computes c and h
from the gates, so that its equations always add up (float16 leaves |Δc| within 0.004 of the model's own).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

MAGIC = b"CARRMSC1"
FLOAT16_MAX = 65504.0
THUMBNAIL_PREFIXES = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "webp", "gif"))

SourceKind = Literal["text", "image", "frames"]
Side = Literal["source", "target"]
CellKind = Literal["lstm", "peephole", "block", "coupled", "gru", "rnn"]
EditAction = Literal["zero", "one", "freeze", "value"]
RequestType = Literal["force", "continue", "edit", "undo"]

EDIT_ACTIONS: tuple[str, ...] = ("zero", "one", "freeze", "value")
REQUEST_TYPES: tuple[str, ...] = ("force", "continue", "edit", "undo")
STREAM_ARRAYS = ("input", "forget", "output", "candidate", "update", "reset", "cell", "hidden")


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceUnit:
    """One thing of the source that a written word can lean on.

    Attributes:
        text: the word as the user wrote it ("Hund"; for the end token "end"); for a region or frame what a
            screen reader says and what stands under the thumbnail ("top left", "1.2 s").
        columns: which columns of the source streams (tokens) make it up, in order; empty when no stream reads
            it.
        image: a `data:image/...;base64,` thumbnail in place of the word (png, jpeg, webp or gif), or "".
    """

    text: str
    columns: tuple[int, ...] = ()
    image: str = ""

    def __post_init__(self) -> None:
        if self.image and not self.image.startswith(THUMBNAIL_PREFIXES):
            got = self.image[:40]
            raise ValueError(f"a thumbnail must be a base64 data URI (png, jpeg, webp, gif), got {got!r}.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """The source side of the stage.

    Attributes:
        kind: "text" (words), "image" (regions as thumbnails) or "frames" (a film strip).
        name: what stands beside it ("German", "Photo", "Clip").
        language: BCP 47 tag for screen readers and hyphenation ("de"), "" when it has none.
        units: the words, regions or frames, in order. For text the end token is a unit of its own ("end")
            when the encoder reads it.
    """

    kind: SourceKind
    name: str
    units: tuple[SourceUnit, ...]
    language: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """The written side of the stage.

    Attributes:
        name: what stands beside it ("English", "Caption").
        language: BCP 47 tag ("en"), "" for none.
        pieces: how tokens make words: "subwords" (▁ begins a word), "words" (every token is one) or
            "characters".
        vocabulary_size: tokens the model chooses among, for "rank 3 of 8 000"; 0 when unknown.
        unit_scale: what `normalized` is, in words, for the tree's caption.
    """

    name: str
    language: str = ""
    pieces: Literal["subwords", "words", "characters"] = "subwords"
    vocabulary_size: int = 0
    unit_scale: str = "summed log-probability divided by length"


@dataclass(frozen=True, kw_only=True, eq=False)
class Edit:
    """One unit held at a value from one step on; the browser repeats it when it derives c and h.

    At every step t ≥ from_step, after the step was computed, the unit's cell (for gru and rnn its hidden
    value) is replaced: "zero" by 0, "one" by 1, "value" by `value`, "freeze" by what it was after step
    from_step − 1 (the initial state when from_step is 0). h is then computed from the replaced c.

    Attributes:
        stream: the `name` of the stream.
        unit: index of the unit, 0 ≤ unit < units.
        action: "zero", "one", "freeze" or "value".
        from_step: first step that is changed, counted in the stream's own reading order: for a target stream
            the target step, for a reversed stream 0 is the last source column.
        value: used by "value" only.
    """

    stream: str
    unit: int
    action: EditAction
    from_step: int
    value: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """The readings of one recurrent layer, in one direction, along one sentence.

    Which arrays exist follows from the cell. All are (time, units), in source or target order, activations
    (after sigmoid or tanh), any float dtype; a gate may have (time, blocks) with blocks dividing units
    evenly: unit u then uses block u · blocks // units (models.layers.block).

    | kind | arrays | the browser derives |
    | --- | --- | --- |
    | lstm, peephole, block | input, forget, output, candidate | c = f·c' + i·g, h = o·tanh c |
    | coupled | forget, output, candidate | i = 1 − f, then as lstm |
    | gru | update, reset, candidate | h = z·h' + (1 − z)·g (Keras' convention) |
    | rnn | hidden | nothing |

    If "cell" or "hidden" are given they are shown as they are and nothing is derived from gates for that
    quantity.

    Attributes:
        name: unique within a branch, as the user reads it: "encoder 1 forward", "decoder 1". Keep the names
            equal in all branches.
        kind: the cell.
        side: "source" or "target".
        arrays: name → array, see above.
        columns: the tokens' texts as the tokenizer writes them ("▁Ein", "</s>"); for a target stream may be
            left empty (the hypothesis' tokens are used).
        initial_cell: (units,) c before the first step; None is zeros.
        initial_hidden: (units,) h before the first step; None is zeros.
        gradient: (time, units) ∂(logit of the written token)/∂c_t of that step (for gru and rnn ∂/∂h_t), or
            None. Target streams.
        reverse: True where the layer read from the last column to the first.
    """

    name: str
    kind: CellKind
    side: Side
    arrays: Mapping[str, np.ndarray]
    columns: tuple[str, ...] = ()
    initial_cell: np.ndarray | None = None
    initial_hidden: np.ndarray | None = None
    gradient: np.ndarray | None = None
    reverse: bool = False

    def __post_init__(self) -> None:
        unknown = sorted(set(self.arrays) - set(STREAM_ARRAYS))
        if unknown or not self.arrays:
            known = ", ".join(STREAM_ARRAYS)
            raise ValueError(f"stream {self.name!r} needs arrays among {known}; got {unknown or 'none'}.")
        for name, array in self.arrays.items():
            shape = np.shape(array)
            if len(shape) != 2 or shape[0] != self.steps or self.units % max(shape[1], 1):
                raise ValueError(
                    f"stream {self.name!r}: {name!r} must be ({self.steps}, {self.units}), "
                    f"or with a divisor of the units, got {shape}."
                )

    @property
    def steps(self) -> int:
        """Columns of the stream."""
        return int(np.shape(next(iter(self.arrays.values())))[0])

    @property
    def units(self) -> int:
        """Cells of the stream: the width of its widest array."""
        return max(int(np.shape(array)[-1]) for array in self.arrays.values())


@dataclass(frozen=True, kw_only=True, eq=False)
class Branch:
    """One decoded sentence: the original, or what became of it after a forced word or an edited unit.

    Attributes:
        id: stable and unique within the view; goes into the address as `branch`. Make it say how to build the
            branch again (for instance "f3-1045": token 1045 forced at position 3), so that a shared address
            can be opened. "original" is the first one.
        label: what stands beside it: "original", "‘cats’ at 2", "unit 73 silenced from 4".
        trace: the DecodingTrace as JSON (plain dicts and lists; format "carrousel.trace", version 1).
        parent: id of the branch it sprang from, "" for the original.
        position: the first step that differs from the parent's, None for the original.
        token_id: the token that was forced at `position`, None where none was.
        edits: all edits in force, the parent's included.
        path: which of `trace["hypotheses"]` is shown; its tokens are the columns of the target streams.
        streams: the readings, source streams first, each side from the lowest layer to the highest.
        saliency: (target steps, source units), each row ≥ 0 with sum 1 (or all 0): how much the written token
            leaned on each unit.
        saliency_note: what it is, for the page: method, summing, sign, normalisation.
        held: (source units + target steps, target steps) or (source units, target steps), 0 … 1: how much of
            what each unit (then each own token, once read) wrote into the cell is still there after step t,
            as a share of its greatest value.
        held_note: what it is, for the page.
        written: (rows of held,) 0 … 1: how strongly each was written at its greatest, relative to the
            strongest, or None.
        elapsed_ms: time the model took for this branch, milliseconds; None when not measured.
        command: the command line that gives the same result, or "".
        notes: short facts about the branch to show beside it (for example "cut at 60 tokens").
    """

    id: str
    label: str
    trace: Mapping[str, Any]
    parent: str = ""
    position: int | None = None
    token_id: int | None = None
    edits: tuple[Edit, ...] = ()
    path: int = 0
    streams: tuple[Stream, ...] = ()
    saliency: np.ndarray | None = None
    saliency_note: str = "gradient × input, pieces summed to words, absolute, normalised to 1"
    held: np.ndarray | None = None
    held_note: str = "‖∂cₜ / ∂ word’s embedding‖ as a share of its greatest value over time"
    written: np.ndarray | None = None
    elapsed_ms: float | None = None
    command: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        hypotheses = self.trace.get("hypotheses") or []
        if not 0 <= self.path < len(hypotheses):
            raise ValueError(f"branch {self.id!r}: no path {self.path} among {len(hypotheses)} hypotheses.")
        for stream in self.streams:
            if stream.side == "target" and stream.steps != self.steps:
                raise ValueError(
                    f"branch {self.id!r}: stream {stream.name!r} has {stream.steps} columns, "
                    f"its hypothesis {self.steps} tokens."
                )

    @property
    def steps(self) -> int:
        """Tokens of the shown hypothesis, `</s>` included."""
        return len(self.trace["hypotheses"][self.path]["ids"])


@dataclass(frozen=True, kw_only=True, eq=False)
class MicroscopeView:
    """Everything the microscope shows.

    Attributes:
        source: the source side.
        target: the written side.
        branches: the original first, then in the order in which they were made.
        branch: id of the branch to open; "" keeps the reader's choice, or opens the newest that was not there
            before.
        step: the step to open at, from the address (0-based), None for the widget's own choice. Read once per
            view.
        address: the address' parameters that the page owns (text, model, beam_size, …). The browser is the
            only writer of the address: it writes these, `step` and `branch`. An empty value removes the
                parameter.
        title: short name of the view for file names ("de-en").
        can_force: False hides forcing (a model opened without its decoder).
        can_edit: False hides the edits of units.
        summary_note: one sentence that says what passes from source to target ("The summary is fed again at
            every step (Cho).").
    """

    source: Source
    target: Target
    branches: tuple[Branch, ...]
    branch: str = ""
    step: int | None = None
    address: Mapping[str, str] = field(default_factory=dict)
    title: str = "microscope"
    can_force: bool = True
    can_edit: bool = True
    summary_note: str = ""

    def __post_init__(self) -> None:
        ids = [branch.id for branch in self.branches]
        if not ids or len(set(ids)) != len(ids):
            raise ValueError(f"a view needs at least one branch and distinct ids, got {ids}.")
        for branch in self.branches:
            _check_rows(branch, len(self.source.units))


def _check_rows(branch: Branch, units: int) -> None:
    """Refuse saliency and carrousel arrays that do not fit the source units and the target steps."""
    steps = branch.steps
    if branch.saliency is not None and np.shape(branch.saliency) != (steps, units):
        raise ValueError(
            f"branch {branch.id!r}: saliency must be (steps, source units) = ({steps}, {units}), "
            f"got {np.shape(branch.saliency)}."
        )
    if branch.held is not None and np.shape(branch.held) not in ((units, steps), (units + steps, steps)):
        raise ValueError(
            f"branch {branch.id!r}: held must be ({units}, {steps}) or ({units + steps}, {steps}), "
            f"got {np.shape(branch.held)}."
        )


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the reader asked for; only these go back to Python.

    Attributes:
        type: "force" (write `token_id` at `position` of `branch` and decode the rest anew), "continue" (go on
            from the hypothesis that ends in beam `node` of the trace of `branch`), "edit" (hold `unit` of
            `stream` by `action` from `from_step` on), "undo" (remove the branch `branch`; never the
            original).
        id: the browser's own number for the request.
        branch: id of the branch that was open.
        position: 0-based target step of a force.
        token_id: token of a force.
        node: trace node of a continue.
        stream, unit, action, value, from_step: see `Edit`.
    """

    type: RequestType
    id: str
    branch: str
    position: int = 0
    token_id: int = 0
    node: int = 0
    stream: str = ""
    unit: int = 0
    action: EditAction = "zero"
    value: float = 0.0
    from_step: int = 0

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Request:
        """Read a message of the browser, trusting nothing in it.

        Raises:
            ValueError: an unknown type or action, or a field of the wrong kind or below zero.
        """
        if message.get("type") not in REQUEST_TYPES:
            known = ", ".join(REQUEST_TYPES)
            raise ValueError(f"a request's type must be one of {known}, got {message.get('type')!r}.")
        if message.get("action", "zero") not in EDIT_ACTIONS:
            known = ", ".join(EDIT_ACTIONS)
            raise ValueError(f"an edit must be one of {known}, got {message.get('action')!r}.")
        value = message.get("value", 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise ValueError(f"a request's value must be a finite number, got {value!r}.")
        return cls(
            type=message["type"],
            id=_text(message, "id"),
            branch=_text(message, "branch"),
            position=_whole(message, "position"),
            token_id=_whole(message, "token_id"),
            node=_whole(message, "node"),
            stream=_text(message, "stream"),
            unit=_whole(message, "unit"),
            action=message.get("action", "zero"),
            value=float(value),
            from_step=_whole(message, "from_step"),
        )

    def edit(self) -> Edit:
        """The edit that an "edit" request asks for."""
        return Edit(
            stream=self.stream,
            unit=self.unit,
            action=self.action,
            from_step=self.from_step,
            value=self.value,
        )


def _text(message: Mapping[str, Any], name: str) -> str:
    return str(message.get(name, ""))[:200]


def _whole(message: Mapping[str, Any], name: str) -> int:
    value = message.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"a request's {name} must be a whole number from 0, got {value!r}.")
    return value


def words_as_units(trace: Mapping[str, Any], end_text: str = "end") -> tuple[SourceUnit, ...]:
    """The source words of a trace as units; a token outside all words (the end token) is a unit of its own.

    Args:
        trace: a DecodingTrace whose "source" has "tokens" and "words".
        end_text: what the end token is called.
    """
    tokens = trace["source"]["tokens"]
    words = trace["source"]["words"]
    units = [SourceUnit(text=word["text"], columns=tuple(word["tokens"])) for word in words]
    covered = {column for unit in units for column in unit.columns}
    loose = [column for column in range(len(tokens)) if column not in covered]
    units += [SourceUnit(text=_loose_text(tokens[i]["text"], end_text), columns=(i,)) for i in loose]
    return tuple(sorted(units, key=lambda unit: unit.columns[0] if unit.columns else len(tokens)))


def _loose_text(token: str, end_text: str) -> str:
    return end_text if token == "</s>" else token.replace("▁", " ").strip() or token


class Block:
    """Collects arrays into one float16 block and answers with their places in it."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []
        self.size = 0

    def add(self, array: np.ndarray | Sequence[float] | None, name: str) -> dict[str, Any] | None:
        """Append `array`; None stays None.

        Raises:
            ValueError: the array holds NaN or an infinity: a picture of it would lie.
        """
        if array is None:
            return None
        values = np.asarray(array, dtype=np.float32)
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds NaN or an infinity and cannot be drawn.")
        place = {"at": self.size, "shape": list(values.shape)}
        self.parts.append(np.clip(values, -FLOAT16_MAX, FLOAT16_MAX).astype("<f2").ravel())
        self.size += values.size
        return place

    def tobytes(self) -> bytes:
        return b"".join(part.tobytes() for part in self.parts)


def stream_header(stream: Stream, block: Block) -> dict[str, Any]:
    """What the browser is told about a stream; its arrays go into the block."""
    named = f"stream {stream.name!r}"
    return {
        "name": stream.name,
        "kind": stream.kind,
        "side": stream.side,
        "reverse": stream.reverse,
        "columns": list(stream.columns),
        "steps": stream.steps,
        "units": stream.units,
        "arrays": {name: block.add(array, f"{named}, {name}") for name, array in stream.arrays.items()},
        "initial_cell": block.add(stream.initial_cell, f"{named}, initial cell"),
        "initial_hidden": block.add(stream.initial_hidden, f"{named}, initial hidden"),
        "gradient": block.add(stream.gradient, f"{named}, gradient"),
    }


def _branch_header(branch: Branch, block: Block) -> dict[str, Any]:
    return {
        "id": branch.id,
        "label": branch.label,
        "parent": branch.parent,
        "position": branch.position,
        "token_id": branch.token_id,
        "edits": [vars(edit) for edit in branch.edits],
        "path": branch.path,
        "trace": branch.trace,
        "streams": [stream_header(stream, block) for stream in branch.streams],
        "saliency": block.add(branch.saliency, f"branch {branch.id!r}, saliency"),
        "saliency_note": branch.saliency_note,
        "held": block.add(branch.held, f"branch {branch.id!r}, held"),
        "held_note": branch.held_note,
        "written": block.add(branch.written, f"branch {branch.id!r}, written"),
        "elapsed_ms": branch.elapsed_ms,
        "command": branch.command,
        "notes": list(branch.notes),
    }


@dataclass(frozen=True, kw_only=True)
class EncodedBranch:
    """A branch ready to be sent.

    Attributes:
        id: the branch's id.
        digest: names this very content; the browser keeps what it has seen under it.
        header: JSON of the branch; places of arrays count from the beginning of `values`.
        values: its float16 values as bytes.
    """

    id: str
    digest: str
    header: str
    values: bytes


def encode_branch(branch: Branch) -> EncodedBranch:
    """One branch as JSON and float16 values.

    Raises:
        ValueError: an array or a number of the trace is NaN or infinite.
    """
    block = Block()
    fields = _branch_header(branch, block)
    return encode_fields(branch.id, fields, block)


def encode_fields(name: str, fields: dict[str, Any], block: Block) -> EncodedBranch:
    """A branch's fields and its block of values, named by what they hold.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    header = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    values = block.tobytes()
    digest = hashlib.blake2s(header.encode("utf-8") + values, digest_size=10).hexdigest()
    return EncodedBranch(id=name, digest=digest, header=header, values=values)


def encode(
    view: MicroscopeView,
    *,
    branches: Sequence[EncodedBranch] | None = None,
    known: Container[str] = (),
    **extra: Any,
) -> bytes:
    """The view as the bytes that the browser reads.

    Args:
        view: what to show.
        branches: its branches already encoded, in the view's order; None encodes them here.
        known: digests of branches that the browser has; they are named and not sent again.
        extra: further header fields ("answered", "problem").

    Raises:
        ValueError: an array or a number of a trace is NaN or infinite.
    """
    encoded = [encode_branch(branch) for branch in view.branches] if branches is None else branches
    return pack(view_header(view) | extra, encoded, known)


def pack(fields: dict[str, Any], encoded: Sequence[EncodedBranch], known: Container[str] = ()) -> bytes:
    """Header and branches as the bytes that `payload.js` reads.

    Args:
        fields: the header, JSON-ready.
        encoded: the branches in order.
        known: digests of branches that the browser has; they are named and not sent again.

    Raises:
        ValueError: a number of the header is NaN or infinite.
    """
    sent = [branch for branch in encoded if branch.digest not in known]
    fields = fields | {"order": [{"id": b.id, "digest": b.digest} for b in encoded]}
    starts = np.cumsum([0] + [len(branch.values) // 2 for branch in sent]).tolist()
    parts = [
        f'{{"digest":"{branch.digest}","start":{start},"branch":{branch.header}}}'
        for branch, start in zip(sent, starts, strict=False)
    ]
    head = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = f'{head[:-1]},"branches":[{",".join(parts)}]}}'.encode()
    text += b" " * (-(len(MAGIC) + 4 + len(text)) % 8)
    return MAGIC + len(text).to_bytes(4, "little") + text + b"".join(branch.values for branch in sent)


def view_header(view: MicroscopeView) -> dict[str, Any]:
    """What the browser is told about the view apart from its branches."""
    units = [{"text": u.text, "columns": list(u.columns), "image": u.image} for u in view.source.units]
    names = ("branch", "step", "title", "can_force", "can_edit", "summary_note")
    return {
        "source": {
            "kind": view.source.kind,
            "name": view.source.name,
            "language": view.source.language,
            "units": units,
        },
        "target": vars(view.target),
        "address": {str(name): str(value) for name, value in view.address.items()},
    } | {name: getattr(view, name) for name in names}


def decode_header(payload: bytes) -> tuple[dict[str, Any], np.ndarray]:
    """The header and the float16 values of a payload, as the browser reads them; for tests and tools.

    Raises:
        ValueError: the bytes are not a payload of this version.
    """
    if payload[: len(MAGIC)] != MAGIC:
        raise ValueError(f"not a microscope payload: it begins with {payload[:8]!r}, not {MAGIC!r}.")
    start = len(MAGIC) + 4
    length = int.from_bytes(payload[len(MAGIC) : start], "little")
    header = json.loads(payload[start : start + length].decode("utf-8"))
    return header, np.frombuffer(payload[start + length :], dtype="<f2")
