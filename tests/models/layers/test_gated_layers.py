"""Our recurrent layers as Keras layers: drop-in, configured, masked, stacked, saved, trained."""

import keras
import numpy as np
import pytest
from keras import ops

from models import backend
from models.layers.build import build_cell
from models.layers.coupled_gate_lstm import CoupledGateLSTM
from models.layers.lstm_block import LSTMBlock
from models.layers.peephole_lstm import PeepholeLSTM, PeepholeLSTMCell

BATCH, TIME, INPUTS, UNITS = 3, 5, 4, 6
LAYERS = {
    "peephole": lambda **kwargs: PeepholeLSTM(UNITS, **kwargs),
    "block": lambda **kwargs: LSTMBlock(3, 2, **kwargs),
    "coupled": lambda **kwargs: CoupledGateLSTM(UNITS, **kwargs),
    "gru": lambda **kwargs: CoupledGateLSTM(
        UNITS, output_gate=False, output_activation="linear", reset_gate=True, peepholes=False, **kwargs
    ),
}
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], bool)
every_layer = pytest.mark.parametrize("kind", LAYERS)


def inputs(seed=0):
    return np.random.default_rng(seed).normal(size=(BATCH, TIME, INPUTS)).astype("float32")


def randomise(layer, seed=1):
    layer.build((BATCH, TIME, INPUTS))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=weight.shape).astype("float32") * 0.5 for weight in layer.weights])
    return layer


def array(tensor):
    return ops.convert_to_numpy(tensor)


def names(layer):
    return {weight.name: tuple(weight.shape) for weight in layer.weights}


def test_weights_have_the_layouts_that_are_promised():
    plain = {"kernel": (4, 24), "recurrent_kernel": (6, 24), "bias": (24,)}
    keras_layer = keras.layers.LSTM(UNITS)
    keras_layer.build((None, TIME, INPUTS))
    assert names(keras_layer) == plain
    assert names(randomise(LAYERS["peephole"]())) == {**plain, "peephole": (3, 6)}
    assert names(randomise(LAYERS["block"]())) == {
        "kernel": (4, 15),  # 3 blocks * (3 gates + 2 cells)
        "recurrent_kernel": (6, 15),
        "bias": (15,),
        "peephole": (3, 3, 2),
    }
    assert names(randomise(LAYERS["coupled"]())) == {
        "kernel": (4, 18),
        "recurrent_kernel": (6, 18),
        "bias": (18,),
        "peephole": (2, 6),
    }


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"go_backwards": True},
        {"zero_output_for_mask": True},
        {"go_backwards": True, "zero_output_for_mask": True},
        {"unroll": True},
        {"use_bias": False},
        {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
    ],
)
@pytest.mark.parametrize("mask", [None, MASK, MASK[:, ::-1], ~MASK], ids=["none", "right", "left", "some all padding"])
def test_without_peepholes_it_is_keras_lstm(settings, mask):
    theirs = randomise(keras.layers.LSTM(UNITS, return_sequences=True, return_state=True, **settings))
    ours = PeepholeLSTM(UNITS, return_sequences=True, return_state=True, **settings)
    ours.build((None, TIME, INPUTS))
    ours.set_weights([*theirs.get_weights(), np.zeros((3, UNITS))])
    start = [np.random.default_rng(n).normal(size=(BATCH, UNITS)).astype("float32") for n in (2, 3)]
    first = -1 if settings.get("go_backwards") else 0
    starts_real = mask is None or mask[:, first].all()
    # What Keras puts out at padding before the first real step is 0 on TensorFlow, as here, and the start state on JAX.
    for initial_state in (None, start) if starts_real or backend.NAME == "tensorflow" else (None,):
        for expected, found in zip(
            theirs(inputs(), initial_state=initial_state, mask=mask),
            ours(inputs(), initial_state=initial_state, mask=mask),
            strict=True,
        ):
            np.testing.assert_allclose(array(found), array(expected), atol=1e-5)


