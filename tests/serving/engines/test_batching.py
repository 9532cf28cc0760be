"""Questions answered together: fewer calls, and every answer as if it had been asked alone."""

import numpy as np
import pytest

from serving.engines.batching import answer_together, joins
from serving.engines.rest import Question, Refused, Signature, TensorSpec

TEXT = TensorSpec(dtype="string", shape=(None,))
SCALAR = TensorSpec(dtype="int32", shape=())
WIDE = TensorSpec(dtype="string", shape=(None, None))
COUNT = TensorSpec(dtype="int32", shape=(None,))
SIGNATURES = {
    "echo": Signature(inputs={"text": TEXT, "times": SCALAR}, outputs={"text": TEXT}),
    "words": Signature(inputs={"text": TEXT}, outputs={"words": WIDE, "count": COUNT}),
    "size": Signature(inputs={"text": TEXT}, outputs={"size": TensorSpec(dtype="int32", shape=())}),
}


class Model:
    """Remembers how many rows each call had; a text "bad" fails its whole call."""

    def __init__(self):
        self.rows = []

    def __call__(self, signature, tensors):
        texts = [value.decode() for value in tensors["text"]]
        self.rows.append(len(texts))
        if "bad" in texts:
            raise Refused("bad")
        if signature == "echo":
            return {"text": strings([value * int(tensors["times"]) for value in texts])}
        if signature == "size":
            return {"size": np.array(len(texts))}
        split = [value.split() for value in texts]
        width = max(1, *map(len, split))
        words = [[*row, *[""] * (width - len(row))] for row in split]
        return {"words": strings(words), "count": np.array([len(row) for row in split])}


def strings(values):
    return np.vectorize(lambda value: value.encode(), otypes=[object])(np.array(values, object))


def ask(*texts, signature="echo", times=1):
    tensors = {"text": strings(list(texts))}
    if signature == "echo":
        tensors["times"] = np.array(times, np.int32)
    return Question(signature=signature, tensors=tensors, by_rows=True, rows=len(texts))


def answered(questions, most_rows=100):
    model = Model()
    found = answer_together(questions, SIGNATURES, model, most_rows)
    for question, answer in zip(questions, found, strict=True):
        if not isinstance(answer, Exception):
            alone = Model()(question.signature, question.tensors)
            assert {name: value.tolist() for name, value in answer.items()} == {
                name: value.tolist() for name, value in alone.items()
            }
    return found, model.rows


def test_questions_of_one_kind_go_in_one_call_and_each_gets_its_own_answer():
    found, rows = answered([ask("a"), ask("b", "c"), ask("d")])
    assert rows == [4] and len(found) == 3


def test_other_scalars_and_other_signatures_go_apart():
    _, rows = answered([ask("a"), ask("b", times=2), ask("c"), ask("d", signature="words")])
    assert sorted(rows) == [1, 1, 2]


def test_a_call_has_no_more_rows_than_allowed_and_a_large_question_goes_alone():
    _, rows = answered([ask("a", "b"), ask("c", "d"), ask(*"efghi"), ask("j")], most_rows=4)
    assert rows == [4, 5, 1]


def test_a_bad_question_fails_alone():
    found, rows = answered([ask("a"), ask("bad"), ask("c")])
    assert isinstance(found[1], Refused) and rows == [3, 1, 1, 1]
    assert found[0]["text"].tolist() == [b"a"] and found[2]["text"].tolist() == [b"c"]


def test_an_answer_is_no_wider_for_a_long_neighbour():
    found, rows = answered(
        [ask("one", signature="words"), ask("a b c d", "e", signature="words"), ask("", signature="words")]
    )
    assert rows == [4]
    assert [answer["words"].shape for answer in found] == [(1, 1), (2, 4), (1, 1)]


def test_a_signature_whose_outputs_are_not_one_a_row_is_asked_alone():
    assert not joins(SIGNATURES["size"]) and joins(SIGNATURES["echo"])
    _, rows = answered([ask("a", signature="size"), ask("b", signature="size")])
    assert rows == [1, 1]


def test_rows_of_unequal_shape_are_not_joined():
    frames = Signature(inputs={"x": TensorSpec(dtype="float32", shape=(None, None))}, outputs={"y": TEXT})
    questions = [
        Question(signature="f", tensors={"x": np.zeros((1, width))}, by_rows=True, rows=1) for width in (2, 3, 2)
    ]
    shapes = []
    answer_together(
        questions, {"f": frames}, lambda _, tensors: shapes.append(tensors["x"].shape) or {"y": tensors["x"][:, 0]}, 9
    )
    assert sorted(shapes) == [(1, 3), (2, 2)]


@pytest.mark.parametrize("count", [0, 1])
def test_no_question_and_one_question_work(count):
    found, rows = answered([ask("a")] * count)
    assert len(found) == count and rows == [1] * count
