"""Weights as plain arrays: exact where asked, half as large otherwise, and nothing but numbers is ever read."""

import h5py
import numpy as np
import pytest

from serving import weights
from serving.weights import DamagedModel, load_weights, read_weights, save_weights, weight_names


def make(units=4, seed=1):
    import keras

    keras.utils.set_random_seed(seed)
    inputs = keras.Input((5, 3))
    hidden = keras.layers.LSTM(units)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, bias_initializer="normal")(hidden))
    return model


def values(model):
    return [np.asarray(weight) for weight in model.weights]


def test_full_precision_is_exact(tmp_path):
    first, second = make(seed=1), make(seed=2)
    save_weights(tmp_path / "w.h5", first, half=False)
    load_weights(tmp_path / "w.h5", second)
    for one, other in zip(values(first), values(second), strict=True):
        np.testing.assert_array_equal(one, other)


def test_half_precision_rounds_matrices_and_keeps_vectors(tmp_path):
    first, second = make(seed=1), make(seed=2)
    save_weights(tmp_path / "w.h5", first)
    load_weights(tmp_path / "w.h5", second)
    for one, other in zip(values(first), values(second), strict=True):
        expected = one.astype(np.float16).astype(np.float32) if one.ndim == 2 else one
        np.testing.assert_array_equal(other, expected)


def test_values_beyond_float16_stay_whole(tmp_path):
    model = make()
    model.weights[0].assign(np.full(model.weights[0].shape, 1e6))
    save_weights(tmp_path / "w.h5", model)
    name = next(iter(weight_names(model)))
    assert read_weights(tmp_path / "w.h5")[name].max() == 1e6


def test_names_do_not_depend_on_what_the_process_built_before():
    assert list(weight_names(make())) == list(weight_names(make()))
    assert list(weight_names(make()))[:1] == ["lstm/lstm_cell/kernel"]


def test_weights_that_share_a_name_are_counted():
    import keras

    twins = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(3, use_bias=False), keras.layers.Dense(3, use_bias=False)]
    )
    assert list(weight_names(twins)) == ["dense/kernel", "dense/kernel#2"]


def test_the_same_weights_give_the_same_bytes(tmp_path):
    model = make()
    save_weights(tmp_path / "a.h5", model)
    save_weights(tmp_path / "b.h5", model)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_another_size_is_refused_and_nothing_is_loaded(tmp_path):
    save_weights(tmp_path / "w.h5", make(units=4))
    other = make(units=6)
    before = values(other)
    with pytest.raises(DamagedModel, match=r"lstm/lstm_cell/kernel has the shape \(3, 16\), not \(3, 24\)"):
        load_weights(tmp_path / "w.h5", other)
    for one, same in zip(before, values(other), strict=True):
        np.testing.assert_array_equal(one, same)


def test_a_missing_weight_is_named(tmp_path):
    save_weights(tmp_path / "w.h5", make())
    with h5py.File(tmp_path / "w.h5", "a") as file:
        del file["dense:kernel"]
    with pytest.raises(DamagedModel, match="weight dense/kernel is not in the file"):
        load_weights(tmp_path / "w.h5", make())


def test_a_stray_weight_is_named(tmp_path):
    save_weights(tmp_path / "w.h5", make())
    with h5py.File(tmp_path / "w.h5", "a") as file:
        file["extra"] = np.zeros(2)
    with pytest.raises(DamagedModel, match="weight extra is not in the model"):
        load_weights(tmp_path / "w.h5", make())


def test_packed_weights_are_smaller_and_the_same(tmp_path):
    model = make()
    for name, packed in (("plain", False), ("packed", True)):
        save_weights(tmp_path / name, model, packed=packed)
    plain, smaller = (read_weights(tmp_path / name) for name in ("plain", "packed"))
    assert plain.keys() == smaller.keys() and all(np.array_equal(plain[name], smaller[name]) for name in plain)
    with h5py.File(tmp_path / "packed") as file:
        assert {file[key].compression for key in file if file[key].ndim > 1} == {"gzip"}
    load_weights(tmp_path / "packed", make())


def secret(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.ones(3)
    return tmp_path / "secret.h5"


def external_link(file, tmp_path):
    file["dense:bias"] = h5py.ExternalLink(str(secret(tmp_path)), "x")


def soft_link(file, tmp_path):
    file["dense:bias"] = h5py.SoftLink("/dense:kernel")


def external_storage(file, tmp_path):
    (tmp_path / "raw").write_bytes(bytes(8))
    file.create_dataset("dense:bias", shape=(2,), dtype="f4", external=[(str(tmp_path / "raw"), 0, 8)])


def virtual_dataset(file, tmp_path):
    layout = h5py.VirtualLayout(shape=(2,), dtype="f4")
    layout[:] = h5py.VirtualSource(str(secret(tmp_path)), "x", shape=(3,))[:2]
    file.create_virtual_dataset("dense:bias", layout)


def text(file, tmp_path):
    file["dense:bias"] = "not numbers"


def group(file, tmp_path):
    file.create_group("dense:bias")


@pytest.mark.parametrize("trick", [external_link, soft_link, external_storage, virtual_dataset, text, group])
def test_anything_but_a_plain_array_is_refused(tmp_path, trick):
    save_weights(tmp_path / "w.h5", make())
    with h5py.File(tmp_path / "w.h5", "a") as file:
        del file["dense:bias"]
        trick(file, tmp_path)
    for read in (lambda: load_weights(tmp_path / "w.h5", make()), lambda: read_weights(tmp_path / "w.h5")):
        with pytest.raises(DamagedModel, match="dense:bias is not a plain array"):
            read()


def test_a_file_that_would_unpack_to_gigabytes_is_refused(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("bomb", shape=(2**30,), dtype="f4", chunks=(2**20,), compression="gzip")
    assert (tmp_path / "w.h5").stat().st_size < 10_000
    with pytest.raises(DamagedModel, match="unpack to 4 GiB"):
        read_weights(tmp_path / "w.h5")


def test_a_file_that_is_no_hdf5_and_one_that_is_missing_are_named(tmp_path):
    (tmp_path / "w.h5").write_bytes(b"not hdf5")
    with pytest.raises(DamagedModel, match="w.h5 is damaged"):
        read_weights(tmp_path / "w.h5")
    with pytest.raises(DamagedModel, match="none.h5 is missing"):
        read_weights(tmp_path / "none.h5")


def test_a_save_that_fails_keeps_the_older_file(tmp_path, monkeypatch):
    model = make()
    save_weights(tmp_path / "w.h5", model)
    before = (tmp_path / "w.h5").read_bytes()

    def broken(_):
        raise RuntimeError("no")

    monkeypatch.setattr(weights, "_key", broken)
    with pytest.raises(RuntimeError):
        save_weights(tmp_path / "w.h5", model)
    assert (tmp_path / "w.h5").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["w.h5"]
