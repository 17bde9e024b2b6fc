"""Lays out the documentation site for mkdocs: the repository's pages where they lie in it, so that links hold in both.

The README is the first page as far as its first chapter, and a page for each further one. Nothing is listed by name: a
page that is added to the repository is on the site.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parents[1]
GUIDES = ("docs/*.md",)
PROJECT = ("models/README.md", "benchmarks/README.md", "CONTRIBUTING.md", "CHANGELOG.md")
LINKED = ("LICENSE", "NOTICE", "docs/*.css", "docs/*.svg", "docs/*.png", "benchmarks/results/*")
"""What pages show, link to or look like."""


def on_config(config: MkDocsConfig) -> None:
    """Make the menu."""
    first, *further = chapters()
    config.nav = [
        {"Start": first},
        {"How to": [{_title(text): path} for path, text in chapters().items() if path in further]},
        {"In depth": _menu(GUIDES)},
        {"Project": _menu(PROJECT)},
    ]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put the repository's pages in the place of what mkdocs found."""
    from mkdocs.structure.files import File
    from mkdocs.structure.files import Files as Chosen

    theme = [file for file in files if file.src_dir != config.docs_dir]
    pages = [File.generated(config, path, abs_src_path=str(ROOT / path)) for path in _paths(GUIDES + PROJECT + LINKED)]
    return Chosen([*theme, *pages, *(File.generated(config, path, content=text) for path, text in chapters().items())])


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the page with bare bars: inside tables GitHub wants them escaped, and mkdocs would print the escape."""
    return markdown.replace("\\|", "|")


def chapters() -> dict[str, str]:
    """Return the pages that the README becomes, by their paths."""
    head, first, *further = re.split(r"^(?=## )", (ROOT / "README.md").read_text("utf-8"), flags=re.MULTILINE)
    return {"README.md": head + first} | {_slug(text): text.removeprefix("#") for text in further}


def _menu(patterns: tuple[str, ...]) -> list[dict[str, str]]:
    return [{_title((ROOT / path).read_text("utf-8")): path} for path in _paths(patterns)]


def _paths(patterns: tuple[str, ...]) -> Iterator[str]:
    for pattern in patterns:
        yield from sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))


def _title(text: str) -> str:
    """Return the heading of a page as far as its colon, so that it fits the menu."""
    return text.partition("\n")[0].lstrip("# ").partition(":")[0]


def _slug(text: str) -> str:
    return re.sub(r"\W+", "-", _title(text).lower().replace("'", "")).strip("-") + ".md"
