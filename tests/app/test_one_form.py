"""One adapter for all cultures: the columns share its weights and learn in their prompt whom they speak for."""

from __future__ import annotations

from pathlib import Path

import pytest

from culturechat import building, catalogue, cultures
from culturechat.conversation import Conversation
from culturechat.engines import Engine, Finished, Request, Sampling
from culturechat.errors import BadFile, UsageError, WeightsMissing
from culturechat.prompting import chat
from tests.app.test_building import write_adapter


@pytest.fixture
def one(tmp_path: Path, base_path: Path) -> Path:
    return write_adapter(tmp_path / "all-cultures.gguf", base_path)


def test_all_columns_but_the_base_use_the_one_adapter(one: Path) -> None:
    columns = catalogue.columns(["chinese", "german", "one", "base"], adapters={"one": one}, form="one")
    assert [column.form for column in columns] == ["one", "one", "one", "base"]
    assert [column.adapter_path for column in columns] == [one, one, one, None]
    assert [column.culture and column.culture.id for column in columns] == ["chinese", "german", None, None]


def test_a_one_column_can_stand_beside_adapters(one: Path) -> None:
    columns = catalogue.columns(["chinese", "one"], adapters={"one": one})
    assert [column.form for column in columns] == ["adapter", "one"]


def test_an_imported_one_is_known_by_its_card_and_comes_before_the_shipped_one(one: Path) -> None:
    assert catalogue.columns(["korean"], form="one")[0].model == "smollm2-135m.one"
    building.take_in(one, "one")
    (column,) = catalogue.columns(["korean"], form="one")
    assert column.model == "all-cultures" and column.culture == cultures.load("korean")


def test_columns_of_the_one_adapter_decode_in_one_batch(engine: Engine, one: Path) -> None:
    columns = catalogue.columns(["chinese", "german"], adapters={"one": one}, form="one")
    engine.open(columns)
    asked = Conversation().with_user("What matters in life?")
    events = list(
        engine.generate([Request(c.id, tuple(chat(c.culture, asked)), Sampling(max_tokens=8), 1) for c in columns])
    )
    ends = [event for event in events if isinstance(event, Finished)]
    assert len(ends) == 2 and all(end.shared_batch for end in ends)


def test_without_one_it_says_how_to_get_it(tmp_path: Path, base_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {name: card for name, card in catalogue.cards().items() if card.culture != catalogue.ONE}
    monkeypatch.setattr(catalogue, "cards", lambda: there)
    with pytest.raises(WeightsMissing, match=r"--one.*--adapter one=FILE\.gguf"):
        catalogue.columns(["chinese"], base=str(base_path), form="one")
    foreign = write_adapter(tmp_path / "foreign.gguf", base_path, base_sha256="0" * 64)
    with pytest.raises(BadFile, match="another base"):
        catalogue.columns(["chinese"], adapters={"one": foreign}, form="one")


def test_an_unknown_form_is_named() -> None:
    from culturechat.cli.answering import LocalModels
    from culturechat.settings import Settings

    with pytest.raises(UsageError, match="merged, adapter, one or prompt"):
        LocalModels(form="ones").columns(["chinese"], Settings())
