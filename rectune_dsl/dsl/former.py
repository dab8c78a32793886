"""Keys that earlier drafts had, and that other tools' configs have: what to write today.

A key that is not listed here is looked up among the known ones by its spelling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rectune_dsl.dsl.positions import KeyPath

ANY = "*"
"""Stands for a name in a key path."""


@dataclass(frozen=True)
class Former:
    """`help` says what to write. `key` is today's name for the same thing in the same table, `pair` the key
    and value for one that was true, `is_gone` says that nothing takes its place."""

    help: str
    key: str | None = None
    pair: tuple[str, str] | None = None
    is_gone: bool = False


def former(path: KeyPath) -> Former | None:
    """What became of the key at a path."""
    return _TABLE.get(len(path), {}).get(_pattern(path))


def _pattern(path: KeyPath) -> tuple[str, ...]:
    """The path with names replaced: those of stages, params, metrics, ..."""
    pattern = [str(step) for step in path]
    if pattern[0] in _NAMED and len(pattern) > 2:
        pattern[1] = ANY
    if pattern[0] in ("stages", "segments") and len(pattern) > 4 and pattern[2] in ("params", "boosts"):
        pattern[3] = ANY
    return tuple(pattern)


_NAMED = frozenset({"signals", "stages", "metrics", "segments", "sources", "freeze"})


def _renamed(key: str, *, because: str = "") -> Former:
    return Former(f"write {key}{f': {because}' if because else ''}", key)


def _flag(key: str, value: str) -> Former:
    return Former(f'write {key} = "{value}"', pair=(key, value))


def _gone(because: str) -> Former:
    return Former(f"remove it: {because}", is_gone=True)


_STAGE: Mapping[str, Former] = {
    "formula": _renamed("score"),
    "expression": _renamed("score"),
    "expr": _renamed("score"),
    "rank_by": _renamed("score"),
    "top_k": _renamed("keep"),
    "topk": _renamed("keep"),
    "top_n": _renamed("keep"),
    "limit": _renamed("keep"),
    "k": _renamed("keep"),
    "size": _renamed("keep"),
    "weights": _renamed("params"),
    "parameters": _renamed("params"),
    "search_space": _renamed("params"),
    "contracts": _renamed("expect"),
    "monotone": _renamed("expect"),
    "description": _renamed("about"),
    "heads": Former("list the stage under the signal: [signals] p_click = { stages = [...] }"),
    "signals": Former("list the stage under the signal: [signals] p_click = { stages = [...] }"),
    "constraints": Former("write [constraints] once, for the whole task"),
}
_PARAM: Mapping[str, Former] = {
    "min": _renamed("low"),
    "minimum": _renamed("low"),
    "lower": _renamed("low"),
    "lower_bound": _renamed("low"),
    "min_value": _renamed("low"),
    "max": _renamed("high"),
    "maximum": _renamed("high"),
    "upper": _renamed("high"),
    "upper_bound": _renamed("high"),
    "max_value": _renamed("high"),
    "default": _renamed("production", because="the value that serves today"),
    "default_value": _renamed("production", because="the value that serves today"),
    "initial": _renamed("production", because="the value that serves today"),
    "initial_value": _renamed("production", because="the value that serves today"),
    "init": _renamed("production", because="the value that serves today"),
    "current": _renamed("production", because="the value that serves today"),
    "baseline": _renamed("production", because="the value that serves today"),
    "value": _renamed("production", because="the value that serves today"),
    "dtype": _renamed("type"),
    "value_type": _renamed("type"),
    "parameter_type": _renamed("type"),
    "log": _flag("scale", "log"),
    "log_scale": _flag("scale", "log"),
    "scale_type": _renamed("scale"),
    "scaling": _renamed("scale"),
    "bounds": Former("write low = ... and high = ..."),
    "range": Former("write low = ... and high = ..."),
    "domain": Former("write low = ... and high = ..."),
    "step": _gone('there is no grid; type = "int" keeps whole numbers'),
    "step_size": _gone('there is no grid; type = "int" keeps whole numbers'),
    "q": _gone('there is no grid; type = "int" keeps whole numbers'),
    "prior": _gone("the search starts at production"),
    "tunable": _gone("a param with bounds is tuned, a plain number is not"),
    "description": _renamed("about"),
}
_METRIC: Mapping[str, Former] = {
    "direction": _renamed("goal"),
    "objective": _renamed("goal"),
    "optimize": _renamed("goal"),
    "minimize": _flag("goal", "minimize"),
    "maximize": _flag("goal", "maximize"),
    "lower_is_better": _flag("goal", "minimize"),
    "higher_is_better": _flag("goal", "maximize"),
    "inverse": _flag("goal", "minimize"),
    "type": _renamed("kind"),
    "metric_type": _renamed("kind"),
    "cuped": _renamed("covariate"),
    "pre_period": _renamed("covariate"),
    "delay_days": _renamed("matures_after_days"),
    "maturity_days": _renamed("matures_after_days"),
    "conversion_delay_days": _renamed("matures_after_days"),
    "threshold": Former('write it under [guardrails]: name = ">= -1%"'),
    "guardrail": Former('write it under [guardrails]: name = ">= -1%"'),
    "min_lift": Former('write it under [guardrails]: name = ">= -1%"'),
    "description": _renamed("about"),
}
_EXPERIMENT: Mapping[str, Former] = {
    "traffic": Former("write users_per_arm; [limits] traffic_share bounds the share of all users"),
    "traffic_share": Former("write it under [limits]: traffic_share = 0.2"),
    "traffic_split": Former("write users_per_arm: every arm has as many users"),
    "sample_size": _renamed("users_per_arm"),
    "users": _renamed("users_per_arm"),
    "samples_per_arm": _renamed("users_per_arm"),
    "duration": _renamed("days"),
    "duration_days": _renamed("days"),
    "length_days": _renamed("days"),
    "variants": _renamed("arms"),
    "variations": _renamed("arms"),
    "batch_size": _renamed("arms"),
    "parallelism": _renamed("arms"),
    "iterations": _renamed("rounds"),
    "trials": _renamed("rounds"),
    "n_trials": _renamed("rounds"),
    "max_trials": _renamed("rounds"),
    "significance": _renamed("alpha"),
    "significance_level": _renamed("alpha"),
    "confidence": Former("write alpha = 0.05 for 95 % confidence"),
    "confidence_level": Former("write alpha = 0.05 for 95 % confidence"),
    "platform": _renamed("backend"),
    "datasource": _renamed("backend"),
    "holdout": Former("write [holdout] share = 0.05"),
    "seed": Former("write [simulator] seed for the world, or pass --seed to `rectune run`"),
}
_TOP: Mapping[str, Former] = {
    "heads": _renamed("signals"),
    "features": _renamed("signals"),
    "inputs": _renamed("signals"),
    "funnel": _renamed("stages"),
    "pipeline": _renamed("stages"),
    "version": _renamed("dsl"),
    "schema_version": _renamed("dsl"),
    "objectives": _renamed("metrics", because='the goals have goal = "maximize"'),
    "objective": Former('give a metric a goal: [metrics] name = { goal = "maximize" }'),
    "north_star": Former('give a metric a goal: [metrics] name = { goal = "maximize" }'),
    "goals": Former('give a metric a goal: [metrics] name = { goal = "maximize" }'),
    "params": Former("write it under its stage: [stages.NAME.params]"),
    "parameters": Former("write it under its stage: [stages.NAME.params]"),
    "search_space": Former("write it under its stage: [stages.NAME.params]"),
    "formula": Former('write it under its stage: [stages.NAME] score = "..."'),
    "outcome_constraints": _renamed("guardrails"),
    "parameter_constraints": _renamed("constraints"),
    "name": Former("write it under [task]"),
    "surface": Former("write it under [task]"),
    "traffic": Former("write [experiment] users_per_arm, and [limits] traffic_share"),
    "rollout": _renamed("ramp"),
    "ramp_up": _renamed("ramp"),
    "freezes": _renamed("freeze"),
    "blackout": _renamed("freeze"),
    "layer": Former('write [exclusion] layer = "..." and share = [0.0, 0.5]'),
    "confirmation": _renamed("confirm"),
    "include": Former('write extends = "base.toml"'),
    "base": _renamed("extends"),
    "inherits": _renamed("extends"),
}
_Patterns = Mapping[tuple[str, ...], Former]
_KEEPS: _Patterns = {("stages", ANY, "keep", key): what for key, what in _PARAM.items()}
_PARAMS: _Patterns = {
    (table, ANY, "params", ANY, key): what for table in ("stages", "segments") for key, what in _PARAM.items()
}
_TABLE: Mapping[int, _Patterns] = {
    1: {(key,): what for key, what in _TOP.items()},
    2: {
        **{("experiment", key): what for key, what in _EXPERIMENT.items()},
        **{
            ("confirm", key): what
            for key, what in _EXPERIMENT.items()
            if what.key in ("days", "users_per_arm")
        },
        ("task", "title"): _renamed("name"),
        ("task", "id"): _renamed("name"),
        ("task", "description"): _renamed("about"),
        ("task", "scenario"): _renamed("surface"),
        ("limits", "traffic"): _renamed("traffic_share"),
        ("limits", "max_arms"): _renamed("arms"),
        ("limits", "max_step"): _renamed("step"),
        ("limits", "max_users"): _renamed("users_per_day"),
        ("limits", "users"): _renamed("users_per_day"),
        ("ramp", "fractions"): _renamed("steps"),
        ("ramp", "stages"): _renamed("steps"),
        ("ramp", "days_per_step"): _renamed("days"),
        ("exclusion", "group"): _renamed("layer"),
        ("exclusion", "namespace"): _renamed("layer"),
        ("exclusion", "slot"): _renamed("share"),
        ("exclusion", "range"): _renamed("share"),
        ("holdout", "fraction"): _renamed("share"),
        ("holdout", "percent"): Former("write share: 0.05 is 5 %"),
    },
    3: {
        **{("stages", ANY, key): what for key, what in _STAGE.items()},
        **{("metrics", ANY, key): what for key, what in _METRIC.items()},
        ("signals", ANY, "type"): _renamed("kind"),
        ("signals", ANY, "range"): _renamed("domain"),
        ("signals", ANY, "bounds"): _renamed("domain"),
        ("signals", ANY, "stage"): _renamed("stages", because='a list: ["ranking"]'),
        ("signals", ANY, "description"): _renamed("about"),
        ("segments", ANY, "condition"): _renamed("when"),
        ("segments", ANY, "filter"): _renamed("when"),
        ("segments", ANY, "if"): _renamed("when"),
        ("segments", ANY, "overrides"): _renamed("params"),
        ("freeze", ANY, "from"): _renamed("first"),
        ("freeze", ANY, "start"): _renamed("first"),
        ("freeze", ANY, "to"): _renamed("last", because="it is frozen, too"),
        ("freeze", ANY, "until"): _renamed("last", because="it is frozen, too"),
        ("freeze", ANY, "end"): _renamed("last", because="it is frozen, too"),
        ("freeze", ANY, "why"): _gone("the name of the freeze says why"),
        ("sources", ANY, "quota"): Former("write min = ... and max = ..."),
        ("sources", ANY, "positions"): _renamed("slots"),
        ("sources", ANY, "pins"): _renamed("slots"),
    },
    4: {
        **_KEEPS,
        ("stages", ANY, "diversity", "key"): _renamed("by"),
        ("stages", ANY, "diversity", "field"): _renamed("by"),
        ("stages", ANY, "diversity", "max"): _renamed("max_per_key"),
        ("stages", ANY, "diversity", "limit"): _renamed("max_per_key"),
        ("stages", ANY, "diversity", "weight"): _renamed("penalty"),
        ("stages", ANY, "diversity", "lambda"): _renamed("penalty"),
    },
    5: {
        **_PARAMS,
        ("stages", ANY, "boosts", ANY, "condition"): _renamed("when"),
        ("stages", ANY, "boosts", ANY, "factor"): _renamed("multiply"),
        ("stages", ANY, "boosts", ANY, "by"): _renamed("multiply"),
        ("stages", ANY, "boosts", ANY, "boost"): Former("write multiply = ... for a factor, or add = ..."),
        ("stages", ANY, "boosts", ANY, "value"): Former("write multiply = ... for a factor, or add = ..."),
        ("stages", ANY, "boosts", ANY, "if"): _renamed("when"),
    },
}

VALUES: Mapping[str, tuple[str, ...]] = {
    "max": ("maximize",),
    "up": ("maximize", "nondecreasing"),
    "increase": ("maximize", "nondecreasing"),
    "higher": ("maximize",),
    "min": ("minimize",),
    "down": ("minimize", "nonincreasing"),
    "decrease": ("minimize", "nonincreasing"),
    "lower": ("minimize",),
    "binomial": ("proportion",),
    "binary": ("proportion",),
    "rate": ("proportion",),
    "conversion": ("proportion",),
    "continuous": ("mean",),
    "revenue": ("mean",),
    "count": ("mean",),
    "head": ("prediction",),
    "model": ("prediction",),
    "score": ("prediction",),
    "feature": ("item",),
    "context": ("request",),
    "uniform": ("linear",),
    "loguniform": ("log",),
    "integer": ("int",),
    "double": ("float",),
    "real": ("float",),
    "increasing": ("nondecreasing",),
    "rising": ("nondecreasing",),
    "ascending": ("nondecreasing",),
    "decreasing": ("nonincreasing",),
    "falling": ("nonincreasing",),
    "descending": ("nonincreasing",),
}
"""Other words for the values that keys may have."""
