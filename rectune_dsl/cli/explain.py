"""`rectune explain`"""

from __future__ import annotations

from collections.abc import Sequence

import click


@click.command("explain")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Tell what a rule is about: what it finds, why it is there, a wrong and a right example.

    Without a code, list all of them.
    """
    from rectune_dsl.dsl.explain import page, title
    from rectune_dsl.dsl.rules import RULES

    if code is None:
        for known in RULES:
            click.echo(f"{known}  {title(known)}")
        return
    wanted = code.strip().upper()
    wanted = f"RT{wanted}" if wanted.isdigit() else wanted
    if wanted not in RULES:
        hint = f"did you mean {_nearest(wanted, list(RULES))}?"
        message = f"there is no rule {code}; {hint} `rectune explain` lists all"
        raise click.BadParameter(message, param_hint="CODE")
    click.echo(page(wanted), nl=False)


def _nearest(code: str, known: Sequence[str]) -> str:
    """The code that is the same at most places."""
    return max(known, key=lambda k: sum(a == b for a, b in zip(k, code, strict=False)))
