"""GGUF files through llama.cpp, in a child process, so that a crash of it costs an answer and not the app."""

from __future__ import annotations

from culturechat.engines.llama_cpp.client import LlamaCpp


def engine() -> LlamaCpp:
    """Return the engine; its process starts with the first `open`."""
    return LlamaCpp()
