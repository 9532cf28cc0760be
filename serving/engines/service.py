"""One model answering many clients at a time: batches, limits and time-outs. Knows neither Ray nor a web server."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from serving.engines import batching, rest
from serving.engines.rest import Question, Refused, Signature

_LARGE = 2**16
"""Bytes of a body above which reading it would hold up the other requests: a thread does it."""


class Model(Protocol):
    """What is served; `serving.engines.saved_model.ServedModel` is one."""

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """By name."""

    def __call__(self, signature: str, tensors: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Asks one signature; `Refused` where the model does not take the values."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a service takes upon itself.

    Attributes:
        max_batch_size: rows answered by one call of the model; a request may have more and is then answered alone.
        batch_wait: seconds that the first request of a batch waits for others.
        queue_limit: requests at a time, waiting or being answered; one more is refused at once with 503.
        timeout: seconds from a request's arrival; one that is not answered by then gets 504.
        max_rows: rows of one request.
        max_bytes: of one request's body.
    """

    max_batch_size: int = 64
    batch_wait: float = 0.005
    queue_limit: int = 64
    timeout: float = 30.0
    max_rows: int = 1024
    max_bytes: int = 64 * 2**20


@dataclass(frozen=True)
class Reply:
    """An answer: HTTP status and JSON."""

    status: int
    body: bytes


@dataclass(frozen=True)
class _Waiting:
    question: Question
    answer: asyncio.Future


class Service:
    """Answers TensorFlow Serving's REST requests with one model.

    While the model is at work, what arrives waits and then goes into one call together: the busier it is, the larger
    the batches.

    Args:
        model: what answers; called from one thread.
        name: what it is called in paths.
        limits: see there.
    """

    def __init__(self, model: Model, name: str, limits: Limits):
        self.model, self.name, self.limits = model, name, limits
        self.busy = 0
        self._waiting: deque[_Waiting] = deque()
        self._working: asyncio.Task | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def respond(self, method: str, path: str, body: bytes) -> Reply:
        """One request's answer; every error is a `Reply`, too.

        Args:
            method: GET or POST.
            path: without the query.
            body: of the request.
        """
        try:
            if rest.route(method, path, self.name) == "status":
                return Reply(200, rest.to_json(rest.status()))
            if self.busy >= self.limits.queue_limit:
                raise Refused(f"{self.name} has {self.busy} requests to answer and takes no more. Try again.", 503)
            self.busy += 1
            try:
                async with asyncio.timeout(self.limits.timeout):
                    return Reply(200, await self._predict(body))
            finally:
                self.busy -= 1
        except Refused as error:
            return Reply(error.status, rest.error(str(error)))
        except TimeoutError:
            return Reply(504, rest.error(f"No answer within {self.limits.timeout:g} s."))
        except Exception as error:
            return Reply(500, rest.error(f"{type(error).__name__}: {error}"))

    async def _predict(self, body: bytes) -> bytes:
        if len(body) > self.limits.max_bytes:
            raise Refused(f"The request has {len(body):,} bytes; the limit is {self.limits.max_bytes:,}.", 413)
        question = await asyncio.to_thread(self._read, body) if len(body) > _LARGE else self._read(body)
        waiting = _Waiting(question, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        answer = await waiting.answer  # cancelled with this request: a batch then leaves it out
        if isinstance(answer, Exception):
            raise answer
        return rest.to_json(rest.write(question, answer))

    def _read(self, body: bytes) -> Question:
        question = rest.read(body, self.model.signatures)
        if question.rows > self.limits.max_rows:
            raise Refused(f"The request has {question.rows:,} rows; the limit is {self.limits.max_rows:,}.", 413)
        return question

    async def _work(self) -> None:
        """Answers what waits, batch after batch, until nothing does."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                if sum(one.question.rows for one in self._waiting) < self.limits.max_batch_size:
                    await asyncio.sleep(self.limits.batch_wait)
                batch = self._take()
                questions = [one.question for one in batch]
                answers = await loop.run_in_executor(self._thread, self._answer, questions)
                for one, answer in zip(batch, answers, strict=True):
                    if not one.answer.done():
                        one.answer.set_result(answer)
        finally:
            self._working = None

    def _take(self) -> list[_Waiting]:
        """The next batch: what came first and still has someone who waits for it."""
        batch: list[_Waiting] = []
        rows = 0
        while self._waiting:
            one = self._waiting[0]
            if not one.answer.done():
                if batch and rows + one.question.rows > self.limits.max_batch_size:
                    break
                batch.append(one)
                rows += one.question.rows
            self._waiting.popleft()
        return batch

    def _answer(self, questions: Sequence[Question]) -> list[Any]:
        try:
            return batching.answer_together(questions, self.model.signatures, self.model, self.limits.max_batch_size)
        except Exception as error:  # none of the questions may wait for ever
            return [error] * len(questions)
