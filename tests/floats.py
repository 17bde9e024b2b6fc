"""The same weights in full precision, so that another program's rounding is no excuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def in_floats(source: Path, path: Path) -> Path:
    """Write the model with every tensor in 32-bit floats, and all that the file says besides."""
    from gguf import GGUFReader, GGUFWriter
    from gguf.quants import dequantize

    reader = GGUFReader(source)
    writer = GGUFWriter(path, str(reader.fields["general.architecture"].contents()))
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name not in ("general.architecture", "general.file_type"):
            writer.add_key_value(name, field.contents(), field.types[0], _elements(field))
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, dequantize(tensor.data, tensor.tensor_type))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _elements(field: Any) -> Any:
    return field.types[-1] if len(field.types) > 1 else None
