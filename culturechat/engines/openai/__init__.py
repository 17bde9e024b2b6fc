"""Models on a server that speaks OpenAI's protocol, such as vLLM, llama-server, Ollama or LM Studio.

It connects only to the server it was made for, which only a user can name.
"""

from __future__ import annotations

from culturechat.engines.openai.client import OpenAI
from culturechat.engines.openai.names import columns

__all__ = ["OpenAI", "columns", "engine"]


def engine() -> OpenAI:
    """Return the engine without a server: it opens nothing until it is made as `OpenAI(address)`."""
    return OpenAI("")
