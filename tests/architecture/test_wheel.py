from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_the_app_with_its_data_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {path.relative_to(ROOT / "models") for path in (ROOT / "models").glob("*/*") if path.is_file()}
    assert {f"culturechat/models/{path}" for path in shipped} <= names
    assert "culturechat/locale/ar/LC_MESSAGES/culturechat.po" in names
    for needed in ("survey/questions.toml", "survey/shares.csv", "survey/words.npz", "cultures/chinese.toml"):
        assert f"culturechat/{needed}" in names
    assert {"culturechat/tui/app.tcss", "culturechat/history/steps/1.sql", "culturechat/history/page.html.j2"} <= names
    assert not [name for name in names if name.startswith(("training/", "tests/", "benchmarks/", "runs/"))]
    assert any(name.endswith("licenses/NOTICE") for name in names)


def test_the_readme_names_every_top_folder() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert {"culturechat", "training", "tests"} <= folders
    for folder in folders | {"models", "benchmarks"}:
        assert f"`{folder}/" in readme or f"({folder}/" in readme, folder
