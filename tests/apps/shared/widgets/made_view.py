"""Made-up but consistent views for the microscope: a real beam search over a toy model, gates that add up.

The toy model knows one translation. Having written n tokens it expects the n-th token of that translation,
with rivals; a forced or chosen rival therefore goes on sensibly. Its numbers prove nothing about a model.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass, replace

import numpy as np

from apps.shared.widgets.microscope import (
    Branch,
    Edit,
    MicroscopeView,
    Request,
    Source,
    SourceUnit,
    Stream,
    Target,
    words_as_units,
)

SHORT_SOURCE = "▁Zwei ▁Hunde ▁spielen ▁im ▁Schn ee ▁neben ▁einem ▁roten ▁Za un ▁. </s>"
SHORT_TARGET = "▁Two ▁dogs ▁are ▁playing ▁in ▁the ▁snow ▁next ▁to ▁a ▁red ▁fen ce ▁. </s>"
LONG_SOURCE = (
    "▁Zwei ▁Hunde ▁spielen ▁im ▁Schn ee ▁neben ▁einem ▁roten ▁Za un ▁und ▁ein ▁kleiner ▁Junge ▁wirft ▁einen "
    "▁blauen ▁Ball ▁über ▁die ▁Straße ▁, ▁während ▁seine ▁Mutter ▁am ▁Fenster ▁steht ▁und ▁lacht ▁. </s>"
)
LONG_TARGET = (
    "▁Two ▁dogs ▁are ▁playing ▁in ▁the ▁snow ▁next ▁to ▁a ▁red ▁fen ce ▁and ▁a ▁small ▁boy ▁throws "
    "▁a ▁blue ▁ball ▁across ▁the ▁street ▁, ▁while ▁his ▁mother ▁stands ▁at ▁the ▁window ▁and ▁laughs ▁. </s>"
)
RIVALS = (
    "▁cats ▁animals ▁white ▁running ▁play ▁through ▁romp ▁jumping ▁outside ▁together ▁on ▁with ▁some ▁men "
    "▁brown ▁near ▁beside ▁by ▁over ▁this ▁into ▁walking ▁large ▁grass ▁water ▁background ▁hounds "
    "▁a ▁black ▁green"
).split()
VOCABULARY = 8000


def token_id(token: str) -> int:
    """A stable id for a token text; `</s>` is 3."""
    if token == "</s>":
        return 3
    return 4 + sum((index + 1) * ord(letter) * 31 for index, letter in enumerate(token)) % (VOCABULARY - 4)


@dataclass(frozen=True)
class ToyModel:
    """Expects the tokens of one translation in order."""

    target: tuple[str, ...]
    seed: int = 0

    def next_tokens(self, prefix: tuple[str, ...]) -> list[tuple[str, float]]:
        """The twenty likeliest next tokens with their probabilities, best first."""
        place = min(len(prefix), len(self.target) - 1)
        rng = np.random.default_rng([self.seed, place, token_id(prefix[-1]) if prefix else 0])
        expected = self.target[place]
        doubt = 0.55 if place in (1, 2, 7) else 0.1
        sure = 1 - doubt * rng.uniform(0.4, 1.0)
        rivals = [token for token in rng.permutation(RIVALS) if token != expected]
        if place + 1 < len(self.target):
            rivals.insert(1, self.target[place + 1])
        rivals = list(dict.fromkeys(str(token) for token in rivals if token != expected))[:19]
        weights = 0.62 ** np.arange(len(rivals)) * rng.uniform(0.6, 1.4, len(rivals))
        weights *= (1 - sure) * 0.85 / weights.sum()
        return [(expected, float(sure))] + sorted(zip(rivals, weights.tolist(), strict=True), key=lambda x: -x[1])


@dataclass(frozen=True)
class Beam:
    """A hypothesis of the toy search."""

    node: int
    parent: int
    tokens: tuple[str, ...]
    score: float
    log_prob: float = 0.0
    rank: int = 1
    frozen: bool = False

    @property
    def finished(self) -> bool:
        return bool(self.tokens) and self.tokens[-1] == "</s>"

    def as_json(self) -> dict:
        return {
            "node": self.node,
            "parent": self.parent,
            "id": token_id(self.tokens[-1]),
            "text": self.tokens[-1],
            "log_prob": self.log_prob,
            "rank_in_parent": self.rank,
            "score": self.score,
            "normalized": self.score / len(self.tokens),
            "length": len(self.tokens),
            "finished": self.finished,
            "frozen": self.frozen,
        }


class Search:
    """Beam search with the trace of PLAN's contract."""

    def __init__(self, model: ToyModel, beam_size: int, prefix: tuple[str, ...] = ()) -> None:
        self.model, self.beam_size, self.prefix = model, beam_size, prefix
        self.nodes = 0
        self.parents: dict[int, Beam] = {}

    def run(self) -> tuple[list[dict], list[Beam]]:
        beams = [Beam(node=0, parent=0, tokens=(), score=0.0)]
        steps = []
        for position in range(len(self.model.target) + 6):
            step, beams = self._step(position, beams)
            steps.append(step)
            if all(beam.finished for beam in beams):
                break
        return steps, sorted(beams, key=lambda beam: -beam.score / len(beam.tokens))

    def _step(self, position: int, beams: list[Beam]) -> tuple[dict, list[Beam]]:
        expanded, pool = [], []
        forced = self.prefix[position] if position < len(self.prefix) else None
        for beam in beams:
            if beam.finished:
                pool.append(replace(beam, frozen=True))
                continue
            choices = self.model.next_tokens(beam.tokens)
            expanded.append(self._expansion(beam, choices))
            for rank, (token, probability) in enumerate(choices, 1):
                if forced is None or token == forced:
                    log_prob = math.log(probability)
                    pool.append(Beam(-1, beam.node, (*beam.tokens, token), beam.score + log_prob, log_prob, rank))
            if forced is not None and not pool:
                pool.append(Beam(-1, beam.node, (*beam.tokens, forced), beam.score - 9.2, -9.2, 640))
        pool.sort(key=lambda beam: -beam.score / len(beam.tokens))
        kept, lost = pool[: self.beam_size], pool[self.beam_size : self.beam_size + 5]
        kept = [beam if beam.frozen else replace(beam, node=self._new_node()) for beam in kept]
        self.parents.update({beam.node: beam for beam in kept})
        last = kept[-1].score / len(kept[-1].tokens)
        fallen = []
        for beam in lost:
            entry = beam.as_json()
            del entry["node"]
            entry["why"] = f"its normalised score {entry['normalized']:.2f} is below the last kept {last:.2f}"
            fallen.append(entry)
        step = {
            "position": position,
            "expanded": expanded,
            "beams": [beam.as_json() for beam in kept],
            "fallen": fallen,
            "forced": forced is not None,
        }
        return step, kept

    def _new_node(self) -> int:
        self.nodes += 1
        return self.nodes

    @staticmethod
    def _expansion(beam: Beam, choices: list[tuple[str, float]]) -> dict:
        rest = max(1 - sum(p for _, p in choices), 1e-6)
        entropy = -sum(p * math.log(p) for _, p in choices) - rest * math.log(rest / (VOCABULARY - len(choices)))
        return {
            "beam": beam.node,
            "entropy": entropy,
            "candidates": [{"id": token_id(t), "text": t, "log_prob": math.log(p)} for t, p in choices],
            "rest": {"count": VOCABULARY - len(choices), "probability": rest},
        }

    def path(self, beam: Beam) -> list[int]:
        """The nodes from the first token to the last."""
        nodes = []
        node = beam.node
        while node:
            nodes.append(node)
            node = self.parents[node].parent
        return nodes[::-1]


