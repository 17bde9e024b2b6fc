"""What the worker says and when, with work in place of models."""

from __future__ import annotations

import time
from io import BytesIO

import msgspec
import pytest

from culturechat.engines import Finished, Token
from culturechat.engines.llama_cpp import protocol, worker
from culturechat.engines.llama_cpp.protocol import Body, Cancel, Reply

WORDS = [f"word {number} " for number in range(10)]


class Speaker:
    """Says a word a step, and then that it has ended."""

    def __init__(self, by: worker.Worker) -> None:
        self._worker = by
        self._left: list[Body] = [*(Token("base", word) for word in WORDS), Finished("base", "stop", 10, 0.0, 0.0)]

    def step(self, threads: int) -> bool:
        self._worker.say(1, self._left.pop(0))
        return bool(self._left)

    def has_news(self) -> bool:
        return False

    def cancel(self, command: Cancel) -> None:
        raise AssertionError

    def fail(self, error: str) -> None:
        raise AssertionError(error)


def frames(output: BytesIO) -> list[list[Reply]]:
    stream = BytesIO(output.getvalue())
    found = []
    while (frame := protocol.read(stream)) is not None:
        found.append(msgspec.msgpack.decode(frame, type=list[Reply]))
    return found


def said(output: BytesIO) -> list[list[Reply]]:
    """Return the frames up to the end of the answer."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = frames(output)
        if found and isinstance(found[-1][-1].body, Finished):
            return found
        time.sleep(0.01)
    raise AssertionError("The worker never said that the answer has ended.")


@pytest.mark.parametrize(("seconds_a_step", "frame_sizes"), [(0.0, [11]), (0.015, [2] * 5 + [1]), (0.03, [1] * 11)])
def test_tokens_that_follow_each_other_fast_are_sent_together_and_none_stays_behind(
    monkeypatch: pytest.MonkeyPatch, seconds_a_step: float, frame_sizes: list[int]
) -> None:
    clock = [100.0]
    monkeypatch.setattr(worker, "monotonic", lambda: clock[0])
    output = BytesIO()
    speaking = worker.Worker(output)
    job = Speaker(speaking)
    step = job.step

    def slowly(threads: int) -> bool:
        clock[0] += seconds_a_step
        return step(threads)

    monkeypatch.setattr(job, "step", slowly)
    speaking.begin(job)
    found = said(output)
    assert [len(frame) for frame in found] == frame_sizes
    assert [reply.body.text for frame in found for reply in frame if isinstance(reply.body, Token)] == WORDS
