"""llama.cpp's C interface as a few small classes; the only module that knows `llama_cpp`.

Nothing here is safe to call from two threads at once on the same object; different contexts of one model are.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

from culturechat.engines import Drawn, Likely, Sampling
from culturechat.engines.llama_cpp.memory import BATCH_TOKENS
from culturechat.errors import EngineError

READ_WHOLE_BYTES = 1_000_000_000
"""Files up to this size are read, not mapped: many weights are rearranged when loaded, a map would hold them twice."""

_PENALTY_TOKENS = 64
_ABORTED = 2
_LOG_WARNING = 3


class Aborted(Exception):
    """Decoding was stopped by the context's `abort`."""


class Model:
    """Weights and vocabulary of one GGUF file, shared by any number of contexts."""

    def __init__(self, path: str, progress: Callable[[], None] = lambda: None, vocabulary_only: bool = False) -> None:
        _start_library()
        params = llama_cpp.llama_model_default_params()

        def go_on(*_: Any) -> bool:
            progress()
            return True

        params.vocab_only = vocabulary_only
        params.progress_callback = llama_cpp.llama_progress_callback(go_on)
        if Path(path).stat().st_size <= READ_WHOLE_BYTES:
            params.load_mode = llama_cpp.LLAMA_LOAD_MODE_NONE
        params.n_gpu_layers = 999 if llama_cpp.llama_supports_gpu_offload() else 0
        self.path = path
        self._pointer = llama_cpp.llama_model_load_from_file(path.encode(), params)
        if not self._pointer:
            raise EngineError(f"{path}: llama.cpp cannot load this file{_last_warning()}")
        self._vocab = llama_cpp.llama_model_get_vocab(self._pointer)
        self.trained_context = int(llama_cpp.llama_model_n_ctx_train(self._pointer))
        self.vocabulary_size = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        self._adapters: dict[str, Any] = {}

    @property
    def chat_template(self) -> str | None:
        """The Jinja template of the model's own chat format, if the file holds one."""
        template = llama_cpp.llama_model_chat_template(self._pointer, None)
        return template.decode("utf-8") if template else None

    @property
    def bos(self) -> str:
        """Text of the token that begins a text, or nothing."""
        return self._text_of(llama_cpp.llama_vocab_bos(self._vocab))

    @property
    def eos(self) -> str:
        """Text of the token that ends a text, or nothing."""
        return self._text_of(llama_cpp.llama_vocab_eos(self._vocab))

    def tokenize(self, text: str, special: bool = True, begin: bool = False) -> list[int]:
        """Return the text's tokens; `special` reads control tokens in it, `begin` adds what the model begins with."""
        data = text.encode("utf-8")
        room = len(data) + 8
        tokens = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self._vocab, data, len(data), tokens, room, begin, special)
        if count < 0:
            raise EngineError(f"{self.path}: the text could not be split into tokens.")
        return list(tokens[:count])

    def piece(self, token: int) -> bytes:
        """Return a token's bytes; they may be part of a character."""
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            length = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, room, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            room = -length

    def shown(self, token: int) -> bytes:
        """Return a token's bytes as they are shown, control tokens included."""
        return self.piece(token) or self._text_of(token).encode()

    def ends_answer(self, token: int) -> bool:
        """Return whether the model says with this token that its answer is complete."""
        return bool(llama_cpp.llama_vocab_is_eog(self._vocab, token))

    def adapter(self, path: str) -> Any:
        """Return the LoRA adapter of a file, loaded once."""
        if path not in self._adapters:
            pointer = llama_cpp.llama_adapter_lora_init(self._pointer, path.encode())
            if not pointer:
                raise EngineError(f"{path}: does not fit {Path(self.path).name}{_last_warning()}")
            self._adapters[path] = pointer
        return self._adapters[path]

    def close(self) -> None:
        """Free the weights; contexts must be closed before."""
        if self._pointer:
            llama_cpp.llama_model_free(self._pointer)
            self._pointer = None

    def _text_of(self, token: int) -> str:
        return llama_cpp.llama_vocab_get_text(self._vocab, token).decode("utf-8") if token >= 0 else ""


