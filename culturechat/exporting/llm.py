"""For `llm` in an environment of its own: entries that let it ask `culturechat serve --api`.

Where both are installed together nothing has to be written: `llm_plugin` offers the cultures by itself.
"""

from __future__ import annotations

from collections.abc import Callable

from culturechat import records
from culturechat.errors import BadFile, UsageError
from culturechat.exporting import Kind, Wanted, Written

KINDS: tuple[Kind, ...] = ("adapter",)
FILE = "extra-openai-models.yaml"
ADDRESS = "http://127.0.0.1:8090/v1"


def export(wanted: Wanted, progress: Callable[[float], None]) -> Written:
    """Add the culture to the file, which belongs into the folder of `llm logs path`."""
    path, model = wanted.folder / FILE, f"culturechat/{wanted.column.id}"
    entry = f"- model_id: {model}\n  model_name: {wanted.column.id}\n  api_base: {ADDRESS}\n"
    try:
        before = path.read_text("utf-8") if path.exists() else ""
        if f"model_id: {model}\n" in before:
            raise UsageError(f"{path} has {model} already.")
        with records.replacing(path) as temporary:
            temporary.write_text(before + ("" if before.endswith("\n") or not before else "\n") + entry, "utf-8")
    except UnicodeDecodeError:
        raise BadFile(path, "is no text.") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from None
    progress(1.0)
    return Written(path, f'culturechat serve --api & llm -m {model} "…"')
