"""For Ollama: a folder with a Modelfile and the weights it names.

Ollama takes an adapter beside its base only before version 0.34.1; a merged model is taken by all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from culturechat.engines import Sampling
from culturechat.errors import UsageError
from culturechat.exporting import Kind, Wanted, Written
from culturechat.exporting.forms import files, turns

KINDS: tuple[Kind, ...] = ("merged", "adapter")


def export(wanted: Wanted, progress: Callable[[float], None]) -> Written:
    """Write the folder."""
    column, place = wanted.column, wanted.folder / wanted.name
    assert column.adapter_path is not None
    with files.replacing(place) as folder:
        if wanted.kind == "adapter":
            names = [files.copied(path, folder).name for path in (column.base_path, column.adapter_path)]
            progress(1.0)
        else:
            names = [f"{column.model}.{wanted.type}.gguf"]
            files.merged(column, folder / names[0], wanted.type, progress)
        (folder / "Modelfile").write_text(modelfile(wanted, *names), "utf-8")
    return Written(place, f"ollama create {wanted.name} -f {place / 'Modelfile'}")


def modelfile(wanted: Wanted, model: str, adapter: str = "") -> str:
    """Return the Modelfile for files beside it."""
    culture, settings = wanted.column.culture, wanted.settings
    assert culture is not None
    system = settings.prompts.get(culture.id, culture.prompt.english)
    if '"""' in system:
        raise UsageError(f'The system prompt of {culture.id} holds """, which would end it in a Modelfile.')
    lines = [f"FROM ./{model}", *([f"ADAPTER ./{adapter}"] if adapter else [])]
    lines += [_template(wanted.column.base_path), f'SYSTEM """{system}"""']
    parameters = {
        "temperature": settings.temperature,
        "top_k": Sampling().top_k,
        "top_p": settings.top_p,
        "min_p": settings.min_p,
        "repeat_penalty": Sampling().repeat_penalty,
        "num_ctx": settings.context,
        "num_predict": settings.max_tokens,
    }
    lines += [f"PARAMETER {name} {value}" for name, value in parameters.items()]
    end = files.chat_template(wanted.column.base_path)[2]
    return "\n".join([*lines, *([f'PARAMETER stop "{end}"'] if end else [])]) + "\n"


def _template(base: Path) -> str:
    found = turns.read(*files.chat_template(base))
    if found is None:
        return "# TEMPLATE is left to Ollama: this model's own cannot be told as fixed texts around each message."
    return f'TEMPLATE """{found.ollama}"""'
