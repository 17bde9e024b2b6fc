from __future__ import annotations

from pathlib import Path

import llama_cpp
import pytest

from culturechat.engines import Sampling
from culturechat.engines.llama_cpp.native import Context, Model, Sampler


def written(path: Path, sampling: Sampling, count: int = 100) -> list[int]:
    model = Model(str(path))
    context, sampler = Context(model, 256), Sampler(model, sampling, seed=3)
    context.use_threads(1)
    read = model.tokenize("Once upon a time there was a village by the sea, and in the village")
    context.decode(read, 0)
    found = []
    for place in range(len(read), len(read) + count):
        found.append(sampler.draw(context))
        context.decode(found[-1:], place)
    sampler.close()
    context.close()
    model.close()
    return found


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("penalty", [1.1, 2.0])
def test_a_penalty_on_the_likeliest_tokens_draws_what_one_on_all_tokens_draws(
    monkeypatch: pytest.MonkeyPatch, base_path: Path, temperature: float, penalty: float
) -> None:
    sampling = Sampling(temperature=temperature, repeat_penalty=penalty)
    found = written(base_path, sampling)
    assert found != written(base_path, Sampling(temperature=temperature, repeat_penalty=1.0))
    top_k, narrowed = llama_cpp.llama_sampler_init_top_k, []

    def keep_all_before_the_penalty(count: int) -> object:
        narrowed.extend([count] * (count != sampling.top_k))
        return top_k(count if count == sampling.top_k else 0)

    monkeypatch.setattr(llama_cpp, "llama_sampler_init_top_k", keep_all_before_the_penalty)
    assert found == written(base_path, sampling)
    assert narrowed == [(sampling.top_k if temperature else 1) + 64]