class Context:
    """Working memory over a model: what it has read, for one or several sequences."""

    def __init__(
        self,
        model: Model,
        tokens: int,
        adapter: str | None = None,
        sequences: int = 1,
        shared: bool = False,
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        """Make room.

        Args:
            model: The weights.
            tokens: Room of all sequences together.
            adapter: LoRA file laid over the weights.
            sequences: How many texts are held side by side.
            shared: Whether sequences may have tokens in common; otherwise each has its equal part of the room.
            batch_tokens: Most tokens decoded at once.
        """
        self.model = model
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = tokens
        params.n_batch = params.n_ubatch = batch_tokens
        params.n_seq_max = sequences
        params.kv_unified = shared
        params.no_perf = True
        self._pointer = llama_cpp.llama_init_from_model(model._pointer, params)
        if not self._pointer:
            raise EngineError(f"{model.path}: no memory for a context of {tokens} tokens{_last_warning()}")
        self._memory = llama_cpp.llama_get_memory(self._pointer)
        self._batch = llama_cpp.llama_batch_init(batch_tokens, 0, sequences)
        self._abort = ctypes.create_string_buffer(2)
        llama_cpp.llama_set_abort_callback(self._pointer, _is_set, self._abort)
        if adapter is not None:
            adapters = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(model.adapter(adapter))
            if llama_cpp.llama_set_adapters_lora(self._pointer, adapters, 1, (ctypes.c_float * 1)(1.0)):
                raise EngineError(f"{adapter}: could not be applied to {Path(model.path).name}{_last_warning()}")

    def abort(self, stop: bool = True) -> None:
        """Stop the decode at hand and those to come, or let them go on again; callable from any thread."""
        self._abort[0] = b"\x01" if stop else b"\x00"

    def use_threads(self, count: int) -> None:
        """Set how many cores the next decodes may use."""
        llama_cpp.llama_set_n_threads(self._pointer, count, count)

    def decode(self, tokens: Sequence[int], start: int, sequence: int = 0) -> None:
        """Read at most a batch of tokens from position `start` on; `logits(-1)` then follow the last of them."""
        self.decode_rows([(token, start + index, [sequence]) for index, token in enumerate(tokens)], {len(tokens) - 1})

    def decode_rows(self, rows: Sequence[tuple[int, int, Sequence[int]]], outputs: set[int]) -> None:
        """Read (token, position, sequences it belongs to) rows; logits are kept for the rows with index in `outputs`.

        Raises:
            Aborted: it was stopped; what was read of these rows must be forgotten.
            EngineError: llama.cpp refused the rows.
        """
        batch = self._batch
        batch.n_tokens = len(rows)
        for index, (token, position, sequences) in enumerate(rows):
            batch.token[index] = token
            batch.pos[index] = position
            batch.n_seq_id[index] = len(sequences)
            for place, sequence in enumerate(sequences):
                batch.seq_id[index][place] = sequence
            batch.logits[index] = index in outputs
        code = llama_cpp.llama_decode(self._pointer, batch)
        if code == _ABORTED:
            raise Aborted
        if code:
            raise EngineError(f"llama.cpp could not read {len(rows)} tokens (code {code}){_last_warning()}")

    def logits(self, row: int = -1) -> npt.NDArray[np.float32]:
        """Return the scores of every token to come after the row; valid until the next decode."""
        pointer = llama_cpp.llama_get_logits_ith(self._pointer, row)
        return np.ctypeslib.as_array(pointer, shape=(self.model.vocabulary_size,))

    def drawn(self, token: int, row: int, likeliest: int) -> Drawn:
        """Return how likely a token was after the row, and so many of those that were likeliest there."""
        logits = self.logits(row).astype(np.float64)
        logprobs = logits - logits.max()
        logprobs -= np.log(np.exp(logprobs).sum())
        first = np.argpartition(-logprobs, min(likeliest, len(logprobs) - 1))[:likeliest]
        best = sorted(first.tolist(), key=lambda other: -logprobs[other])
        return Drawn(self._likely(token, logprobs), tuple(self._likely(other, logprobs) for other in best))

    def _likely(self, token: int, logprobs: npt.NDArray[np.float64]) -> Likely:
        return Likely(self.model.shown(token), float(logprobs[token]))

    def forget(self, start: int = 0, sequence: int = 0) -> None:
        """Drop what a sequence has read from position `start` on."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, start, -1)

    def copy(self, source: int, target: int) -> None:
        """Let one sequence begin with all that another has read."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def close(self) -> None:
        """Free the memory; safe to call twice."""
        if self._pointer:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self._pointer)
            self._pointer = None