def test_it_starts_as_keras_lstm_does():
    layers = [
        kind(UNITS, kernel_initializer="ones", recurrent_initializer="zeros")
        for kind in (keras.layers.LSTM, PeepholeLSTM)
    ]
    for layer in layers:
        layer.build((None, TIME, INPUTS))
    for expected, found in zip(layers[0].get_weights(), layers[1].get_weights(), strict=False):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(layers[1].get_weights()[3], np.zeros((3, UNITS)))


def test_a_block_of_one_cell_is_the_peephole_lstm():
    block = randomise(LSTMBlock(UNITS, 1, return_sequences=True))
    peephole = PeepholeLSTM(UNITS, return_sequences=True)
    peephole.build((None, TIME, INPUTS))
    *others, seen = block.get_weights()
    peephole.set_weights([*others, seen[:, :, 0]])
    np.testing.assert_allclose(array(block(inputs())), array(peephole(inputs())), atol=1e-6)


def test_coupled_gates_are_an_lstm_whose_input_gate_is_one_minus_the_forget_gate():
    # σ(−a) = 1 − σ(a): with the input gate's weights the forget gate's, negated, the plain LSTM computes the same.
    coupled = randomise(CoupledGateLSTM(UNITS, return_sequences=True))
    arrays = [np.concatenate([-part[..., :UNITS], part], axis=-1) for part in coupled.get_weights()[:3]]
    forget, output = coupled.get_weights()[3]
    lstm = PeepholeLSTM(UNITS, return_sequences=True)
    lstm.build((None, TIME, INPUTS))
    lstm.set_weights([*arrays, np.stack([-forget, forget, output])])
    np.testing.assert_allclose(array(coupled(inputs())), array(lstm(inputs())), atol=1e-6)


@every_layer
def test_the_config_makes_the_same_layer(kind):
    layer = LAYERS[kind](
        return_sequences=True,
        go_backwards=True,
        dropout=0.1,
        recurrent_dropout=0.2,
        peephole_initializer="ones",
        kernel_regularizer="l2",
        seed=3,
        name="mine",
    )
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.units, again.dropout, again.go_backwards, again.name) == (UNITS, 0.1, True, "mine")
    revived = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert revived.get_config() == layer.get_config()
    cell = type(layer.cell).from_config(layer.cell.get_config())
    assert cell.get_config() == layer.cell.get_config()


@every_layer
def test_keras_own_loop_over_the_cell_gives_the_same(kind):
    layer = randomise(LAYERS[kind](return_sequences=True))
    loop = keras.layers.RNN(layer.cell, return_sequences=True)
    np.testing.assert_allclose(array(layer(inputs(), mask=MASK)), array(loop(inputs(), mask=MASK)), atol=1e-5)


@every_layer
def test_bidirectional_reads_both_ways(kind):
    both = keras.layers.Bidirectional(LAYERS[kind](return_sequences=True))
    outputs = array(both(inputs(), mask=MASK))
    forward, backward = both.forward_layer, both.backward_layer
    expected = [array(forward(inputs(), mask=MASK)), array(backward(inputs(), mask=MASK))[:, ::-1]]
    np.testing.assert_allclose(outputs, np.concatenate(expected, axis=-1), atol=1e-6)
    assert (outputs[~MASK] == 0).all()


@every_layer
def test_the_state_is_kept_between_batches_until_it_is_reset(kind):
    layer = randomise(LAYERS[kind](stateful=True))
    whole = array(layer(inputs()))
    layer.reset_state()
    layer(inputs()[:, :2])
    np.testing.assert_allclose(array(layer(inputs()[:, 2:])), whole, atol=1e-6)
    layer.reset_state()
    np.testing.assert_allclose(array(layer(inputs())), whole, atol=1e-6)


@every_layer
def test_stacked_layers_are_saved_and_come_back(kind, tmp_path):
    model = keras.Sequential(
        [
            keras.Input((TIME, INPUTS)),
            LAYERS[kind](return_sequences=True, name="lower"),
            LAYERS[kind](name="upper"),
            keras.layers.Dense(1),
        ]
    )
    expected = array(model(inputs()))
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(array(keras.saving.load_model(tmp_path / "model.keras")(inputs())), expected, atol=1e-6)
    model.save_weights(tmp_path / "model.weights.h5")
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    model.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(array(model(inputs())), expected, atol=1e-6)