def plain(tokens: tuple[str, ...]) -> str:
    """Tokens as text."""
    return "".join(token for token in tokens if token != "</s>").replace("▁", " ").strip()


def make_trace(source: tuple[str, ...], model: ToyModel, beam_size: int = 5, prefix: tuple[str, ...] = ()) -> dict:
    """A whole DecodingTrace of the toy model."""
    search = Search(model, beam_size, prefix)
    steps, beams = search.run()
    words: list[dict] = []
    for index, token in enumerate(source[:-1]):
        if token.startswith("▁") or not words:
            words.append({"text": "", "tokens": []})
        words[-1]["text"] += token.replace("▁", "")
        words[-1]["tokens"].append(index)
    hypotheses = [
        {
            "node": beam.node,
            "ids": [token_id(token) for token in beam.tokens],
            "tokens": list(beam.tokens),
            "text": plain(beam.tokens),
            "score": beam.score,
            "normalized": beam.score / len(beam.tokens),
            "ended": "</s>" if beam.finished else "max_length",
            "path": search.path(beam),
        }
        for beam in beams
    ]
    return {
        "format": "carrousel.trace",
        "version": 1,
        "task": "translation",
        "model": "de-en",
        "settings": {
            "method": "beam" if beam_size > 1 else "greedy",
            "beam_size": beam_size,
            "length_penalty": 1.0,
            "max_length": 80,
            "prefix_ids": [token_id(token) for token in prefix],
        },
        "source": {
            "text": plain(source),
            "tokens": [{"id": token_id(token), "text": token} for token in source],
            "words": words,
        },
        "steps": steps,
        "hypotheses": hypotheses,
    }


