"""RecSim 0.2.4 at 1,000 candidates and slates of 10, beside a whole experiment of ours, on one core each.

Its requirements are old, and ours are not, so it may live in an environment of its own; RECSIM_PYTHON names
that environment's interpreter (this one, if unset). What installs on Python 3.11:

    pip install "recsim==0.2.4" "dopamine-rl<4.0.7" "tensorflow<2.16" "tensorflow-probability<0.24" \\
        "jax<0.4.31" "jaxlib<0.4.31" "flax<0.9" "numpy<2"

RecSim draws new candidates for every request, is asked for any slate, and simulates the user's response. Ours
makes heads, runs three stages over them, and simulates the responses, users and days.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

from speed import experiment
from speed.figures import Figure, Options

VARIABLE = "RECSIM_PYTHON"
CANDIDATES, SLATE = 1_000, 10
GOAL = 50.0
ROUNDS = 3
USERS, QUICK_USERS = 4_000, 1_000
_MISSING = 3
_PEER = f"""
import sys, time, warnings
warnings.filterwarnings("ignore")
try:
    from recsim.environments import interest_evolution
    import numpy as np
except Exception as error:
    print(type(error).__name__, error)
    sys.exit({_MISSING})
config = {{"num_candidates": {CANDIDATES}, "slate_size": {SLATE}, "resample_documents": True, "seed": 1}}
environment = interest_evolution.create_environment(config)
slates = np.random.default_rng(0)
environment.reset()
count, began = 0, time.perf_counter()
while time.perf_counter() - began < float(sys.argv[1]):
    done = environment.step(slates.choice({CANDIDATES}, {SLATE}, replace=False))[2]
    count += 1
    if done:
        environment.reset()
print("rate", count / (time.perf_counter() - began))
"""


def figures(options: Options) -> list[Figure]:
    users, seconds = (QUICK_USERS, 2.0) if options.quick else (USERS, 6.0)
    theirs, ours = [], []
    for _ in range(1 if options.quick else ROUNDS):
        rate = _recsim(seconds)
        if isinstance(rate, str):
            return [Figure(f"RecSim, skipped: {rate}", None, "", "none", True)]
        theirs.append(rate)
        run = experiment.measured(1, users, CANDIDATES)
        ours.append(run.requests / run.seconds)
    ratio = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
    return [
        Figure(
            "RecSim 0.2.4, interest evolution", round(statistics.median(theirs)), "requests/s", "none", True
        ),
        Figure("experiment, 1,000 candidates", round(statistics.median(ours)), "requests/s", "none", True),
        Figure("experiment over RecSim, per core", round(ratio, 1), "x", f">= {GOAL:g}", ratio >= GOAL),
    ]


def _recsim(seconds: float) -> float | str:
    """Its requests per second, or why there are none."""
    python = os.environ.get(VARIABLE, sys.executable)
    command = [python, "-c", _PEER, str(seconds)]
    one_core = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1")}
    done = subprocess.run(command, capture_output=True, text=True, env=one_core)
    last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
    if done.returncode == _MISSING:
        return f"cannot be imported ({last}); {VARIABLE} may name an interpreter that has it"
    if done.returncode:
        return f"failed: {(done.stderr.strip().splitlines() or [last])[-1]}"
    return float(last.split()[1])
