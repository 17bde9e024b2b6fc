"""What each number format of the embedded default costs in quality: `python -m benchmarks.base_type`.

The last line is the file that the engine prepares: Q4_0 with an adapter of offsets.

Every format is written from the file as shipped (Q4_1). KL is the divergence of its next-token distributions from the
shipped file's, in nats, mean over all positions of survey prompts and chat answers, and over the answer positions of
survey prompts alone; `bits/token` is the cross-entropy of the bank's own sentences.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from culturechat import catalogue, cultures, prompting, survey
from culturechat.engines.llama_cpp import facts, prepared
from culturechat.engines.llama_cpp.memory import BATCH_TOKENS
from culturechat.engines.llama_cpp.native import Context, Model
from culturechat.engines.llama_cpp.quantizer import TYPES, quantize
from culturechat.engines.llama_cpp.template import ChatFormat

Logs = npt.NDArray[np.float64]


def prompts(model: Model) -> list[list[int]]:
    """Return the tokens of a survey prompt for every fourteenth question, in three cultures."""
    form = ChatFormat(model.chat_template, model.bos, model.eos)
    made = []
    for name in ("chinese", "arabic", "german"):
        for question in list(survey.load().questions.values())[::14]:
            text = form.render(prompting.survey(cultures.load(name), question.question, question.labels))
            made.append(model.tokenize(text)[:BATCH_TOKENS])
    return made


def log_probabilities(path: Path, texts: Sequence[list[int]], adapter: Path | None = None) -> list[Logs]:
    """Return, for each text, the log-probabilities of every next token at every place."""
    model = Model(str(path))
    context = Context(model, 512, str(adapter) if adapter else None)
    context.use_threads(facts.cores())
    found = []
    for tokens in texts:
        context.forget()
        context.decode_rows([(token, place, [0]) for place, token in enumerate(tokens)], set(range(len(tokens))))
        logits = np.stack([context.logits(row) for row in range(len(tokens))]).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        found.append(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))
    context.close()
    model.close()
    return found


def main() -> None:
    """Print one line per format."""
    base = catalogue.cards()[catalogue.DEFAULT_BASE].path
    assert base is not None
    model = Model(str(base))
    texts = prompts(model)
    model.close()
    shipped = log_probabilities(base, texts)
    print(f"{'format':8} {'MB':>6} {'KL all':>8} {'KL answer':>10} {'bits/token':>10}")
    print(_line("q4_1", base, shipped, shipped, texts))
    with tempfile.TemporaryDirectory() as folder:
        for kind in TYPES:
            path = Path(folder) / f"{kind}.gguf"
            quantize(base, path, kind, facts.cores())
            print(_line(kind, path, shipped, log_probabilities(path, texts), texts), flush=True)
        fast, offsets = prepared.fastest(base, None)
        print(_line("prepared", fast, shipped, log_probabilities(fast, texts, offsets), texts))


def _line(kind: str, path: Path, shipped: Sequence[Logs], own: Sequence[Logs], texts: Sequence[list[int]]) -> str:
    kl = [(np.exp(a) * (a - b)).sum(axis=1) for a, b in zip(shipped, own, strict=True)]
    bits = [-logs[np.arange(len(t) - 1), t[1:]] / np.log(2) for logs, t in zip(own, texts, strict=True)]
    everywhere, answers = np.concatenate(kl).mean(), np.mean([one[-1] for one in kl])
    size = path.stat().st_size / 1e6
    return f"{kind:8} {size:6.1f} {everywhere:8.4f} {answers:10.4f} {np.concatenate(bits).mean():10.3f}"


if __name__ == "__main__":
    main()
