"""One model, many clients: answers in batches, overload refused at once, no request waits for ever."""

import asyncio
import json
import threading
import time

import numpy as np
import pytest

from serving.engines.rest import Refused, Signature, TensorSpec
from serving.engines.service import Limits, Service

TEXT = TensorSpec(dtype="string", shape=(None,))
PATH = "/v1/models/echo:predict"


class Echo:
    """Says what it hears, once it may."""

    def __init__(self, slow=0.0):
        self.signatures = {"serving_default": Signature(inputs={"text": TEXT}, outputs={"said": TEXT})}
        self.batches, self.slow = [], slow
        self.may = threading.Event()
        self.may.set()

    def __call__(self, signature, tensors):
        self.may.wait(10)
        time.sleep(self.slow)
        self.batches.append(tensors["text"].tolist())
        if b"bad" in self.batches[-1]:
            raise Refused("a bad word")
        if b"broken" in self.batches[-1]:
            raise KeyError("nothing that was foreseen")
        return {"said": np.array([b"=" + value for value in tensors["text"]], object)}


def body(*texts) -> bytes:
    return json.dumps({"instances": list(texts)}).encode()


async def ask(service, *texts):
    reply = await service.respond("POST", PATH, body(*texts))
    return reply.status, json.loads(reply.body)


def together(service, *requests, before=None):
    """Sends requests at once; gives the answers in order."""

    async def all_of_them():
        tasks = [asyncio.create_task(ask(service, *texts)) for texts in requests]
        if before:
            await before()
        return await asyncio.gather(*tasks)

    return asyncio.run(all_of_them())


def test_each_client_gets_its_own_answer_and_those_that_wait_share_a_call():
    model = Echo(slow=0.01)
    found = together(Service(model, "echo", Limits(max_batch_size=8)), *[(f"text {n}",) for n in range(40)])
    assert found == [(200, {"predictions": [f"=text {n}"]}) for n in range(40)]
    assert [len(batch) for batch in model.batches] == [8] * 5


def test_a_batch_has_no_more_rows_than_allowed_but_a_large_request_is_answered():
    model = Echo()
    found = together(Service(model, "echo", Limits(max_batch_size=3)), ("a", "b"), ("c", "d"), tuple("efghi"))
    assert [len(answer["predictions"]) for _, answer in found] == [2, 2, 5]
    assert [len(batch) for batch in model.batches] == [2, 2, 5]


def test_a_bad_request_fails_alone():
    found = together(Service(Echo(), "echo", Limits()), ("a",), ("bad",), ("broken",), ("c",))
    assert [status for status, _ in found] == [200, 400, 500, 200]
    assert found[1][1] == {"error": "a bad word"} and "KeyError" in found[2][1]["error"]
    assert found[0][1] == {"predictions": ["=a"]} and found[3][1] == {"predictions": ["=c"]}


def test_overload_is_refused_at_once_and_the_state_still_answered():
    model = Echo()
    model.may.clear()
    service = Service(model, "echo", Limits(queue_limit=4, batch_wait=0.0))
    said = {}

    async def overload():
        await asyncio.sleep(0.05)
        began = time.monotonic()
        said["more"] = await ask(service, "one too many")
        said["state"] = (await service.respond("GET", "/v1/models/echo", b"")).status
        said["seconds"] = time.monotonic() - began
        model.may.set()

    found = together(service, *[(str(n),) for n in range(4)], before=overload)
    assert said["more"][0] == 503 and "takes no more" in said["more"][1]["error"]
    assert said["state"] == 200 and said["seconds"] < 0.5
    assert [status for status, _ in found] == [200] * 4
    assert service.busy == 0


def test_a_request_that_takes_too_long_gets_504_and_is_not_answered_for_nobody():
    model = Echo()
    model.may.clear()
    service = Service(model, "echo", Limits(timeout=0.2, batch_wait=0.0))

    async def story():
        first = asyncio.create_task(ask(service, "first"))
        await asyncio.sleep(0.05)  # it is in the model's hands by now
        second = asyncio.create_task(ask(service, "second"))
        timed_out = await asyncio.gather(first, second)
        model.may.set()
        return timed_out, await ask(service, "third")

    timed_out, third = asyncio.run(story())
    assert [status for status, _ in timed_out] == [504, 504] and "0.2 s" in timed_out[0][1]["error"]
    assert third == (200, {"predictions": ["=third"]})
    assert model.batches == [[b"first"], [b"third"]]
    assert service.busy == 0


def test_a_client_that_went_away_takes_no_place():
    model = Echo()
    model.may.clear()
    service = Service(model, "echo", Limits(batch_wait=0.0))

    async def story():
        first = asyncio.create_task(ask(service, "first"))
        await asyncio.sleep(0.05)
        gone = asyncio.create_task(ask(service, "gone"))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        model.may.set()
        return await first, await ask(service, "last")

    assert [status for status, _ in asyncio.run(story())] == [200, 200]
    assert model.batches == [[b"first"], [b"last"]] and service.busy == 0


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 400), (b"", 400), (b"x" * 2000, 413), (body(*"abcdefgh"), 413), (body("a"), 200)],
)
def test_what_cannot_be_asked_is_told_so(content, status):
    service = Service(Echo(), "echo", Limits(max_rows=5, max_bytes=1000))
    reply = asyncio.run(service.respond("POST", PATH, content))
    assert reply.status == status and ("error" in json.loads(reply.body)) == (status != 200)


def test_a_body_of_many_bytes_is_read_as_well():
    long = "x" * 100_000
    assert together(Service(Echo(), "echo", Limits()), (long,)) == [(200, {"predictions": [f"={long}"]})]


def test_another_model_is_not_found():
    reply = asyncio.run(Service(Echo(), "echo", Limits()).respond("POST", "/v1/models/other:predict", body("a")))
    assert reply.status == 404
