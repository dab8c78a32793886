"""Estimates beside those of obp 0.4.1 (Saito, Aihara, Matsutani and Narita 2020) on the logs that it brings.

obp is installed without its dependencies: see the Makefile. Its estimators need NumPy and pandas only; what
they import besides is for neural networks and plots, and is replaced by empty modules while they are loaded.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import pytest

from rectune_dsl.backends.replay import ReplayBackend
from rectune_dsl.backends.replaylog.estimate import weights
from rectune_dsl.dsl.model import Task
from rectune_dsl.hooks.api import BackendContext, Config, Estimates

NAMES = [f"{policy}/{campaign}" for policy in ("random", "bts") for campaign in ("all", "men", "women")]
CHANGE = {"w_feature": 1.5, "w_popularity": -0.7}
CLIP = 1.2


def table(log: str) -> dict[str, Any]:
    """A task on one of obp's logs. Its production is a softmax of its own, far from both logging policies."""
    return {
        "dsl": 1,
        "task": {"name": "obd", "surface": "obd"},
        "signals": {
            "feature": {"kind": "item", "domain": [-10, 10]},
            "popularity": {"kind": "item", "domain": [-10, 10]},
        },
        "stages": {
            "ranking": {
                "keep": 3,
                "score": "w_feature * feature + w_popularity * popularity",
                "params": {
                    "w_feature": {"production": 0.5, "low": -2, "high": 2},
                    "w_popularity": {"production": 0.5, "low": -2, "high": 2},
                },
            }
        },
        "metrics": {"click": {"kind": "proportion", "goal": "maximize"}},
        "experiment": {"backend": "replay", "users_per_arm": 10, "days": 1},
        "confirm": {"users_per_arm": 10, "days": 1},
        "replay": {
            "log": f"{log}/{log.rpartition('/')[2]}.csv",
            "items": f"{log}/item_context.csv",
            "min_ess": 1,
            "columns": {
                "time": "timestamp",
                "item": "item_id",
                "propensity": "propensity_score",
                "position": "position",
            },
            "signals": {
                "feature": {"item_column": "item_feature_0", "standardize": True},
                "popularity": {"rate": "click", "smoothing": 50, "standardize": True},
            },
        },
    }


@dataclass(frozen=True)
class Obp:
    """obp's modules of estimators, and the folder of its logs."""

    plain: Any
    slates: Any
    logs: Path


@pytest.fixture(scope="module")
def obp() -> Iterator[Obp]:
    found = importlib.util.find_spec("obp")
    if found is None or found.origin is None:
        pytest.skip("obp is not installed: pip install --no-deps obp==0.4.1")
    folder = Path(found.origin).parent
    package = ModuleType("obp.ope")  # its own __init__ imports plots and regressions
    package.__path__ = [str(folder / "ope")]
    stubs = {name: ModuleType(name) for name in ("torch", "sklearn", "sklearn.utils")}
    vars(stubs["torch"])["Tensor"] = type("Tensor", (), {})
    vars(stubs["sklearn.utils"])["check_random_state"] = np.random.RandomState
    with mock.patch.dict(sys.modules, {**stubs, "obp.ope": package}):
        plain = importlib.import_module("obp.ope.estimators")
        slates = importlib.import_module("obp.ope.estimators_slate")
        yield Obp(plain, slates, folder / "dataset" / "obd")


def backend_of(of: dict[str, Any], folder: Path, **replay: Any) -> ReplayBackend:
    task = Task.model_validate({**of, "replay": {**of["replay"], **replay}})
    return ReplayBackend(BackendContext(task, 1, folder))


