"""`Predictor.predict`: every input gets its answer in its place."""

from dataclasses import dataclass

import pytest

from apps.shared.predictor import Failed, Predictor, Result


@dataclass(frozen=True, kw_only=True)
class Shout(Result):
    """Louder."""

    shout: str = ""

    def to_line(self):
        return self.shout


class Shouter(Predictor):
    def __init__(self):
        self.asked = []

    def read(self, item):
        if "!" in item:
            raise ValueError("It shouts already.")
        return item.strip() or None, ("It had blanks.",) if item != item.strip() else ()

    def answer(self, values, search=None):
        self.asked.append(list(values))
        return [Shout(input="", shout=value.upper(), notices=("Loud.",)) for value in values]

    def empty(self):
        return Shout(input="")


def test_answers_stand_where_their_inputs_stood():
    shouter = Shouter()
    results = shouter.predict(["a", "b!", "", " c"])
    assert [result.to_line() for result in results] == ["A", "", "", "C"]
    assert shouter.asked == [["a", "c"]]
    assert [type(result) for result in results] == [Shout, Failed, Shout, Shout]


def test_a_result_has_its_input_and_all_notices():
    assert Shouter().predict([" c"])[0].to_json() == {
        "input": " c",
        "shout": "C",
        "notices": ["It had blanks.", "Loud."],
    }


def test_a_failed_input_says_why():
    assert Shouter().predict(["b!"])[0].to_json() == {"input": "b!", "error": "It shouts already."}


def test_where_nothing_can_be_answered_the_model_is_not_asked():
    shouter = Shouter()
    assert [result.to_line() for result in shouter.predict(["", "b!"])] == ["", ""]
    assert shouter.predict([]) == []
    assert shouter.asked == []


def test_what_does_not_speak_has_no_trace():
    with pytest.raises(NotImplementedError, match="Shouter does not speak"):
        Shouter().trace("a")