@every_layer
def test_dropout_acts_in_training_only_and_once_a_sequence(kind):
    layer = randomise(LAYERS[kind](return_sequences=True, recurrent_dropout=0.5, seed=1))
    plain = randomise(LAYERS[kind](return_sequences=True))
    np.testing.assert_allclose(array(layer(inputs())), array(plain(inputs())), atol=1e-6)
    first, second = (array(layer(inputs(), training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    dropped = randomise(LAYERS[kind](return_sequences=True, dropout=0.5, seed=1))
    same = np.repeat(inputs()[:, :1], TIME, axis=1)
    dropped(same, training=True)
    seen = []
    read = dropped.cell.read
    dropped.cell.read = lambda sequences, *others: seen.append(array(sequences)) or read(sequences, *others)
    dropped(same, training=True)
    assert (seen[0] == 0).any() and (seen[0] == seen[0][:, :1]).all()  # one mask for all steps


@every_layer
def test_masked_layers_train_with_and_without_jit(kind):
    for jit in (False, True):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.Input((TIME, INPUTS)), keras.layers.Masking(), LAYERS[kind](), keras.layers.Dense(1)]
        )
        model.compile("adam", "mse", jit_compile=jit)
        x = np.where(MASK[..., None], inputs(), 0).astype("float32")
        history = model.fit(x, np.ones((BATCH, 1)), epochs=3, verbose=0).history["loss"]
        assert history[2] < history[0]


@every_layer
def test_mixed_precision_keeps_weights_in_float32(kind):
    layer = randomise(LAYERS[kind](return_sequences=True, dtype="mixed_bfloat16"))
    outputs = layer(inputs())
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    precise = LAYERS[kind](return_sequences=True)
    precise.build((None, TIME, INPUTS))
    precise.set_weights(layer.get_weights())
    np.testing.assert_allclose(array(ops.cast(outputs, "float32")), array(precise(inputs())), atol=0.05)


@every_layer
def test_readings_are_what_is_computed(kind):
    cell = randomise(LAYERS[kind]()).cell
    hidden, state = (ops.convert_to_tensor(np.full((BATCH, UNITS), value, "float32")) for value in (0.1, -0.4))
    projected = cell.project(ops.convert_to_tensor(inputs()[:, 0]))
    readings = cell.gates(projected, [hidden, state])
    output, (new_hidden, new_state) = cell.step(projected, [hidden, state])
    np.testing.assert_array_equal(array(readings["hidden"]), array(output))
    np.testing.assert_array_equal(array(new_hidden), array(output))
    np.testing.assert_array_equal(array(readings["cell"]), array(new_state))


def test_cells_are_built_by_name():
    assert isinstance(build_cell("peephole", 8), PeepholeLSTMCell)
    block = build_cell("block", 8)
    assert (block.blocks, block.cells, block.units) == (2, 4, 8)
    assert build_cell("block", 7).cells == 1
    assert build_cell("coupled", 8, name="mine").name == "mine"
    with pytest.raises(ValueError, match="no cell 'tram'.*peephole, block, coupled"):
        build_cell("tram", 8)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="blocks and cells must be at least 1, got 0 and 2"):
        LSTMBlock(0, 2)
    with pytest.raises(ValueError, match="cuDNN has no kernel for PeepholeLSTM"):
        PeepholeLSTM(4, use_cudnn=True)


def test_gradients_reach_every_weight():
    layer = randomise(LAYERS["peephole"](return_sequences=True))

    def loss(*values):
        with keras.StatelessScope(state_mapping=list(zip(layer.weights, values, strict=True))):
            return ops.sum(ops.square(layer(inputs())))

    for weight, gradient in zip(layer.weights, backend.gradients(loss, *[w.value for w in layer.weights]), strict=True):
        assert np.abs(array(gradient)).min() > 0, weight.name
