"""From a predictor that speaks to what the decoding microscope shows; the same for sentences, photos and clips.

An `Exploration` holds the branches of one input: the answer, and what became of it after forced words, other beginnings
and units held by hand. A branch's id says how to make it again, one operation after another:

    f3-1045             token 1045 forced at step 3
    c17                 on from the hypothesis that ends in node 17 of the trace
    e4-73-zero-5        unit 73 of stream 4 held at 0 from step 5 on (or one, freeze, value-0.5)
    f3-1045~c17         the second, done to the first

so that a shared address opens the same view.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from apps.shared.widgets.microscope.payload import (
    Branch,
    Edit,
    Request,
    SourceUnit,
    Stream,
    words_as_units,
)
from models.decoding.options import SearchOptions

ORIGINAL, THEN = "original", "~"
SENT = ("input", "forget", "output", "candidate", "update", "reset")
LEFT_OUT = {"coupled": ("input",)}  # 1 − forget
MOST_OPERATIONS = 8
_OPERATION = re.compile(
    r"f(?P<position>\d{1,4})-(?P<token>\d{1,7})|c(?P<node>\d{1,7})"
    r"|e(?P<stream>\d{1,2})-(?P<unit>\d{1,5})-(?P<action>zero|one|freeze|value)"
    r"(?P<value>-?-\d{1,4}(\.\d{1,6})?)?-(?P<step>\d{1,4})"
)


class Speaker(Protocol):
    """What a predictor must offer, besides `Predictor`, to be looked into."""

    explainer: Any
    """A `models.explain.explainer.Explainer`."""

    def trace(
        self, item: Any, search: Any = None, prefix_ids: Sequence[int] = (), edits: Sequence[Any] = ()
    ) -> dict[str, Any]:
        """See `Predictor.trace`; `edits` are `models.explain.edits.Edit`s."""

    def encoder_input(self, item: Any) -> np.ndarray:
        """What the encoder reads for one item, of batch 1."""

    def spell(self, token_ids: Sequence[int]) -> list[str]:
        """The tokens' texts."""

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text that tokens make."""

    def encode(self, text: str) -> list[int]:
        """The tokens of a beginning of an answer."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked about an input: how its branch differs from its parent's.

    Attributes:
        label: what stands beside the branch.
        position: the first step that can differ.
        prefix_ids: tokens that the answer must begin with.
        token_id: the token forced at `position`, or None.
        edits: units held.
    """

    label: str
    position: int
    prefix_ids: tuple[int, ...]
    token_id: int | None = None
    edits: tuple[Edit, ...] = ()


def original_branch(
    speaker: Speaker, item: Any, command: str, trace: Mapping[str, Any], elapsed_ms: float, units=None
) -> Branch:
    """The answer itself, looked into.

    Args:
        speaker: the model.
        item: the input.
        command: the command line that gives the same; the branch adds its own flags.
        trace: from `speaker.trace`.
        elapsed_ms: how long that took.
        units: the source's units; None takes the words of the trace.
    """
    fields = {"id": ORIGINAL, "label": ORIGINAL, "elapsed_ms": elapsed_ms}
    return _branch(speaker, item, trace, None, command, units, **fields)


def next_branch(
    speaker: Speaker, item: Any, search: SearchOptions, parent: Branch, operation: str, command: str, units=None
) -> Branch:
    """The branch that an operation makes of another; arguments as in `original_branch`, and how to search.

    Raises:
        ValueError: the operation does not fit the branch.
    """
    asked = understand(speaker, parent, operation)
    identity = operation if parent.id == ORIGINAL else f"{parent.id}{THEN}{operation}"
    began = time.perf_counter()
    trace = speaker.trace(item, search, asked.prefix_ids, _edits(asked.edits))
    fields = {"id": identity, "label": asked.label, "parent": parent.id, "position": asked.position}
    fields["elapsed_ms"] = 1000 * (time.perf_counter() - began)
    return _branch(speaker, item, trace, asked, command, units, **fields)


def understand(speaker: Speaker, parent: Branch, operation: str) -> Question:
    """Reads an operation, trusting nothing in it.

    Raises:
        ValueError: it is none, or does not fit the branch.
    """
    found = _OPERATION.fullmatch(operation)
    if not found:
        raise ValueError(f"{operation!r} is not a way to make a branch.")
    path = parent.trace["hypotheses"][parent.path]["ids"]
    if found["node"] is not None:
        return _go_on(speaker, parent, int(found["node"]))
    if found["token"] is not None:
        position, token = int(found["position"]), int(found["token"])
        if position >= len(path):
            raise ValueError(f"The sentence has {len(path)} tokens; none can be forced at {position + 1}.")
        if token not in _candidates(parent, position):
            raise ValueError(f"Token {token} is not among the candidates of step {position + 1}.")
        label = f"‘{_plain(speaker.spell([token])[0])}’ at {position + 1}"
        return Question(
            label=label, position=position, prefix_ids=(*path[:position], token), token_id=token, edits=parent.edits
        )
    return _hold(speaker, parent, found)


def _candidates(parent: Branch, position: int) -> set[int]:
    step = parent.trace["steps"][position]
    return {candidate["id"] for one in step["expanded"] for candidate in one["candidates"]}


def _go_on(speaker: Speaker, parent: Branch, node: int) -> Question:
    beams = {beam["node"]: beam for step in parent.trace["steps"] for beam in step["beams"]}
    tokens: list[int] = []
    while node:
        if node not in beams:
            raise ValueError(f"The search has no hypothesis {node}.")
        tokens.insert(0, beams[node]["id"])
        node = beams[node]["parent"]
    path = parent.trace["hypotheses"][parent.path]["ids"]
    same = next((n for n, (a, b) in enumerate(zip(tokens, path, strict=False)) if a != b), min(len(tokens), len(path)))
    label = f"from ‘{_short(speaker.decode(tokens[same:]) or speaker.decode(tokens))}’"
    position = min(same, max(len(tokens) - 1, 0))
    return Question(label=label, position=position, prefix_ids=tuple(tokens), edits=parent.edits)


def _hold(speaker: Speaker, parent: Branch, found: re.Match) -> Question:
    streams = speaker.explainer.streams
    number = int(found["stream"])
    if number >= len(streams):
        raise ValueError(f"The model has {len(streams)} recurrent layers and directions; there is no {number + 1}.")
    stream, from_step, action = streams[number], int(found["step"]), found["action"]
    value = float(found["value"][1:]) if found["value"] else 0.0
    edit = Edit(stream=stream.name, unit=int(found["unit"]), action=action, from_step=from_step, value=value)
    of_model = _edits([edit])[0]
    speaker.explainer.check([of_model])
    held = {"zero": "= 0", "one": "= 1", "freeze": "frozen"}.get(action, f"= {value:g}")
    alone = sum(one.side == stream.side for one in streams) == 1
    path = parent.trace["hypotheses"][parent.path]["ids"]
    reads = stream.side == "source"  # then the summary changes, and with it the whole answer
    if not reads and from_step >= len(path):
        raise ValueError(f"The sentence has {len(path)} steps; nothing can be held from {from_step + 1} on.")
    label = f"{'' if alone else f'{stream.name}: '}unit {edit.unit} {held} from {from_step + 1}"
    return Question(
        label=label,
        position=0 if reads else from_step,
        prefix_ids=() if reads else tuple(path[:from_step]),
        edits=(*parent.edits, edit),
    )


def operation_of(speaker: Speaker, request: Request) -> str:
    """A request of the microscope as an operation.

    Raises:
        ValueError: it names a layer that does not exist, or removes something.
    """
    if request.type == "force":
        return f"f{request.position}-{request.token_id}"
    if request.type == "continue":
        return f"c{request.node}"
    if request.type != "edit":
        raise ValueError(f"A request to {request.type} makes no branch.")
    names = [stream.name for stream in speaker.explainer.streams]
    if request.stream not in names:
        raise ValueError(f"There is no layer {request.stream!r}.")
    value = f"-{round(request.value, 6):f}".rstrip("0").rstrip(".") if request.action == "value" else ""
    return f"e{names.index(request.stream)}-{request.unit}-{request.action}{value}-{request.from_step}"


def _edits(edits: Sequence[Edit]) -> list[Any]:
    from models.explain import edits as of_models

    return [of_models.Edit(**asdict(edit)) for edit in edits]


def _branch(speaker, item, trace, asked: Question | None, command, units, **fields) -> Branch:
    prefix_ids = asked.prefix_ids if asked else ()
    edits = asked.edits if asked else ()
    token_ids = trace["hypotheses"][0]["ids"]
    units = words_as_units(trace) if units is None else units
    looked = look(speaker, item, token_ids, trace, units, edits)
    line, notes = _command(speaker, command, prefix_ids, edits)
    return Branch(
        trace=trace,
        token_id=asked.token_id if asked else None,
        edits=edits,
        command=line,
        notes=(*trace.get("notices", ()), *notes),
        **looked,
        **fields,
    )


def look(
    speaker: Speaker,
    item: Any,
    token_ids: Sequence[int],
    trace: Mapping[str, Any],
    units: Sequence[SourceUnit],
    edits: Sequence[Edit] = (),
) -> dict[str, Any]:
    """Readings, saliency and what is held along a finished path, as fields of a `Branch`."""
    from models.explain.carrousel import still_held, word_norms
    from models.explain.influence import by_groups, shares

    source, held_units = speaker.encoder_input(item), _edits(edits)
    explainer = speaker.explainer
    found = explainer.influence(source, token_ids, held_units)
    groups = [unit.columns for unit in units]
    own = np.pad(found.target_norms, [(0, 0), (0, 1)])[:, 1:]  # a token is read at the step after the one that wrote it
    held, written = still_held(np.concatenate([word_norms(found.source_norms, groups), own], axis=1))
    # Pictures are named as they are above the ribbons, and none of them is a piece of the word before it.
    pictures = {unit.columns[0]: f"▁{unit.text}" for unit in units if unit.image}
    tokens = trace.get("source", {}).get("tokens", ())
    columns = tuple(pictures.get(number, token["text"]) for number, token in enumerate(tokens))
    return {
        "streams": tuple(stream_of(reading, columns) for reading in explainer.read(source, token_ids, held_units)),
        "saliency": shares(by_groups(found.saliency, groups)),
        "saliency_note": "gradient × input of the word’s log-probability, pieces summed to words, absolute, "
        "as shares that add to 100%",
        "held": held,
        "held_note": "‖∂c/∂embedding of the word‖ through the whole network, as a share of its greatest value",
        "written": written,
    }


def stream_of(reading: Any, columns: tuple[str, ...]) -> Stream:
    """A `models.explain.readings.Reading` as a widget is given it, with the tokens that it was read along."""
    stream = reading.stream
    names = [name for name in SENT if name in reading.series and name not in LEFT_OUT.get(stream.cell, ())]
    return Stream(
        name=stream.name,
        kind=stream.cell,
        side=stream.side,
        arrays={name: reading.series[name] for name in names or ["hidden"]},
        columns=columns if stream.side == "source" else (),
        initial_cell=reading.start.get("cell"),
        initial_hidden=reading.start["hidden"],
        gradient=reading.gradient,
        reverse=stream.reverse,
    )


def _command(speaker, command: str, prefix_ids: Sequence[int], edits: Sequence[Edit]) -> tuple[str, tuple[str, ...]]:
    if not command or edits:
        return "", ("A held unit has no flag on the command line.",) if edits else ()
    if not prefix_ids:
        return command, ()
    prefix = speaker.decode(prefix_ids)
    if speaker.encode(prefix) != list(prefix_ids):
        return "", ("No text is spelled in these very pieces, so the command line cannot force this beginning.",)
    return f"{command} --prefix {shlex.quote(prefix)}", ()


def _plain(piece: str) -> str:
    return piece.replace("▁", " ").strip() or piece


def _short(text: str, most: int = 24) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


@dataclass
class Exploration:
    """The branches of one input in one session.

    Attributes:
        make: operations, one after another → the branch they lead to; remembers what it made.
        speaker: the model.
        branches: the original first.
        opened: the branch to show first, from the address.
    """

    make: Callable[[tuple[str, ...]], Branch]
    speaker: Speaker
    branches: list[Branch] = field(default_factory=list)
    opened: str = ""

    def begin(self, wanted: str = "") -> str:
        """Makes the original, and the branch that an address names with all on the way to it.

        Returns:
            Why the wanted branch could not be made, or "".
        """
        self.branches = [self.make(())]
        operations = [part for part in wanted.split(THEN) if part and part != ORIGINAL]
        try:
            if len(operations) > MOST_OPERATIONS:
                raise ValueError(f"it has more than {MOST_OPERATIONS} operations.")
            for count in range(1, len(operations) + 1):
                self._add(self.make(tuple(operations[:count])))
        except ValueError as error:
            return f"The address names a branch that cannot be made: {error}"
        self.opened = self.branches[-1].id if operations else ""
        return ""

    def answer(self, request: Request) -> None:
        """What the microscope asks for: one branch more, or one less.

        Raises:
            ValueError: it cannot be done; the message is for the reader.
        """
        parent = self.find(request.branch)
        if request.type == "undo":
            gone = {parent.id} - {ORIGINAL}
            self.branches = [b for b in self.branches if not gone & {b.id, *_ancestors(b.id)}]
            return
        operations = [] if parent.id == ORIGINAL else parent.id.split(THEN)
        if len(operations) >= MOST_OPERATIONS:
            raise ValueError(f"A branch can be {MOST_OPERATIONS} changes away from the original at most.")
        self._add(self.make((*operations, operation_of(self.speaker, request))))

    def find(self, branch_id: str) -> Branch:
        """The branch with an id.

        Raises:
            ValueError: there is none.
        """
        for branch in self.branches:
            if branch.id == branch_id:
                return branch
        raise ValueError("That version of the sentence is gone.")

    def _add(self, branch: Branch) -> None:
        self.branches = [one for one in self.branches if one.id != branch.id] + [branch]


def _ancestors(branch_id: str) -> list[str]:
    parts = branch_id.split(THEN)
    return [THEN.join(parts[:count]) for count in range(1, len(parts))]
