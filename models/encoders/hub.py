"""A TensorFlow Hub module as a layer of Keras 3.

`tensorflow_hub.KerasLayer` belongs to Keras 2, and Keras 3 refuses it. Here the module's own variables become the
layer's: fine-tuning then changes them, optimizers and checkpoints see them, and saving the model saves them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf


class HubUnavailable(ValueError):
    """A module that cannot be found, opened or called; the message names its handle and says why."""


def resolve(handle: str) -> str:
    """The folder of a module.

    Args:
        handle: a folder, or an address that tensorflow_hub knows (`https://tfhub.dev/…`, `https://www.kaggle.com/…`),
            which it fetches once and keeps.

    Raises:
        HubUnavailable: there is no such folder, or the address cannot be fetched.
    """
    if (Path(handle) / "saved_model.pb").is_file():
        return handle
    if "://" not in handle:
        raise HubUnavailable(f"{handle} is no TensorFlow Hub module: there is no {Path(handle) / 'saved_model.pb'}.")
    try:
        import tensorflow_hub

        return tensorflow_hub.resolve(handle)
    except Exception as error:  # what a network and a host can answer with has no common type
        reason = " ".join(str(error).split())[:200]
        raise HubUnavailable(f"The TensorFlow Hub module {handle} cannot be fetched ({reason}).") from error


@keras.saving.register_keras_serializable("carrousel")
class HubLayer(keras.layers.Layer):
    """Calls a module: `HubLayer(handle)(inputs)`.

    A module runs what its files say: open only those that you trust.

    Args:
        handle: see `resolve`.
        trainable: fine-tune the module's trainable variables.
        signature: call this signature; empty calls the module itself where it can be called, else its signature
            "serving_default", else "default".
        output: where the answer is a dictionary, the name of what is wanted; empty takes "default", or the only one.

    Raises:
        HubUnavailable: there is no such module, or it cannot be called so.
    """

    def __init__(self, handle: str, trainable: bool = False, signature: str = "", output: str = "", **kwargs):
        super().__init__(trainable=trainable, **kwargs)
        self.handle, self.signature, self.output_name = handle, signature, output
        try:
            self.module = tf.saved_model.load(resolve(handle))
        except HubUnavailable:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise HubUnavailable(f"The TensorFlow Hub module {handle} cannot be opened ({reason}).") from error
        self._function, self._takes_training = self._find_function()
        self._take_variables()
        self.built = True

    def _find_function(self) -> tuple[Callable, bool]:
        signatures: Mapping[str, Callable] = getattr(self.module, "signatures", {})
        if not self.signature and callable(self.module):
            return self.module, _takes_training(self.module)
        wanted = [self.signature] if self.signature else ["serving_default", "default"]
        for name in wanted:
            if name in signatures:
                return _by_keyword(signatures[name]), False
        has = ", ".join(sorted(signatures)) or "none"
        raise HubUnavailable(f"{self.handle} has no signature {wanted[0]!r}; it has {has}.")

    def _take_variables(self) -> None:
        for number, variable in enumerate(_variables(self.module)):
            # Given a variable, Keras wraps that very one: the module goes on reading what the optimizer writes.
            own = keras.Variable(
                initializer=variable,
                shape=variable.shape,
                dtype=variable.dtype,
                trainable=variable.trainable,
                name=f"{number}_{variable.name.split(':')[0].replace('/', '_')}",
            )
            self._track_variable(own)

    def call(self, inputs, training=False):
        """What the module answers; dictionaries are reduced to `output`."""
        answer = self._function(inputs, training=training) if self._takes_training else self._function(inputs)
        if not isinstance(answer, Mapping):
            return answer
        name = self.output_name or ("default" if "default" in answer else next(iter(answer)))
        if name not in answer or (not self.output_name and name != "default" and len(answer) > 1):
            raise HubUnavailable(f"{self.handle} answers with {', '.join(answer)}: say which one by output.")
        return answer[name]

    @property
    def resources(self) -> list[Any]:
        """What a SavedModel of this layer has to carry besides its weights: tables and the like."""
        return [self.module]

    def get_config(self):
        own = {"handle": self.handle, "signature": self.signature, "output": self.output_name}
        return {**super().get_config(), "trainable": self.trainable, **own}


def _variables(module: Any) -> list[tf.Variable]:
    """The variables that the module lists, and those that its functions read; each once."""
    functions = [*getattr(module, "signatures", {}).values()]
    if callable(module):
        functions += getattr(module.__call__, "concrete_functions", ())
    listed = [*(getattr(module, "variables", None) or ())]
    read = [variable for function in functions for variable in function.variables]
    return list({id(variable): variable for variable in [*listed, *read]}.values())


def _by_keyword(signature: Any) -> Callable:
    """A signature of one input, as a function of it."""
    names = list(signature.structured_input_signature[1])
    if len(names) != 1:
        raise HubUnavailable(f"A module with one input is wanted; this signature takes {', '.join(names) or 'none'}.")
    return lambda inputs: signature(**{names[0]: inputs})


def _takes_training(module: Any) -> bool:
    """Whether calling the module takes `training`, as those do that Keras saved with dropout or normalisation."""
    functions = getattr(module.__call__, "concrete_functions", ())
    return any("training" in function.structured_input_signature[1] for function in functions) or any(
        "training" in getattr(getattr(function, "_function_type", None), "parameters", {}) for function in functions
    )


@keras.saving.register_keras_serializable("carrousel")
class HubWordEmbedding(keras.layers.Layer):
    """A text module asked word by word: word ids in, the module's vectors of these words out.

    Each different word of a batch is asked once. What is not in the vocabulary is the word `<unk>` to the module.

    Args:
        handle: see `resolve`; the module takes strings (n,) and gives vectors (n, width).
        words: the vocabulary in the order of its ids.
        trainable: fine-tune the module's trainable variables.

    Raises:
        HubUnavailable: there is no such module, or it does not take strings.
    """

    def __init__(self, handle: str, words: Sequence[str], trainable: bool = False, **kwargs):
        super().__init__(trainable=trainable, **kwargs)
        self.words = list(words)
        self.hub = HubLayer(handle, trainable=trainable, dtype="float32", name="hub")
        self._spelled = tf.constant(self.words)
        try:
            self.output_dim = int(self.hub(self._spelled[:1]).shape[-1])
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise HubUnavailable(f"{handle} is no text module: it does not take strings.") from error
        self.built = True

    def call(self, token_ids):
        """int32 (batch, time) → (batch, time, output_dim)."""
        different, places = tf.unique(tf.reshape(token_ids, (-1,)))
        vectors = self.hub(tf.gather(self._spelled, different))
        shape = tf.concat([tf.shape(token_ids), [self.output_dim]], axis=0)
        return tf.cast(tf.reshape(tf.gather(vectors, places), shape), self.compute_dtype)

    @property
    def resources(self) -> list[Any]:
        """See `HubLayer.resources`."""
        return self.hub.resources

    def get_config(self):
        own = {"handle": self.hub.handle, "words": self.words, "trainable": self.trainable}
        return {**super().get_config(), **own}
