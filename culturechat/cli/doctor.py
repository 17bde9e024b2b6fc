"""The `doctor` command: whether all is in place. Heavy imports come last."""

from __future__ import annotations

import typer

from culturechat.cli import flags
from culturechat.cli.answering import LocalModels


@flags.grouped
def doctor(*, cultures: flags.Cultures = None, models: LocalModels, as_json: flags.Json = False) -> None:
    """Say what this machine has, whether all is in place, and what these cultures need. Exit code 1 if not."""
    from culturechat import health, plain
    from culturechat.settings import resolve

    checks = health.checks()
    if cultures:
        settings = resolve({"base": models.base}).settings
        checks.append(health.room(models.columns(flags.names(cultures), settings), settings))
    if as_json:
        plain.print_json([vars(check) for check in checks])
    else:
        plain.print_table(
            ("", "what", "finding"), [("ok" if check.ok else "!!", check.what, check.finding) for check in checks]
        )
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)
