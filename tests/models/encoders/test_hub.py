"""TensorFlow Hub modules as layers of Keras 3, on small SavedModels made here."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from models.encoders.hub import HubLayer, HubUnavailable, resolve


class Scale(tf.Module):
    """Multiplies by a number that can be learned and adds one that cannot."""

    def __init__(self):
        super().__init__()
        self.factor = tf.Variable([2.0, 3.0], name="factor")
        self.shift = tf.Variable(1.0, trainable=False, name="shift")

    @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32)])
    def __call__(self, inputs):
        return inputs * self.factor + self.shift


@pytest.fixture(scope="module")
def handle(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("hub") / "scale")
    module = Scale()
    by_name = tf.function(
        lambda numbers: {"scaled": module(numbers), "as_they_were": numbers},
        input_signature=[tf.TensorSpec((None, 2), tf.float32, name="numbers")],
    )
    tf.saved_model.save(module, folder, signatures={"both": by_name})
    return folder


def test_a_layer_answers_as_its_module(handle):
    np.testing.assert_allclose(HubLayer(handle)(np.array([[1.0, 10.0]], "float32")), [[3.0, 31.0]])


def test_training_changes_the_module_itself(handle):
    layer = HubLayer(handle, trainable=True)
    model = keras.Sequential([layer])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(np.ones((4, 2), "float32"), np.zeros((4, 2), "float32"), verbose=0)
    assert [variable.shape for variable in layer.trainable_variables] == [(2,)]
    assert not np.allclose(layer.module.factor, [2.0, 3.0])
    np.testing.assert_allclose(
        layer(np.ones((1, 2), "float32")), [layer.module.factor.numpy() + layer.module.shift.numpy()]
    )


def test_a_frozen_module_has_weights_and_none_of_them_is_trained(handle):
    layer = HubLayer(handle)
    assert (len(layer.weights), layer.trainable_variables) == (2, [])


def test_weights_go_to_a_file_and_back(handle, tmp_path):
    first = keras.Sequential([keras.Input((2,)), HubLayer(handle, trainable=True)])
    first.layers[0].trainable_variables[0].assign([5.0, 5.0])
    first.save_weights(tmp_path / "one.weights.h5")
    second = keras.Sequential([keras.Input((2,)), HubLayer(handle, trainable=True)])
    second.load_weights(tmp_path / "one.weights.h5")
    np.testing.assert_allclose(second(ops.ones((1, 2))), [[6.0, 6.0]])


def test_a_signature_is_called_by_name_and_its_output_chosen(handle):
    layer = HubLayer(handle, signature="both", output="scaled")
    np.testing.assert_allclose(layer(np.array([[1.0, 1.0]], "float32")), [[3.0, 4.0]])
    with pytest.raises(HubUnavailable, match="scaled"):
        HubLayer(handle, signature="both")(np.ones((1, 2), "float32"))


def test_text_goes_through_a_module_with_a_table(tmp_path):
    keys, values = tf.constant(["hund", "katze"]), tf.constant([1, 2], tf.int64)
    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), 0)
    module.vectors = tf.Variable([[0.0], [10.0], [20.0]])
    module.__call__ = tf.function(
        lambda words: tf.gather(module.vectors, module.table.lookup(words)),
        input_signature=[tf.TensorSpec((None,), tf.string)],
    )
    tf.saved_model.save(module, str(tmp_path / "words"))
    layer = HubLayer(str(tmp_path / "words"))
    np.testing.assert_allclose(layer(tf.constant(["katze", "maus"])), [[20.0], [0.0]])


def test_what_is_no_module_is_refused_by_its_name(tmp_path, handle):
    with pytest.raises(HubUnavailable, match="nothing-here"):
        resolve(str(tmp_path / "nothing-here"))
    (tmp_path / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(HubUnavailable, match="cannot be opened"):
        HubLayer(str(tmp_path))
    with pytest.raises(HubUnavailable, match="it has both"):
        HubLayer(handle, signature="absent")
