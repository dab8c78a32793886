"""What forms say, and the way back from them to a page that tells what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rectune_dsl.ui.door import Outcome

MOST_WORDS = 2_000
"""Characters of a reason."""
NO_WHY = "Say why: it goes on record, for those who come after you."


@dataclass(frozen=True)
class Entered:
    """What somebody wrote into the form `what`, and what is `wrong` with it."""

    what: str = ""
    why: str = ""
    wrong: str = ""


NOTHING = Entered()


def why_of(request: Request) -> str:
    """The reason that was given in a form; empty where there is none."""
    why: str = request.state.form.get("why", "")
    return why.strip()[:MOST_WORDS]


def back_to(request: Request, path: str, outcome: Outcome) -> Response:
    """To the page at a path, where the outcome is told; a reload there asks for nothing again."""
    return RedirectResponse(f"{path}?outcome={request.state.session.remember(outcome)}", 303)
