"""The microscope's bytes, checks and courier, without a browser."""

from __future__ import annotations

import numpy as np
import pytest

from apps.shared.widgets.microscope.microscope import Courier, browser_texts
from apps.shared.widgets.microscope.payload import (
    Branch,
    MicroscopeView,
    Request,
    Source,
    SourceUnit,
    Stream,
    Target,
    decode_header,
    encode,
    words_as_units,
)
from tests.apps.shared.widgets.made_view import Session, make_trace


def tiny_trace(tokens: tuple[str, ...] = ("▁Hi", "</s>")) -> dict:
    return {"steps": [], "hypotheses": [{"ids": [7, 3], "tokens": list(tokens)}]}


def tiny_view(**fields) -> MicroscopeView:
    branch = Branch(id="original", label="original", trace=tiny_trace(), **fields)
    units = (SourceUnit(text="Hallo"), SourceUnit(text="end"))
    return MicroscopeView(
        source=Source(kind="text", name="German", units=units),
        target=Target(name="English"),
        branches=(branch,),
    )


def read(payload: bytes, place: dict, start: int = 0) -> np.ndarray:
    header, values = decode_header(payload)
    return values[start + place["at"] :][: int(np.prod(place["shape"]))].reshape(place["shape"])


def test_arrays_come_back_as_they_went_in_to_half_precision():
    gate = np.linspace(0, 1, 6).reshape(2, 3)
    stream = Stream(name="decoder 1", kind="lstm", side="target", arrays={"forget": gate})
    saliency = np.array([[0.25, 0.75], [1.0, 0.0]])
    payload = encode(tiny_view(streams=(stream,), saliency=saliency))
    branch = decode_header(payload)[0]["branches"][0]["branch"]
    np.testing.assert_allclose(read(payload, branch["streams"][0]["arrays"]["forget"]), gate, atol=5e-4)
    np.testing.assert_array_equal(read(payload, branch["saliency"]), saliency)


def test_the_value_block_begins_at_a_multiple_of_eight_whatever_the_text():
    for title in ("a", "äß", "日本語", "abcdefg"):
        view = tiny_view()
        payload = encode(view, problem=title)
        assert (12 + int.from_bytes(payload[8:12], "little")) % 8 == 0
        assert decode_header(payload)[0]["problem"] == title


def test_an_array_with_nan_is_refused_by_name():
    stream = Stream(name="decoder 1", kind="rnn", side="target", arrays={"hidden": np.full((2, 3), np.nan)})
    with pytest.raises(ValueError, match="stream 'decoder 1', hidden holds NaN"):
        encode(tiny_view(streams=(stream,)))


def test_values_beyond_half_precision_are_cut_not_infinite():
    payload = encode(tiny_view(saliency=np.array([[1e9, 0], [0, 0]])))
    assert decode_header(payload)[1].max() == 65504


def test_shapes_that_do_not_fit_are_refused_with_what_was_expected():
    with pytest.raises(ValueError, match=r"saliency must be \(steps, source units\) = \(2, 2\), got \(3, 2\)"):
        tiny_view(saliency=np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"held must be \(2, 2\) or \(4, 2\), got \(2, 3\)"):
        tiny_view(held=np.zeros((2, 3)))
    with pytest.raises(ValueError, match="has 5 columns, its hypothesis 2 tokens"):
        tiny_view(streams=(Stream(name="d", kind="rnn", side="target", arrays={"hidden": np.zeros((5, 4))}),))
    with pytest.raises(ValueError, match="with a divisor of the units"):
        arrays = {"candidate": np.zeros((2, 8)), "forget": np.zeros((2, 3))}
        Stream(name="d", kind="block", side="target", arrays=arrays)


def test_a_thumbnail_is_a_picture_in_a_data_uri_and_nothing_else():
    with pytest.raises(ValueError, match="must be a base64 data URI"):
        SourceUnit(text="x", image="javascript:alert(1)")
    with pytest.raises(ValueError, match="must be a base64 data URI"):
        SourceUnit(text="x", image="data:image/svg+xml;base64,PHN2Zz4=")


def test_words_of_a_trace_become_units_and_the_end_token_one_of_its_own():
    trace = make_trace(("▁Schn", "ee", "▁.", "</s>"), Session().model, 1)
    units = words_as_units(trace)
    assert [(unit.text, unit.columns) for unit in units] == [("Schnee", (0, 1)), (".", (2,)), ("end", (3,))]


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({"type": "explode"}, "must be one of force, continue, edit, undo, got 'explode'"),
        ({"type": "force", "position": -1}, "position must be a whole number from 0, got -1"),
        ({"type": "force", "token_id": "7"}, "token_id must be a whole number from 0, got '7'"),
        ({"type": "edit", "action": "burn"}, "must be one of zero, one, freeze, value, got 'burn'"),
        ({"type": "edit", "value": float("nan")}, "value must be a finite number, got nan"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(message, problem):
    with pytest.raises(ValueError, match=problem):
        Request.from_json(message)


def test_an_edit_request_names_its_edit():
    message = {"type": "edit", "stream": "decoder 1", "unit": 7, "action": "freeze", "from_step": 2}
    edit = Request.from_json(message).edit()
    assert (edit.stream, edit.unit, edit.action, edit.from_step) == ("decoder 1", 7, "freeze", 2)


def force_message(session: Session, rank: int = 2) -> dict:
    choice = session.branches[0].trace["steps"][1]["expanded"][0]["candidates"][rank]
    return {"type": "force", "id": "a.1", "branch": "original", "position": 1, "token_id": choice["id"]}


def test_an_unchanged_view_gives_the_very_same_bytes():
    session, courier = Session(), Courier()
    assert courier.payload(session.view()) is courier.payload(session.view())


def test_only_the_new_branch_is_sent_after_a_forced_word():
    session, courier = Session(), Courier()
    whole = courier.payload(session.view())
    courier.answer(force_message(session), session.answer)
    header, _ = decode_header(courier.payload(session.view()))
    assert [part["branch"]["id"] for part in header["branches"]] == [session.branches[1].id]
    assert [entry["id"] for entry in header["order"]] == ["original", session.branches[1].id]
    assert header["answered"] == "a.1" and header["problem"] == ""
    assert len(courier.payload(session.view())) < 1.2 * len(whole)


def test_a_browser_that_lost_its_branches_gets_all_of_them_again():
    session, courier = Session(), Courier()
    courier.payload(session.view())
    courier.answer(force_message(session), session.answer)
    courier.payload(session.view())
    courier.answer({"type": "resend"}, session.answer)
    assert len(decode_header(courier.payload(session.view()))[0]["branches"]) == 2


def test_a_page_that_fails_still_answers_the_widget(caplog):
    session, courier = Session(), Courier()

    def fail(request: Request) -> None:
        raise RuntimeError("secret path")

    courier.answer(force_message(session), fail)
    header, _ = decode_header(courier.payload(session.view()))
    assert header["answered"] == "a.1"
    assert "did not work" in header["problem"] and "secret" not in header["problem"]


def test_a_page_can_tell_the_reader_why_it_refused():
    session, courier = Session(), Courier()
    courier.answer(force_message(session) | {"token_id": 1}, session.answer)
    assert "not among the candidates" in decode_header(courier.payload(session.view()))[0]["problem"]


def test_the_browser_texts_fetch_nothing_and_write_no_html():
    scripts, styles = browser_texts()
    for forbidden in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "fetch(",
        "@import",
    ):
        assert forbidden not in scripts + styles
    links = [word for word in (scripts + styles).split('"') if word.startswith(("http:", "https:"))]
    assert links == ["http://www.w3.org/2000/svg"]
