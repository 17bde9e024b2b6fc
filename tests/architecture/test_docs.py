"""The documentation says what there is: commands, folders, pages."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [path for pattern in ("*.md", "docs/*.md", "models/*.md", "benchmarks/*.md") for path in ROOT.glob(pattern)]


def test_the_pages_of_commands_are_what_the_help_says() -> None:
    for path, text in runpy.run_path(str(ROOT / "docs" / "make_commands.py"))["files"]().items():
        assert path.read_text("utf-8") == text, "python docs/make_commands.py writes them anew"


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in PAGES:
        links = re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text("utf-8"))
        assert not [link for link in links if not (page.parent / link).is_file()], page


def test_the_site_has_a_page_for_every_chapter_of_the_readme() -> None:
    chapters = runpy.run_path(str(ROOT / "docs" / "layout.py"))["chapters"]()
    readme = (ROOT / "README.md").read_text("utf-8")
    assert next(iter(chapters)) == "README.md" and len(chapters) == readme.count("\n## ")
    assert all(text.startswith("# ") for text in chapters.values())


def test_the_readme_names_every_top_folder() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert {"culturechat", "training", "tests"} <= folders
    for folder in folders | {"models", "benchmarks", "docs"}:
        assert f"`{folder}/" in readme or f"({folder}/" in readme, folder
