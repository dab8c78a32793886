"""Log-odds of responses, and heads: as NumPy makes them, which is the definition, or as a kernel does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from rectune_dsl.funnel.choice import compiled
from rectune_dsl.funnel.source import Indices
from rectune_dsl.simulator.heads import model_of, shift_of, sigmoid
from rectune_dsl.simulator.occasion import Column, Occasion, Places

Names = Sequence[str]

CHEMISTRIES = ("attraction", "satisfaction")
"""What is particular to user and item, each standard normal."""


class Scores(Protocol):
    """What is true of the candidates of requests, and what models say of them. All arrays are fresh."""

    def log_odds(self, responses: Names, alive: Indices | None) -> Mapping[str, Column]:
        """True log-odds by response, (requests, kept) each."""
        ...

    def predictions(
        self, stage: str, responses: Sequence[str], alive: Indices | None
    ) -> Mapping[str, Column]:
        """What the models of a stage say is the chance of each response, (requests, kept) each."""
        ...


def scores_of(occasion: Occasion, places: Places) -> Scores:
    """By the kernel where numba runs, else by NumPy."""
    if not compiled():
        return PlainScores(occasion, places)
    from rectune_dsl.simulator.compiled.scores import CompiledScores  # numba takes a while to import

    return CompiledScores(occasion)


def errors_of(stage: str, response: str) -> str:
    """What a model's own errors are drawn as."""
    return f"{model_of(stage)}/{response}"


def shared_errors_of(stage: str) -> str:
    """What the errors that all models of a stage have together are drawn as."""
    return model_of(stage)


class PlainScores:
    """By NumPy. What was made for all candidates is kept for the stages to come."""

    def __init__(self, occasion: Occasion, places: Places) -> None:
        self._of = occasion
        self._places = places
        self._draws = {draw: occasion.starts(draw) for draw in CHEMISTRIES}
        self._whole: dict[str, Column] = {}

    def log_odds(self, responses: Names, alive: Indices | None) -> Mapping[str, Column]:
        return {response: self._log_odds(response, alive) for response in responses}

    def predictions(
        self, stage: str, responses: Sequence[str], alive: Indices | None
    ) -> Mapping[str, Column]:
        shared = self._stretch(self._of.starts(shared_errors_of(stage)), alive)
        return {response: self._prediction(stage, response, alive, shared) for response in responses}

    def _prediction(self, stage: str, response: str, alive: Indices | None, shared: Column) -> Column:
        file = self._of.world.file
        seen = self._of.world.views(stage, self._of.day)[response]
        noise = self._stretch(self._of.starts(errors_of(stage, response)), alive)
        noise *= np.float32(seen.own_noise)
        noise += shared * np.float32(seen.shared_noise)
        logits = self._log_odds(response, alive)
        logits *= np.float32(seen.slope)
        logits += np.float32(shift_of(seen, file.responses[response]))
        logits += noise
        return sigmoid(logits)

    def _log_odds(self, response: str, alive: Indices | None) -> Column:
        if alive is None:
            return self._everywhere(response, lambda: self._made(response, None)).copy()
        if response in self._whole:
            return self._places.own(self._whole[response], alive)
        return self._made(response, alive)

    def _made(self, response: str, alive: Indices | None) -> Column:
        world, prone = self._of.world, self._of.users.prone
        of = world.weights[response]
        logits: Column = self._places.pooled(world.pools.logits[response], alive)
        for chemistry in CHEMISTRIES:
            if weight := getattr(of, chemistry):
                logits += self._stretch(self._draws[chemistry], alive) * weight
        logits += self._taste(alive) * of.taste
        if response in prone:
            logits += prone[response][:, None]
        return logits

    def _taste(self, alive: Indices | None) -> Column:
        """The user's taste for each candidate's topic, (requests, kept)."""
        if alive is None:
            return self._everywhere("taste", lambda: self._taste_at(None))
        if "taste" in self._whole:
            return self._places.own(self._whole["taste"], alive)
        return self._taste_at(alive)

    def _taste_at(self, alive: Indices | None) -> Column:
        requests, topics = self._of.tastes.shape
        places = self._places.pooled(self._of.world.pools.topic, alive)
        places += (np.arange(requests, dtype=np.intp) * topics)[:, None]
        return self._of.tastes.reshape(-1).take(places)

    def _everywhere(self, what: str, make: Callable[[], Column]) -> Column:
        if what not in self._whole:
            self._whole[what] = make()
        return self._whole[what]

    def _stretch(self, starts: Indices, alive: Indices | None) -> Column:
        """The candidates' numbers in each request's stretch of the normals, (requests, kept)."""
        normals = self._of.world.normals
        if alive is None:
            return normals.stretch(starts, self._of.world.candidates)
        return normals.table.take(alive + starts[:, None])
