"""From a translator's answer to what the microscope shows: branches, made and made again from their ids."""

import shlex
from functools import partial

import numpy as np
import pytest

from apps.shared.speaking import ORIGINAL, Exploration, next_branch, original_branch, understand
from apps.shared.widgets.microscope.payload import Request, encode_branch
from apps.translation.view import ShippedModel, command_line
from models.decoding.options import SearchOptions

TEXT, SEARCH = "Ein Hund sieht ein Kind.", SearchOptions(beam_size=3)


@pytest.fixture(scope="module")
def original(translator):
    return original_branch(translator, TEXT, "predict", translator.trace(TEXT, SEARCH), 12.0)


@pytest.fixture
def exploration(translator, original):
    made = {(): original}

    def make(operations):
        if operations not in made:
            parent = make(operations[:-1])
            made[operations] = next_branch(translator, TEXT, SEARCH, parent, operations[-1], "predict")
        return made[operations]

    exploration = Exploration(make=make, speaker=translator)
    exploration.begin()
    return exploration


def asked(**fields):
    return Request(id="1", branch=fields.pop("branch", ORIGINAL), **fields)


def text_of(branch):
    return branch.trace["hypotheses"][branch.path]["text"]


def another_token(branch, position):
    """A candidate that was not written, and is no special token."""
    written = branch.trace["hypotheses"][0]["ids"][position]
    found = branch.trace["steps"][position]["expanded"][0]["candidates"]
    return next(c["id"] for c in found if c["id"] > 3 and c["id"] != written)


def test_the_answer_comes_with_everything_that_the_microscope_shows(original, translator):
    steps, units = original.steps, 6  # five words and the end
    assert text_of(original) == translator.predict([TEXT], SEARCH)[0].translation
    assert [stream.name for stream in original.streams] == [s.name for s in translator.explainer.streams]
    assert original.saliency.shape == (steps, units) and original.held.shape == (units + steps, steps)
    np.testing.assert_allclose(original.saliency.sum(axis=1), 1, rtol=1e-6)
    assert 0 <= original.held.min() and original.held.max() == 1
    assert not original.held[-1].any()  # </s> is written last and never read
    assert original.streams[-1].gradient.shape == (steps, 32)
    encode_branch(original)  # no NaN, nothing that JSON lacks


def test_a_forced_word_is_written_and_the_rest_decoded_anew(exploration, original, translator):
    token = another_token(original, 1)
    exploration.answer(asked(type="force", position=1, token_id=token))
    forced = exploration.branches[-1]
    ids = forced.trace["hypotheses"][0]["ids"]
    assert ids[:2] == [original.trace["hypotheses"][0]["ids"][0], token] and forced.token_id == token
    assert (forced.id, forced.parent, forced.position) == (f"f1-{token}", ORIGINAL, 1)
    if forced.command:
        assert forced.command == f"predict --prefix {shlex.quote(translator.decode(ids[:2]))}"


def test_a_hypothesis_that_fell_behind_can_be_continued(exploration, original):
    path = set(original.trace["hypotheses"][0]["path"])
    beam = next(b for b in original.trace["steps"][1]["beams"] if b["node"] not in path and b["id"] != 3)
    exploration.answer(asked(type="continue", node=beam["node"]))
    first = next(b for b in original.trace["steps"][0]["beams"] if b["node"] == beam["parent"])
    assert exploration.branches[-1].trace["hypotheses"][0]["ids"][:2] == [first["id"], beam["id"]]


def test_a_held_unit_of_either_side_makes_a_branch_with_its_readings(exploration):
    for stream, side, position in (("decoder 1", "target", 2), ("encoder 1 backward", "source", 0)):
        exploration.answer(asked(type="edit", stream=stream, unit=5, action="one", from_step=2))
        branch = exploration.branches[-1]
        assert branch.position == position and branch.edits[0].unit == 5 and branch.command == ""
        assert next(s for s in branch.streams if s.name == stream).side == side


def test_branches_are_made_again_from_an_address(exploration, original, translator):
    exploration.answer(asked(type="edit", stream="decoder 1", unit=5, action="value", value=-0.5, from_step=1))
    edited = exploration.branches[-1]
    exploration.answer(asked(type="force", branch=edited.id, position=2, token_id=another_token(edited, 2)))
    forced = exploration.branches[-1]
    assert forced.id.startswith(f"{edited.id}~f2-") and forced.edits == edited.edits
    again = Exploration(make=exploration.make, speaker=translator)
    assert again.begin(forced.id) == ""
    assert [b.id for b in again.branches] == [ORIGINAL, edited.id, forced.id] and again.opened == forced.id


@pytest.mark.parametrize(
    "wanted", ["f99-4", "f1-9999999", "c99999", "e0-9999-zero-1", "e77-1-zero-1", "<b>", "~".join(["c1"] * 9)]
)
def test_an_address_that_cannot_be_followed_says_so_and_shows_the_original(exploration, translator, wanted):
    again = Exploration(make=exploration.make, speaker=translator)
    assert "cannot be made" in again.begin(wanted)
    assert again.branches[0].id == ORIGINAL


def test_undo_removes_a_branch_and_what_grew_from_it_but_never_the_original(exploration, original):
    exploration.answer(asked(type="edit", stream="decoder 1", unit=5, action="zero", from_step=1))
    edited = exploration.branches[-1]
    exploration.answer(asked(type="edit", branch=edited.id, stream="decoder 1", unit=6, action="freeze", from_step=2))
    exploration.answer(asked(type="undo", branch=edited.id))
    exploration.answer(asked(type="undo"))
    assert [b.id for b in exploration.branches] == [ORIGINAL]
    with pytest.raises(ValueError, match="is gone"):
        exploration.answer(asked(type="force", branch=edited.id, position=1, token_id=5))


def test_a_word_that_was_no_candidate_is_not_forced(original, translator):
    shown = {c["id"] for e in original.trace["steps"][1]["expanded"] for c in e["candidates"]}
    missing = next(n for n in range(4, translator.target.size) if n not in shown)
    with pytest.raises(ValueError, match="not among the candidates"):
        understand(translator, original, f"f1-{missing}")


def test_the_command_line_names_every_setting_that_matters():
    sampling = SearchOptions(beam_size=5, temperature=0.7, top_p=0.9, seed=3)
    line = command_line("de-en", "Er sagt: 'Hallo'", sampling)
    words = shlex.split(line)
    assert words[:6] == ["python", "-m", "apps.translation", "predict", "--model", "de-en"]
    assert words[-2:] == ["--text", "Er sagt: 'Hallo'"]
    assert "--temperature 0.7" in line and "--top-p 0.9" in line and "--seed 3" in line and "--top-k" not in line


def test_a_model_is_called_by_its_languages():
    named = partial(ShippedModel, source="de", target="en", length_penalty=1.0)
    assert named(name="de-en").label == "German → English"
    assert named(name="de-en-large").label == "German → English (de-en-large)"
