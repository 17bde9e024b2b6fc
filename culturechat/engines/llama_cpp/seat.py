"""One column's place in a context: what it has read, and how its conversation is read again in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from culturechat.conversation import Message
from culturechat.engines import Choice, Request
from culturechat.engines.llama_cpp.memory import BATCH_TOKENS
from culturechat.engines.llama_cpp.native import Context, Model
from culturechat.engines.llama_cpp.scoring import Tokens
from culturechat.engines.llama_cpp.template import ChatFormat
from culturechat.errors import EngineError


@dataclass
class Seat:
    """The memory of one column: a sequence of a context."""

    context: Context
    sequence: int
    size: int
    """Tokens it can hold."""
    read: list[tuple[int, ...]] = field(default_factory=list)
    """The batches in memory, in order: the same conversation is always read in the same batches."""

    def __post_init__(self) -> None:
        self.model: Model = self.context.model
        self.format = ChatFormat(self.model.chat_template, self.model.bos, self.model.eos)

    @property
    def position(self) -> int:
        """Tokens in memory."""
        return sum(map(len, self.read))

    @property
    def room(self) -> int:
        """Tokens that still fit."""
        return self.size - self.position

    def keep_common(self, batches: Sequence[tuple[int, ...]]) -> int:
        """Drop what the memory holds beyond the common beginning; return the tokens kept.

        The last batch is always read again, because its logits are needed.
        """
        kept = 0
        while kept < min(len(self.read), len(batches) - 1) and self.read[kept] == batches[kept]:
            kept += 1
        del self.read[kept:]
        self.trim()
        return self.position

    def trim(self) -> None:
        """Drop from the memory what `read` does not know of."""
        self.context.forget(self.position, self.sequence)

    def forget(self) -> None:
        """Empty the memory."""
        self.read.clear()
        self.trim()

    def fitting(self, request: Request) -> tuple[list[tuple[int, ...]], int]:
        """Return the batches of a request that leave room for its answer, and how many oldest messages are left out.

        Raises:
            EngineError: the last question alone is too long.
        """
        system = [message for message in request.messages if message.role == "system"]
        turns = [message for message in request.messages if message.role != "system"]
        room = self.size - min(request.sampling.max_tokens, self.size // 2)
        for dropped in range(0, len(turns), 2):
            batches = self.batches([*system, *turns[dropped:]])
            if sum(map(len, batches)) <= room:
                return batches, dropped
        raise EngineError(f"The question is longer than the {self.size} tokens this column can hold; shorten it.")

    def batches(self, messages: Sequence[Message]) -> list[tuple[int, ...]]:
        """Return the conversation as the batches it is read in: prompts whole, earlier answers token by token.

        An answer was written token by token, so reading it again in the same way gives the same numbers, whether the
        memory still holds it or not.
        """
        batches: list[tuple[int, ...]] = []
        for piece in self.format.pieces(messages):
            begin = not batches and self.format.template is None
            tokens = self.model.tokenize(piece.text, special=not piece.answer, begin=begin)
            size = 1 if piece.answer else BATCH_TOKENS
            batches += [tuple(tokens[start : start + size]) for start in range(0, len(tokens), size)]
        return batches

    def tokens(self, choice: Choice) -> Tokens:
        """Return a choice as tokens; an option is split as it would be when it follows the prompt."""
        text = self.format.render(choice.messages)
        begin = self.format.template is None
        prompt = self.model.tokenize(text, begin=begin)
        options = []
        for option in choice.options:
            whole = self.model.tokenize(text + option, begin=begin)
            joined = whole[: len(prompt)] == prompt and len(whole) > len(prompt)
            options.append(tuple(whole[len(prompt) :] if joined else self.model.tokenize(option, special=False)))
        return Tokens(tuple(prompt), tuple(options))