def inputs(backend: ReplayBackend, config: Config, clip: float | None = None) -> dict[str, Any]:
    """What obp is given of the tune part. It clips nothing itself: with `clip`, propensities are those that
    lead to the clipped weights."""
    loaded = backend._loaded
    part, found = loaded.parts["tune"], loaded.parts["tune"].contexts
    contexts = np.arange(len(found.pool))
    chosen = loaded.policy.probabilities(loaded.panels.of(found, contexts), None, config)[found.of_row]
    own = chosen[np.arange(part.log.rows), part.log.item]
    arguments = {
        "reward": part.log.outcomes["click"],
        "action": part.log.item,
        "position": np.zeros(part.log.rows, int),
        "pscore": own / weights(own, part.log.propensity, clip),
        "action_dist": chosen[:, :, None],
    }
    for reward in loaded.rewards.values():
        alike = reward.of_impressions(part.log)[:, None]
        of_items = reward.of_candidates(part.log.pool, {})
        arguments["estimated_rewards_by_reg_model"] = (alike + of_items)[:, :, None]
    return arguments


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("clip", [None, CLIP])
def test_ips_snips_and_doubly_robust_values_are_those_of_obp(
    obp: Obp, observe: Callable[..., Estimates], name: str, clip: float | None
) -> None:
    log = table(name)
    changed = Config({**production(log), **CHANGE})
    peers = {
        "ips": obp.plain.InverseProbabilityWeighting(),
        "snips": obp.plain.SelfNormalizedInverseProbabilityWeighting(),
        "dr": obp.plain.DoublyRobust(),
    }
    for estimator, peer in peers.items():
        backend = backend_of(log, obp.logs, estimator=estimator, **({"clip": clip} if clip else {}))
        found = observe(backend, log, CHANGE)
        assert found.missing == {}
        for arm, config in enumerate((Config(production(log)), changed)):
            expected = peer.estimate_policy_value(**inputs(backend, config, clip))
            assert found.level[arm][0] == pytest.approx(expected, rel=1e-9)
    cut = found.support["r1p1"].clipped
    assert (cut > 0) == (clip is not None)


@pytest.mark.parametrize("name", NAMES[::3])
def test_standard_errors_are_those_of_obps_terms(
    obp: Obp, observe: Callable[..., Estimates], name: str
) -> None:
    log = table(name)
    config = Config({**production(log), **CHANGE})
    for estimator, peer in (("ips", "InverseProbabilityWeighting"), ("dr", "DoublyRobust")):
        backend = backend_of(log, obp.logs, estimator=estimator)
        terms = getattr(obp.plain, peer)()._estimate_round_rewards(**inputs(backend, config))
        expected = terms.std(ddof=1) / np.sqrt(len(terms))
        assert observe(backend, log, CHANGE).level_se[1][0] == pytest.approx(expected, rel=1e-9)


def as_slates(folder: Path, source: Path) -> None:
    """Rows of an unlinked log taken for slates of three, one after the other: not what happened, but numbers
    that two programs can be compared on."""
    with source.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    rows = rows[: len(rows) // 3 * 3]
    for n, row in enumerate(rows):
        own = rows[n // 3 * 3 : n // 3 * 3 + 3]
        row["slate"], row["position"] = str(n // 3), str(n % 3 + 1)
        row["whole"] = repr(float(np.prod([float(r["propensity_score"]) for r in own])))
    with (folder / "log.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("name", NAMES[1::3])
@pytest.mark.parametrize(
    ("model", "peer", "suffix"),
    [("item-position", "SlateIndependentIPS", "_item_position"), ("standard", "SlateStandardIPS", "")],
)
def test_slate_values_are_those_of_obp(
    obp: Obp,
    observe: Callable[..., Estimates],
    tmp_path: Path,
    name: str,
    model: str,
    peer: str,
    suffix: str,
) -> None:
    log = table(name)
    as_slates(tmp_path, obp.logs / log["replay"]["log"])
    columns = {**log["replay"]["columns"], "slate": "slate"}
    columns |= {"slate_propensity": "whole"} if model == "standard" else {}
    items = str(obp.logs / log["replay"]["items"])
    changes: dict[str, Any] = {"log": "log.csv", "items": items, "columns": columns, "estimator": "ips"}
    backend = backend_of(log, tmp_path, slates={"model": model}, **changes)
    found = observe(backend, log, CHANGE)
    part, config = backend._loaded.parts["tune"].log, Config({**production(log), **CHANGE})
    (played,) = backend._played([config], "tune")
    assert part.slate is not None
    assert part.position is not None
    expected = getattr(obp.slates, peer)(len_list=3).estimate_policy_value(
        slate_id=part.slate,
        reward=part.outcomes["click"],
        position=part.position,
        **{f"pscore{suffix}": part.propensity, f"evaluation_policy_pscore{suffix}": played.chosen},
    )
    # obp's is per slate of three, ours per impression
    assert found.level[1][0] == pytest.approx(expected / 3, rel=1e-9)


def production(log: dict[str, Any]) -> dict[str, float]:
    return Task.model_validate(log).production
