"""A task with limits: what reaches its backend, and which limits that breaks."""

import math
from datetime import timedelta
from pathlib import Path

from rectune_dsl.hooks import api
from rectune_dsl.hooks.api import CONTROL, HOLDOUT, Arm, Config, Slot

DAY = timedelta(days=1)
TASK = (Path(__file__).parent / "limited.toml").read_text()


class Recording:
    """Passes everything on, and remembers the calls."""

    def __init__(self, inner):
        self.inner, self.calls = inner, []

    def __getattr__(self, name):
        method = getattr(self.inner, name)

        def call(*args):
            self.calls.append((name, *args))
            return method(*args)

        return call


def broken(task, population, calls):
    """Every limit that the calls break, read off them without the gate's code."""
    found, specs, served = [], {}, {}
    frozen_days = {
        window.first + n * DAY
        for window in task.freeze.values()
        for n in range((window.last - window.first).days + 1)
    }
    steps = [*(task.ramp.steps if task.ramp else ()), 1.0]
    most = task.limits.users_per_day or math.inf

    def users(spec):
        return spec.users_per_arm * len([a for a in spec.arms if a.name != HOLDOUT])

    for name, *args in calls:
        if name == "create":
            spec, key = args
            specs[f"planted:{key}"] = spec
            treatments = [a for a in spec.arms[1:] if a.name != HOLDOUT]
            days = (task.ramp.days * len(task.ramp.steps) if task.ramp else 0) + spec.days
            if {spec.start.date() + n * DAY for n in range(days)} & frozen_days:
                found.append("freeze")
            if spec.arms[0] != Arm(CONTROL, Config(task.production)):
                found.append("control")
            if spec.purpose == "explore" and len(treatments) < len(spec.arms) - 1:
                found.append("holdout")
            if len(treatments) > min(task.experiment.arms, task.limits.arms or 1000):
                found.append("arms")
            for arm in treatments:
                values = dict(arm.config.values)
                if set(values) != set(task.params):
                    found.append("params")
                elif not all(
                    0 <= v <= 1 and abs(v - 0.4) <= task.limits.step + 1e-5 for v in values.values()
                ):
                    found.append("config")
            if not 0 < users(spec) <= task.limits.traffic_share * population:
                found.append("share")
            slot = task.exclusion and Slot(task.exclusion.layer, *task.exclusion.share)
            if spec.slot != slot:
                found.append("slot")
            if spec.ramp != (api.Ramp(task.ramp.steps, task.ramp.days) if task.ramp else api.Ramp()):
                found.append("ramp's steps")
        elif name == "start":
            spec = specs[args[0]]
            fraction, _ = served.setdefault(args[0], (1.0, spec.start))
            if fraction > steps[0] or users(spec) * fraction > most:
                found.append("first exposure")
        elif name == "set_exposure":
            experiment, fraction, arm, at = args
            if arm is not None:
                found += ["stop"] * (fraction != 0 or arm in (CONTROL, HOLDOUT))
                continue
            now, since = served.get(experiment, (0.0, None))
            if not 0 <= fraction <= 1 or users(specs[experiment]) * fraction > most:
                found.append("exposure")
            if fraction > now and since is not None and task.ramp:
                allowed = min(step for step in steps if step > now)
                if fraction > allowed or at - since < task.ramp.days * DAY:
                    found.append("ramp")
            if fraction > now and at.date() in frozen_days:
                found.append("rise in a freeze")
            served[experiment] = (fraction, at)
        elif name == "deliver":
            values = args[0].values.values()
            found += ["delivery"] * (not all(abs(v - 0.4) <= task.limits.step + 1e-5 for v in values))
    return found
