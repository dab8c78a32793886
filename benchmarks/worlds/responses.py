"""What users do with a slate, in expectation: they tire of topics, leave, are sated, regret, come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worlds.catalogue import Catalogue, Floats, Requests
from worlds.keyed import generator
from worlds.truth import chance

METRICS = ("watch_minutes", "shares", "next_day_return", "hate_rate", "new_creator_plays")


@dataclass(frozen=True)
class Temper:
    """A world's users on the whole.

    `fatigue` is how much of the wish to open each earlier item of a topic takes, which fades by `fades` per
    position; `sated` are the minutes that a session comes close to; `regret`, `anger` and `variety` move the
    log-odds to return; `repels` those to scroll on.
    """

    fatigue: float
    fades: float
    sated: float
    regret: float
    anger: float
    variety: float
    repels: float


def draw_temper(seed: int) -> Temper:
    rng = generator("temper", seed)

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    return Temper(
        fatigue=between(0.25, 0.55),
        fades=between(0.55, 0.8),
        sated=between(5.0, 8.0),
        regret=between(0.7, 1.3),
        anger=between(1.5, 3.0),
        variety=between(0.2, 0.5),
        repels=between(0.4, 0.8),
    )


@dataclass(frozen=True, eq=False)
class Audience:
    """Requests with the true chances on their candidates, (requests, candidates) each."""

    temper: Temper
    chances: Mapping[str, Floats]
    minutes: Floats
    small: Floats
    topic: NDArray[np.int32]
    patience: Floats
    loyalty: Floats

    def metrics(self, candidates: NDArray[np.int32]) -> dict[str, float]:
        """Levels of all METRICS under slates (requests, positions) of candidates, without empty places."""
        at = candidates.astype(np.intp)

        def of(values: NDArray[np.float64]) -> Floats:
            return np.take_along_axis(values, at, 1)

        chances = {action: of(values) for action, values in self.chances.items()}
        earlier = _earlier(np.take_along_axis(self.topic, at, 1), self.temper.fades)
        opens = chances["click"] * np.exp(-self.temper.fatigue * earlier)
        regrets = opens * (1.0 - chances["long_view"]) ** 2
        looks = self._looks(opens * chances["long_view"], regrets + 3.0 * chances["hate"])
        opened = looks * opens
        minutes = (
            opened * (0.1 + chances["long_view"] * of(self.minutes) * (0.6 + 0.4 * chances["finish"]))
        ).sum(1)
        hates = (looks * chances["hate"] * (1.0 + 0.3 * earlier)).sum(1)
        plays = (opened * of(self.small)).sum(1)
        back = self._returns(
            opened,
            chances,
            (looks * regrets).sum(1),
            hates + 2.0 * (looks * chances["report"]).sum(1),
            earlier,
        )
        return {
            "watch_minutes": float((self.temper.sated * -np.expm1(-minutes / self.temper.sated)).mean()),
            "shares": float(np.tanh((opened * chances["share"]).sum(1)).mean()),
            "next_day_return": float(back.mean()),
            "hate_rate": float(hates.sum() / looks.sum()),
            "new_creator_plays": float(plays.mean()),
        }

    def first(self, requests: int) -> Audience:
        """Of the first requests only."""
        cut = slice(requests)
        return Audience(
            temper=self.temper,
            chances={action: values[cut] for action, values in self.chances.items()},
            minutes=self.minutes[cut],
            small=self.small[cut],
            topic=self.topic[cut],
            patience=self.patience[cut],
            loyalty=self.loyalty[cut],
        )

    def _looks(self, pleased: Floats, repelled: Floats) -> Floats:
        """The chance that each position is looked at: users scroll on while they are pleased."""
        looks = np.ones_like(pleased)
        for place in range(1, pleased.shape[1]):
            mood = (
                1.6
                + self.patience
                - 0.08 * place
                + 1.5 * pleased[:, place - 1]
                - self.temper.repels * repelled[:, place - 1]
            )
            looks[:, place] = looks[:, place - 1] * chance(mood)
        return looks

    def _returns(
        self, opened: Floats, chances: Mapping[str, Floats], regret: Floats, anger: Floats, earlier: Floats
    ) -> Floats:
        """The chance to return, (requests,): pleasure saturates, regret and anger do not."""
        pleasure = (opened * chances["long_view"] * (0.5 + chances["like"] + chances["follow"])).sum(1)
        fresh_topics = np.exp(-earlier).mean(1)
        temper = self.temper
        mood = -0.6 + self.loyalty + 1.2 * np.tanh(pleasure) + temper.variety * fresh_topics
        return chance(mood - temper.regret * np.tanh(0.5 * regret) - temper.anger * anger)


def audience(
    temper: Temper, odds: Mapping[str, Floats], requests: Requests, catalogue: Catalogue
) -> Audience:
    at = requests.items
    return Audience(
        temper=temper,
        chances={action: chance(logits) for action, logits in odds.items()},
        minutes=np.exp(0.3 + 0.3 * catalogue.length[at]),
        small=catalogue.small[at],
        topic=catalogue.topic[at],
        patience=requests.patience,
        loyalty=requests.loyalty,
    )


def _earlier(topics: NDArray[np.int32], fades: float) -> Floats:
    """How many items of its topic each position comes after, each counting less with distance."""
    places = np.arange(topics.shape[1])
    gap = places[:, None] - places[None, :]
    weight = np.where(gap > 0, fades ** np.maximum(gap - 1, 0), 0.0)
    same = topics[:, :, None] == topics[:, None, :]
    return np.asarray(np.einsum("rst,st->rs", same.astype(np.float64), weight))
