"""`rectune skills`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rectune_dsl.cli.common import by_option, warn, why_option
from rectune_dsl.cli.outputs import json_option, writable

if TYPE_CHECKING:
    from rectune_dsl.skillhub.hub import Skillhub
    from rectune_dsl.skillhub.shelf import Stamp

name_argument = click.argument("name")
kept_why = why_option("Why, for whoever asks later.")


@click.group("skills", invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List skills; with a command, show one, look at its revisions, take them back, share them.

    What a workspace learns is kept in .rectune/skills/: readable files of the active revision, and every
    revision under the hash of its contents, by whose beginning it may be called.
    """
    if as_json and ctx.invoked_subcommand is not None:
        words = f"--json stands behind the command: skills {ctx.invoked_subcommand} --json"
        raise click.UsageError(words, ctx)
    if ctx.invoked_subcommand is None:
        from rectune_dsl.report.console import console
        from rectune_dsl.report.skills import print_skills, skills_json

        if as_json:
            click.echo(skills_json(_hub().listing()))
        else:
            print_skills(console(), _hub())


@command.command("show")
@name_argument
@json_option
def show(name: str, as_json: bool) -> None:
    """Show a skill with its knowledge and the evidence behind it."""
    from rectune_dsl.report.console import console
    from rectune_dsl.report.skills import print_skill, skill_json

    skill = _hub().load(name)
    if as_json:
        click.echo(skill_json(skill))
    else:
        print_skill(console(), skill)


@command.command("log")
@name_argument
@json_option
def log(name: str, as_json: bool) -> None:
    """List a skill's revisions, the newest first: who made each, when and why."""
    from rectune_dsl.report.console import console
    from rectune_dsl.report.skills import log_json, print_log

    revisions = _hub().shelf(name).revisions.log()
    if as_json:
        click.echo(log_json(revisions))
    else:
        print_log(console(), name, revisions)


@command.command("diff")
@name_argument
@click.argument("old", required=False, default="")
@click.argument("new", required=False, default="")
def diff(name: str, old: str, new: str) -> None:
    """Show in which lines two revisions differ.

    Without OLD, the one before NEW; without NEW, the active one.
    """
    from rectune_dsl.report.console import console
    from rectune_dsl.report.skills import print_difference
    from rectune_dsl.skillhub.curate import difference

    print_difference(console(), difference(_hub().shelf(name), old, new))


@command.command("rollback")
@name_argument
@click.argument("revision")
@by_option
@click.option("--why", metavar="TEXT", default="", help="Why, for the skill's log.")
def rollback(name: str, revision: str, by: str, why: str) -> None:
    """Make an earlier revision the active one. The later ones stay, and can be come back to."""
    from rectune_dsl.skillhub import curate

    active = curate.rollback(_hub().shelf(name), revision, _stamp(by, why))
    click.echo(f"{name} is at revision {active[:12]}")


@command.command("verify")
@click.argument("name", required=False)
def verify(name: str | None) -> None:
    """Check what is kept of a skill, or of all: hashes, layout, records.

    Exits with 2 if something is wrong.
    """
    from rectune_dsl.report.console import console
    from rectune_dsl.report.skills import print_verified
    from rectune_dsl.skillhub.verify import verify as verified

    hub, out = _hub(), console()
    found = [verified(hub.shelf(one)) for one in ([name] if name else hub.names())]
    for one in found:
        print_verified(out, one)
    if any(one.problems for one in found):
        sys.exit(2)


@command.command("export")
@name_argument
@click.option(
    "--out",
    "-o",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=writable,
    required=True,
    help="The archive, such as skill.zip.",
)
def export(name: str, out: Path) -> None:
    """Write a skill as it stands into one archive. The same skill gives the same bytes."""
    from rectune_dsl.skillhub.curate import hand_on

    packed = hand_on(_hub().shelf(name))
    out.write_bytes(packed)
    click.echo(f"{name}: {len(packed):,} bytes in {out}")


@command.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--as", "name", metavar="NAME", default="", help="What to call it here.")
@by_option
@click.option("--why", metavar="TEXT", default="", help="Why, for the skill's log.")
def import_(file: Path, name: str, by: str, why: str) -> None:
    """Take in a skill from an archive. None of its records counts until you activate it."""
    from rectune_dsl.skillhub.curate import take_in
    from rectune_dsl.skillhub.render import plain

    taken = take_in(_hub(), file, _stamp(by, why or f"imported from {file.name}"), name)
    if taken.dropped:
        shown = ", ".join(plain(member) for member in taken.dropped[:5])
        more = f" and {len(taken.dropped) - 5} more" if len(taken.dropped) > 5 else ""
        warn(f"left out of {taken.name}: {shown}{more}; a skill here is text and records, and runs nothing")
    click.echo(f"{taken.name} is imported at revision {taken.revision[:12]}; it is not trusted yet.")
    click.echo(f"Read it (`rectune skills show {taken.name}`) before `rectune skills activate {taken.name}`.")


@command.command("activate")
@name_argument
@click.option("--record", metavar="ID", default="", help="One record, whatever the evidence says of it.")
@by_option
@kept_why
def activate(name: str, record: str, by: str, why: str) -> None:
    """Trust an imported skill; with --record, let one record steer agents on your word."""
    from rectune_dsl.skillhub import curate

    shelf, stamp = _hub().shelf(name), _stamp(by, why)
    if record:
        curate.set_status(shelf, record, "active", stamp)
    else:
        curate.activate(shelf, stamp)
    click.echo(f"{name}{f': {record}' if record else ''} is active, by {by}")


@command.command("retire")
@name_argument
@click.argument("record")
@by_option
@kept_why
def retire(name: str, record: str, by: str, why: str) -> None:
    """Let a record steer agents no more. It comes back only by new experiments, or when you activate it."""
    from rectune_dsl.skillhub import curate

    curate.set_status(_hub().shelf(name), record, "retired", _stamp(by, why))
    click.echo(f"{name}: {record} is retired, by {by}")


def _hub() -> Skillhub:
    """The skills that a task in this folder would see."""
    from rectune_dsl.workflow.prepare import hub

    return hub(str(Path.cwd() / "task.toml"))


def _stamp(by: str, why: str) -> Stamp:
    from rectune_dsl.skillhub.shelf import Stamp
    from rectune_dsl.workflow.clock import utc_now

    return Stamp(by, utc_now(), why)
