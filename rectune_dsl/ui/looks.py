"""What configs change in slates, as far as somebody has asked: a page that is looked at asks no backend."""

from __future__ import annotations

from rectune_dsl.hooks.api import Config, UsageError
from rectune_dsl.report.facts.gather import Showing
from rectune_dsl.report.facts.records import SlateFacts
from rectune_dsl.ui.locks import Locks

UNSEEN = "nobody has asked the backend for logged requests since this console was started"


class Looks:
    """What was found is kept as long as this process lives: some numbers for each config. A name stands for
    the same config of a run for good, so nothing that was found has to be found again."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], SlateFacts] = {}
        self._asking = Locks()

    def kept(self, run: str) -> Showing:
        """What was found of configs of a run. It raises UsageError, in the words UNSEEN, of others."""

        def showing(config: Config, of: str) -> SlateFacts:
            if (run, of) not in self._found:
                raise UsageError(UNSEEN, help="the button below what is said of slates does")
            return self._found[run, of]

        return showing

    def asking(self, run: str, showing: Showing) -> Showing:
        """The same, by `showing` where nothing was found yet. Who clicks twice asks the backend once."""

        def asked(config: Config, of: str) -> SlateFacts:
            with self._asking.held(run):
                if (run, of) not in self._found:
                    self._found[run, of] = showing(config, of)
                return self._found[run, of]

        return asked
