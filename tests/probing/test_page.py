"""The report is one page that loads nothing, escapes everything and is drawn by a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from culturechat import survey
from culturechat.probing import Plan, ProbeRun
from culturechat.survey import Answers, Bank, Question, Scale, translations
from tests.probing.stage import run

pytestmark = pytest.mark.xdist_group("page")

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m{{ 7*7 }}</style>'
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Reader(HTMLParser):
    """Checks that tags nest, and keeps them with their attributes and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def whole() -> ProbeRun:
    return run(["chinese", "arabic", "german", "base"], plan=Plan(4, ("letters", "backwards")))


@pytest.fixture(scope="module")
def page(whole: ProbeRun) -> str:
    return whole.to_html("2026-01-31")


def hostile() -> ProbeRun:
    question = Question("T1" + EVIL, EVIL, EVIL, Scale({"a": EVIL, "b": "Coffee"}), topic=EVIL)
    answers = {(country, question.item): Answers({"a": 0.9, "b": 0.1}, 10) for country in ("CHN", "USA")}
    return run(["chinese", "english"], bank=Bank({question.item: question}, answers))


def test_the_page_nests_and_loads_nothing(page: str) -> None:
    reader = read(page)
    for tag, attributes in reader.tags:
        assert tag not in ("script", "iframe", "object", "embed", "form", "base")
        assert "src" not in attributes and "srcset" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
    assert "http" not in page.replace("http-equiv", "") and "@import" not in page and "url(" not in page


def test_every_drawing_is_well_formed_and_named(page: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", page, re.S)
    named = [ElementTree.fromstring(drawing).get("aria-label") for drawing in drawings]
    assert "Map of models and peoples" in named and "Mean distance from the people by column" in named
    assert "nan" not in "".join(drawings)


def test_anchors_lead_to_every_question(whole: ProbeRun, page: str) -> None:
    tags = read(page).tags
    places = {attributes["id"] for _, attributes in tags if "id" in attributes}
    targets = {str(attributes["href"])[1:] for tag, attributes in tags if tag == "a"}
    assert targets == places and len(places) == len(whole.bank.questions)


def test_the_page_says_how_it_was_made(page: str) -> None:
    text = read(page).text
    for needed in ("2026-01-31", "doi:10.14281/18241.20", "Wasserstein", "2,000 resamples", "noise floor", "seed"):
        assert needed in text


def test_the_page_says_in_which_language_each_column_was_asked() -> None:
    page = run(["arabic", "base"], ["Q27", "Q33"], Plan(restatements=True, language="own")).to_html()
    reader = read(page)
    arabic = translations.load("ar").questions["Q33"]
    assert f'<span lang="ar" dir="auto">{arabic}</span>' in page
    assert "No native speaker has read these yet: ar." in reader.text
    assert "the culture's own, in system prompt, question, options" in reader.text
    cells = re.findall(r'<td class="text">(?:prompt|base)</td><td class="text">(\w+)</td>', page)
    assert cells == ["ar", "en"]


def test_a_page_in_english_speaks_of_no_translation(page: str) -> None:
    assert "native speaker" not in page and 'lang="ar"' not in page


def test_hostile_texts_stay_texts() -> None:
    page = hostile().to_html()
    reader = read(page)
    assert {tag for tag, _ in reader.tags} & {"script", "img"} == set()
    assert "alert(1)" in reader.text and "{{ 7*7 }}" in reader.text and "\x1b" not in page
    assert page.count("</style>") == 1


def test_a_run_without_people_has_a_page() -> None:
    question = Question("own", "own", "Tea?", Scale({"1": "Yes", "2": "No"}))
    text = read(run(["base"], bank=Bank({"own": question}, {})).to_html()).text
    assert "Question by question" in text and "How far from the people" not in text


OWN_CALLS = re.compile(r"//[\w.-]*(google|googleapis|gvt1|gstatic)\.com/")
"""What the browser asks for itself, whatever the page."""


def drawn(folder: Path, page: str, scheme: str) -> tuple[list[str], set[str], int]:
    """Console lines, requests of the page, and the picture's bytes, from a browser that draws it."""
    path, log, picture = folder / "page.html", folder / "net.json", folder / "page.png"
    path.write_text(page, "utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    files = [f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", f"--screenshot={picture}"]
    looks = [f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}", "--window-size=1100,3000"]
    command = [str(BROWSER), *flags, *files, *looks, "--enable-logging=stderr", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    asked = set(re.findall(r'"url":"(https?:[^"]+)"', log.read_text("utf-8", "replace")))
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return console, {url for url in asked if not OWN_CALLS.search(url)}, picture.stat().st_size


@pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine: apt install chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_draws_it_without_complaint_or_request(tmp_path: Path, page: str, scheme: str) -> None:
    console, asked, size = drawn(tmp_path, page, scheme)
    assert console == [] and asked == set() and size > 50_000


@pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine: apt install chromium")
def test_the_browser_would_show_a_complaint_and_a_request(tmp_path: Path) -> None:
    bad = '<script>console.log("hi")</script><img src="http://example.invalid/a.png">'
    console, asked, _ = drawn(tmp_path, bad, "light")
    assert console and asked == {"http://example.invalid/a.png"}


def test_the_shipped_bank_and_the_page_agree_on_the_figures(whole: ProbeRun, page: str) -> None:
    people = survey.load().people("Q1", ["CHN"])
    assert people is not None
    assert f"--h:{100 * people.shares[0]:.1f}%" in page
