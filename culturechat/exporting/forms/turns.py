"""A model's chat template as fixed texts around each message, for programs that have their own template language.

The texts are read off the template itself and then tried on conversations; a template that cannot be told so is left
out rather than guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from culturechat.conversation import Message, Role
from culturechat.engines.llama_cpp.template import ChatFormat
from culturechat.errors import EngineError

_TRIALS: tuple[tuple[Role, ...], ...] = (
    ("system", "user"),
    ("system", "user", "assistant", "user"),
    ("system", "user", "assistant", "user", "assistant", "user"),
)


@dataclass(frozen=True)
class Turns:
    """What stands before and after each message."""

    around: dict[Role, tuple[str, str]]
    answer: str
    """What stands before the answer to come; the same as before an earlier one."""

    def render(self, messages: Sequence[Message]) -> str:
        """Return the conversation up to where the next answer begins."""
        parts = [f"{self.around[one.role][0]}{one.text}{self.around[one.role][1]}" for one in messages]
        return "".join(parts) + self.answer

    @property
    def ollama(self) -> str:
        """The same in Go's template language, as Ollama wants it."""
        branches = []
        for number, (role, (before, after)) in enumerate(self.around.items()):
            word = "else if" if number else "if"
            branches.append(f'{{{{ {word} eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{after}')
        return f"{{{{ range .Messages }}}}{''.join(branches)}{{{{ end }}}}{{{{ end }}}}{self.answer}"


def read(template: str, bos: str = "", eos: str = "") -> Turns | None:
    """Return the texts around messages, or None where the template is not of that kind."""
    form = ChatFormat(template, bos, eos)
    roles: tuple[Role, ...] = ("system", "user", "assistant", "user")
    said = [Message(role, f"\x00{place}\x00") for place, role in enumerate(roles)]
    try:
        whole = form.render(said)
    except EngineError:
        return None
    pieces = re.split("\x00[0-3]\x00", whole)
    if len(pieces) != len(roles) + 1 or "{{" in whole or '"""' in whole:
        return None
    head, system_user, user_answer, answer_user, tail = pieces
    if tail != user_answer:
        return None
    for cut in _cuts(user_answer):
        after_user, before_answer = user_answer[:cut], user_answer[cut:]
        for end in _cuts(answer_user):
            after_answer, before_user = answer_user[:end], answer_user[end:]
            if not system_user.endswith(before_user):
                continue
            after_system = system_user.removesuffix(before_user)
            around: dict[Role, tuple[str, str]] = {
                "system": (head, after_system),
                "user": (before_user, after_user),
                "assistant": (before_answer, after_answer),
            }
            if _agrees(made := Turns(around, before_answer), form):
                return made
    return None


def _cuts(gap: str) -> list[int]:
    """Return where the text between two messages may be cut: after a line or a tag first, anywhere at last."""
    return sorted(range(len(gap) + 1), key=lambda cut: (not gap[:cut].endswith("\n"), not gap[:cut].endswith(">"), cut))


def _agrees(turns: Turns, form: ChatFormat) -> bool:
    for roles in _TRIALS:
        messages = [Message(role, f"Text {place}.") for place, role in enumerate(roles)]
        if turns.render(messages) != form.render(messages):
            return False
    return True