def sigmoid(values: np.ndarray) -> np.ndarray:
    """The logistic function."""
    return 1 / (1 + np.exp(-values))


def make_stream(
    name: str,
    side: str,
    columns: tuple[str, ...],
    units: int,
    *,
    kind: str = "lstm",
    seed: int = 0,
    reverse: bool = False,
) -> Stream:
    """Gate readings that drift as a trained layer's do: many units remember, some follow each token."""
    rng = np.random.default_rng([seed, len(name), units])
    time = len(columns)
    strength = np.array([np.random.default_rng(token_id(token)).normal(0, 1) for token in columns])[:, None]
    habit = rng.normal(0, 1.2, (1, units))

    def gate(bias: float, pull: float, width: int = units) -> np.ndarray:
        noise = rng.normal(0, 0.8, (time, width))
        return sigmoid(bias + habit[:, :width] + pull * strength + noise).astype(np.float32)

    candidate = np.tanh(rng.normal(0, 1.1, (time, units)) + 0.4 * strength * rng.normal(0, 1, (1, units)))
    arrays = {
        "lstm": lambda: {"input": gate(-0.8, 1.0), "forget": gate(1.9, -0.5), "output": gate(0.1, 0.2)},
        "peephole": lambda: {"input": gate(-0.8, 1.0), "forget": gate(1.9, -0.5), "output": gate(0.1, 0.2)},
        "coupled": lambda: {"forget": gate(1.5, -0.8), "output": gate(0.1, 0.2)},
        "block": lambda: {
            "input": gate(-0.8, 1.0, units // 4),
            "forget": gate(1.9, -0.5, units // 4),
            "output": gate(0.1, 0.2, units // 4),
        },
        "gru": lambda: {"update": gate(1.5, -0.8), "reset": gate(0.3, 0.4)},
        "rnn": lambda: {},
    }[kind]()
    arrays["hidden" if kind == "rnn" else "candidate"] = candidate.astype(np.float32)
    gradient = None
    if side == "target":
        gradient = rng.normal(0, 0.3, (time, units)) * (rng.random((1, units)) < 0.3)
    return Stream(
        name=name,
        kind=kind,  # type: ignore[arg-type]
        side=side,  # type: ignore[arg-type]
        arrays=arrays,
        columns=columns,
        initial_cell=rng.normal(0, 0.4, units) if side == "target" else None,
        initial_hidden=rng.normal(0, 0.2, units) if side == "target" else None,
        gradient=gradient,
        reverse=reverse,
    )


def make_saliency(steps: int, units: int, seed: int = 0) -> np.ndarray:
    """Each step leans on the unit beside it, with some spread; rows sum to 1."""
    rng = np.random.default_rng([seed, steps, units])
    centre = np.linspace(0, units - 1, steps)[:, None]
    spread = rng.uniform(0.5, 1.3, (steps, 1))
    weights = np.exp(-(((np.arange(units)[None] - centre) / spread) ** 2)) + rng.exponential(0.012, (steps, units))
    return weights / weights.sum(axis=1, keepdims=True)


def make_held(steps: int, units: int, own: bool = True, seed: int = 0) -> np.ndarray:
    """Shares that fade from 1; own tokens start when they are read, one step after they were written."""
    rng = np.random.default_rng([seed, steps, units])
    keep = rng.uniform(0.8, 0.97, (units + steps, 1))
    start = np.concatenate([np.zeros(units), np.arange(steps) + 1])[:, None]
    age = np.arange(steps)[None] - start
    held = np.where(age < 0, 0.0, keep ** np.maximum(age, 0)) * rng.uniform(0.94, 1.0, (units + steps, steps))
    return held if own else held[:units]


def make_branch(
    source: tuple[str, ...],
    model: ToyModel,
    *,
    beam_size: int = 5,
    prefix: tuple[str, ...] = (),
    units: int = 512,
    kind: str = "lstm",
    layers: int = 1,
    bidirectional: bool = True,
    source_units: int | None = None,
    readings: bool = True,
    **fields,
) -> Branch:
    """A branch with everything the microscope can show."""
    trace = make_trace(source, model, beam_size, prefix)
    tokens = tuple(trace["hypotheses"][0]["tokens"])
    rows = len(words_as_units(trace)) if source_units is None else source_units
    streams: list[Stream] = []
    for layer in range(1, layers + 1) if readings and source else ():
        width = units // 2 if bidirectional else units
        streams.append(make_stream(f"encoder {layer} forward", "source", source, width, kind=kind, seed=layer))
        if bidirectional:
            streams.append(
                make_stream(
                    f"encoder {layer} backward",
                    "source",
                    source,
                    width,
                    kind=kind,
                    seed=50 + layer,
                    reverse=True,
                )
            )
    for layer in range(1, layers + 1) if readings else ():
        streams.append(make_stream(f"decoder {layer}", "target", tokens, units, kind=kind, seed=100 + layer))
    written = np.random.default_rng(5).uniform(0.25, 1.0, rows + len(tokens))
    return Branch(
        trace=trace,
        streams=tuple(streams),
        saliency=make_saliency(len(tokens), rows),
        held=make_held(len(tokens), rows),
        written=written,
        elapsed_ms=48.0,
        command=f'python -m apps.translation predict --beam-size {beam_size} --text "{plain(source)}"',
        **fields,
    )


def thumbnail(shade: int) -> str:
    """A tiny picture as a data URI."""
    from PIL import Image

    ramp = np.linspace(40, 215, 64, dtype=np.uint8)
    picture = np.stack([np.tile(ramp, (48, 1)), np.full((48, 64), shade), np.tile(ramp[::-1], (48, 1))], axis=-1)
    stream = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


class Session:
    """A page's side of the microscope: answers requests with the toy model."""

    def __init__(self, *, long: bool = False, source_kind: str = "text", seed: int = 0, **options) -> None:
        self.source_tokens = tuple((LONG_SOURCE if long else SHORT_SOURCE).split())
        self.model = ToyModel(tuple((LONG_TARGET if long else SHORT_TARGET).split()), seed)
        self.options = options
        self.source = self._source(source_kind)
        if source_kind != "text":
            self.options |= {"source_units": len(self.source.units)}
        stream_tokens = self.source_tokens if source_kind == "text" else ()
        self.stream_tokens = stream_tokens
        self.branches = [self._branch(id="original", label="original")]

    def make_hostile(self) -> None:
        """Put markup where words stand: it must appear as text."""
        markup = "<img/src=x/onerror=window.hacked=1>"
        self.source_tokens = (f"▁{markup}", *self.source_tokens[1:])
        self.stream_tokens = self.source_tokens
        self.model = ToyModel((f"▁{markup}", *self.model.target[1:]), self.model.seed)
        self.source = self._source("text")
        self.branches = [self._branch(id="original", label=markup)]

    def _source(self, kind: str) -> Source:
        if kind == "text":
            trace = make_trace(self.source_tokens, self.model, 1)
            return Source(kind="text", name="German", language="de", units=words_as_units(trace))
        names = [f"{0.8 * i:.1f} s" for i in range(8)] if kind == "frames" else [f"region {i}" for i in range(1, 10)]
        units = tuple(SourceUnit(text=name, image=thumbnail(25 * i)) for i, name in enumerate(names))
        return Source(kind=kind, name="Clip" if kind == "frames" else "Photo", units=units)  # type: ignore[arg-type]

    def _branch(self, **fields) -> Branch:
        return make_branch(self.stream_tokens or ("</s>",), self.model, **self.options, **fields)

    def view(self, **fields) -> MicroscopeView:
        """What the page hands to the microscope."""
        return MicroscopeView(
            source=self.source,
            target=Target(name="English", language="en", vocabulary_size=VOCABULARY),
            branches=tuple(self.branches),
            title="de-en",
            summary_note="The summary of the source is fed again at every step (Cho’s variant).",
            **fields,
        )

    def find(self, branch_id: str) -> Branch:
        return next(branch for branch in self.branches if branch.id == branch_id)

    def answer(self, request: Request) -> None:
        """Append the branch that was asked for."""
        parent = self.find(request.branch)
        tokens = parent.trace["hypotheses"][parent.path]["tokens"]
        if request.type == "undo":
            self.branches = [branch for branch in self.branches if branch.id != request.branch]
        elif request.type == "force":
            self._force(parent, tuple(tokens[: request.position]), request)
        elif request.type == "continue":
            self._go_on(parent, request)
        elif request.type == "edit":
            edits = (*parent.edits, request.edit())
            self._append(
                id=f"e{request.from_step}-{request.unit}-{request.action}",
                label=f"unit {request.unit}: {request.action} from {request.from_step + 1}",
                parent=parent.id,
                position=request.from_step,
                prefix=tuple(tokens[: request.from_step]),
                edits=edits,
            )

    def _force(self, parent: Branch, before: tuple[str, ...], request: Request) -> None:
        step = parent.trace["steps"][request.position]
        texts = {c["id"]: c["text"] for e in step["expanded"] for c in e["candidates"]}
        if request.token_id not in texts:
            raise ValueError(f"token {request.token_id} is not among the candidates of step {request.position + 1}.")
        token = texts[request.token_id]
        self._append(
            id=f"f{request.position}-{request.token_id}",
            label=f"‘{plain((token,))}’ at {request.position + 1}",
            parent=parent.id,
            position=request.position,
            token_id=request.token_id,
            prefix=(*before, token),
        )

    def _go_on(self, parent: Branch, request: Request) -> None:
        beams = {b["node"]: b for step in parent.trace["steps"] for b in step["beams"]}
        tokens: list[str] = []
        node = request.node
        while node:
            tokens.insert(0, beams[node]["text"])
            node = beams[node]["parent"]
        self._append(
            id=f"c{request.node}",
            label=f"from ‘{plain(tuple(tokens[-2:]))}’",
            parent=parent.id,
            position=max(len(tokens) - 1, 0),
            prefix=tuple(tokens),
        )

    def _append(self, **fields) -> None:
        branch = self._branch(**fields)
        self.branches = [b for b in self.branches if b.id != branch.id] + [branch]


__all__ = ["Edit", "Session", "make_branch", "make_stream", "make_trace", "thumbnail", "token_id"]
