"""``config``: the settings in effect, where each is from, and whether the services that they name answer."""

from __future__ import annotations

import sys
from typing import IO

import attrs
import click

from lume_dsl.cli.checks import Answer, ask_services
from lume_dsl.cli.failures import visible
from lume_dsl.cli.printing import Table, print_tables
from lume_dsl.cli.streams import write_document
from lume_dsl.errors import ServiceError, SettingsError
from lume_dsl.settings import Explained, Settings

__all__ = ["command"]


@click.command("config")
@click.option("--check", is_flag=True, help="Ask each service instead, and say whether it answers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_obj
def command(stdout: IO[str] | None, /, check: bool, as_json: bool) -> None:
    """Show all settings: what each is, and where that is from.

    Passwords and the like are hidden. Where a setting is wrong, or with --check a service does not answer, all
    that is wrong is said and the exit code is 4.
    """
    if check:
        _show_answers(ask_services(Settings.from_environment()), stdout)
    else:
        _show_settings(Settings.explained(), stdout)


def _show_settings(found: Explained, stdout: IO[str] | None) -> None:
    if stdout is not None:
        rows = [attrs.asdict(row) for row in found.rows]
        write_document(stdout, {"settings": rows, "problems": found.problems, "unknown": found.unknown})
        if found.problems:
            sys.exit(SettingsError.exit_code)
        return
    lines = [attrs.astuple(row) for row in found.rows]
    print_tables("", Table(("variable", "value", "source", "note"), lines, whole=("variable", "value")))
    if found.unknown:
        click.echo(f"none of lume_dsl's, and left alone: {visible(', '.join(found.unknown))}", err=True)
    if found.problems:
        raise SettingsError("\n".join(found.problems))


def _show_answers(answers: list[Answer], stdout: IO[str] | None) -> None:
    if stdout is not None:
        write_document(stdout, {"services": [attrs.asdict(answer) for answer in answers]})
    else:
        lines: list[tuple[str, ...]] = [
            (answer.service, "answers" if answer.error is None else _first_line(answer.error)) for answer in answers
        ]
        print_tables("", Table(("service", "answer"), lines, whole=("service",)))
    if any(answer.error is not None for answer in answers):
        sys.exit(ServiceError.exit_code)


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
