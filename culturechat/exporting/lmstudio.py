"""For LM Studio: a merged model in the folders that it expects, publisher/model/file.

LM Studio takes no adapters, and a system prompt is set in it by hand; the export says which.
"""

from __future__ import annotations

from collections.abc import Callable

from culturechat.exporting import Kind, Wanted, Written
from culturechat.exporting.forms import files

KINDS: tuple[Kind, ...] = ("merged",)
PUBLISHER = "culturechat"


def export(wanted: Wanted, progress: Callable[[float], None]) -> Written:
    """Write the model's folder."""
    column = wanted.column
    assert column.culture is not None
    place = wanted.folder / PUBLISHER / f"{column.model}-GGUF"
    with files.replacing(place) as folder:
        files.merged(column, folder / f"{column.model}.{wanted.type}.gguf", wanted.type, progress)
    prompt = wanted.settings.prompts.get(column.id, column.culture.prompt.english)
    return Written(place, f'lms load {PUBLISHER}/{column.model}-GGUF, with the system prompt "{prompt}"')
