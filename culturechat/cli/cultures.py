"""The `cultures` command: who can be asked. Heavy imports come last."""

from __future__ import annotations

from culturechat.cli.flags import Json


def list_cultures(as_json: Json = False) -> None:
    """List the cultures that can be asked."""
    from culturechat import catalogue, cultures, plain, survey

    adapters = {card.culture for card in catalogue.cards().values() if card.form == "adapter" and card.path}
    loaded = [cultures.load(name) for name in cultures.names()]
    rows = [
        {
            "culture": culture.id,
            "name": culture.name,
            "own_name": culture.own_name,
            "language": culture.language,
            "countries": [survey.countries()[code].name for code in culture.countries],
            "form": "adapter" if culture.id in adapters else "prompt",
        }
        for culture in loaded
    ]
    if as_json:
        plain.print_json(rows)
    else:
        plain.print_table(
            ("culture", "own name", "asked in", "form"),
            [
                (str(row["culture"]), str(row["own_name"]), ", ".join(row["countries"]), str(row["form"]))
                for row in rows
            ],
        )
