"""The searches of one encoder–decoder, compiled when first asked for; the same for sentences, photos and clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from models.decoding.options import SearchOptions

if TYPE_CHECKING:
    from models.explain.edits import Edit


class Searches:
    """Searches with one model.

    Args:
        encoder, decoder: see `models.encoder_decoder.EncoderDecoder`.
        source: shape, without the batch, and type of the encoder's input; None for sizes that vary.
        ids: the special ids, `{"bos": …, "eos": …, "pad": …}`.
    """

    def __init__(self, encoder, decoder, source: tuple[tuple[int | None, ...], str], ids: Mapping[str, int]):
        self.encoder, self.decoder, self.ids = encoder, decoder, dict(ids)
        self.shape, self.dtype = tuple(source[0]), source[1]
        self._compiled: dict[Any, Callable] = {}
        self._explainer: Any = None

    @property
    def explainer(self) -> Any:
        """The model's `models.explain.explainer.Explainer`."""
        from models.explain.explainer import Explainer

        if self._explainer is None:
            source = (1, *self.shape), self.dtype
            self._explainer = Explainer(self.encoder, self.decoder, self.ids["bos"], source=source)
        return self._explainer

    def batch(
        self,
        source: np.ndarray,
        limits: np.ndarray,
        search: SearchOptions,
        prefix_ids: Sequence[int] = (),
        prepared: dict[str, Any] | None = None,
    ) -> dict[str, np.ndarray]:
        """Searches one batch in the compiled graph.

        Args:
            source: what the encoder reads, (n, …).
            limits: int32 (n,), most tokens of each answer.
            search: how.
            prefix_ids: tokens that every answer must begin with.
            prepared: from `prepare`, with the weights as they are now; or None.

        Returns:
            See `models.decoding.graph.search`, as NumPy arrays.
        """
        from models.decoding import graph

        arguments: list[Any] = [source, np.asarray(limits, np.int32)]
        if len(prefix_ids):
            arguments.append(np.tile(np.array(prefix_ids, np.int32), (len(source), 1)))
        if search.method == "sampling":
            arguments.append(graph.draw_uniforms(len(source), search))
        if prepared is not None:
            arguments.append(prepared)
        found = self._batch_function(search, bool(len(prefix_ids)), prepared)(*arguments)
        return {name: np.asarray(value) for name, value in found.items()}

    def trace(
        self,
        source: np.ndarray,
        limit: int,
        search: SearchOptions,
        prefix_ids: Sequence[int] = (),
        edits: Sequence[Edit] = (),
    ) -> dict[str, Any]:
        """The search for one source, step by step, as a DecodingTrace without texts; see `models.decoding.walk`.

        Args:
            source: what the encoder reads, of batch 1.
            limit: most tokens of the answer.
            search: how.
            prefix_ids: tokens that the answer must begin with.
            edits: units held at a value.
        """
        from models.decoding import graph, walk

        self.explainer.check(edits)
        return walk.search(
            self.decoder,
            self.explainer.start(source, edits),
            limit,
            search,
            self.ids,
            prefix_ids,
            graph.draw_uniforms(1, search) if search.method == "sampling" else None,
            advance=self._step_function(search),
            held=self.explainer.held_at(edits),
        )

    def prepare(self) -> dict[str, Any]:
        """The decoder's weights laid out for many steps. Made anew for each job: training changes them."""
        from models import backend

        if "prepare" not in self._compiled:
            self._compiled["prepare"] = backend.compiled(self.decoder.prepare, [])
        return self._compiled["prepare"]()

    def _step_function(self, search: SearchOptions) -> Callable:
        """One step of `models.decoding.walk`, compiled."""
        from models import backend
        from models.decoding import walk

        key = "step", search.method, search.beam_size, search.max_length, search.top_k, search.top_p
        if key not in self._compiled:
            step = walk.whole_step(self.decoder, search, self.ids, self.explainer.step)
            self._compiled[key] = backend.compiled(step)
        return self._compiled[key]

    def _batch_function(self, search: SearchOptions, forced: bool, prepared: dict[str, Any] | None) -> Callable:
        from models import backend
        from models.decoding import graph

        key = replace(search, seed=0, n_best=1, prefix=""), forced, prepared is not None
        if key not in self._compiled:
            signature: list[Any] = [((None, *self.shape), self.dtype), ((None,), "int32")]
            if forced:
                signature.append(((None, None), "int32"))
            if search.method == "sampling":
                signature.append(((None, search.beam_size, search.max_length), "float32"))
            if prepared is not None:
                signature.append({name: (value.shape, value.dtype) for name, value in prepared.items()})

            def run(source, limits, *more):
                given = list(more)
                prefix_ids = given.pop(0) if forced else None
                uniforms = given.pop(0) if search.method == "sampling" else None
                weights = given.pop(0) if prepared is not None else None
                with backend.forward_only():
                    state = self.decoder.start(self.encoder(source))
                    return graph.search(self.decoder, state, limits, search, self.ids, prefix_ids, uniforms, weights)

            self._compiled[key] = backend.compiled(run, signature)
        return self._compiled[key]