class Sampler:
    """Draws tokens; the same seed and the same logits give the same draws."""

    def __init__(self, model: Model, sampling: Sampling, seed: int) -> None:
        self._pointer = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
        for part in _sampler_parts(model, sampling, seed):
            llama_cpp.llama_sampler_chain_add(self._pointer, part)

    def draw(self, context: Context, row: int = -1) -> int:
        """Return the next token after a row of the context's last decode, the last row by default."""
        return int(llama_cpp.llama_sampler_sample(self._pointer, context._pointer, row))

    def remember(self, tokens: Sequence[int]) -> None:
        """Take tokens for drawn, so that they count as written before."""
        for token in tokens:
            llama_cpp.llama_sampler_accept(self._pointer, token)

    def close(self) -> None:
        """Free it."""
        llama_cpp.llama_sampler_free(self._pointer)


def supports_gpu() -> bool:
    """Return whether this build of llama.cpp can use a GPU that is there."""
    return bool(llama_cpp.llama_supports_gpu_offload())


def system_info() -> str:
    """Return the CPU features that this build of llama.cpp uses, in its own words."""
    return str(llama_cpp.llama_print_system_info().decode())


def _sampler_parts(model: Model, sampling: Sampling, seed: int) -> list[Any]:
    parts = []
    if sampling.repeat_penalty != 1:
        # A penalty looks up every token it is given. Those above 1 lower at most so many tokens and raise none, so that
        # what is likeliest afterwards is among so many more before: the same draws in a quarter of the time.
        kept = 1 if sampling.temperature == 0 else sampling.top_k
        if sampling.repeat_penalty > 1 and kept > 0:
            parts.append(llama_cpp.llama_sampler_init_top_k(kept + _PENALTY_TOKENS))
        parts.append(
            llama_cpp.llama_sampler_init_penalties(
                model.vocabulary_size, _PENALTY_TOKENS, sampling.repeat_penalty, 0.0, 0.0
            )
        )
    if sampling.temperature == 0:
        return [*parts, llama_cpp.llama_sampler_init_greedy()]
    return [
        *parts,
        llama_cpp.llama_sampler_init_top_k(sampling.top_k),
        llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1),
        llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1),
        llama_cpp.llama_sampler_init_temp(sampling.temperature),
        llama_cpp.llama_sampler_init_dist(seed),
    ]


# llama.cpp asks between any two operations whether to stop. A Python function there would cost a tenth of the speed and
# the interpreter lock each time; C's strlen answers from a one-letter buffer: 0 while it is empty, 1 when it is not.
_is_set = ctypes.cast(ctypes.CDLL(None if sys.platform != "win32" else "msvcrt").strlen, llama_cpp.ggml_abort_callback)

_warnings: list[str] = []
_started = False


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _log(level: int, text: bytes, _data: Any) -> None:
    if level >= _LOG_WARNING:
        line = text.decode("utf-8", "replace").strip()
        if line.strip("."):
            _warnings[:] = [*_warnings[-9:], line]
            print(line, file=sys.stderr, flush=True)  # noqa: T201 — the worker's stderr is its log file


def _start_library() -> None:
    global _started
    if not _started:
        llama_cpp.llama_log_set(_log, None)
        llama_cpp.llama_backend_init()
        _started = True


def _last_warning() -> str:
    return f" ({_warnings[-1]})." if _warnings else "."
