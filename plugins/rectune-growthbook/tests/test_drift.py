"""Answers that are not as the API is documented, and experiments that somebody has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rectune_growthbook.testing import Fault

from rectune_dsl.hooks.api import BackendError


def change(*path: Any, to: Any = None) -> Callable[[dict[str, Any]], object]:
    """A function that changes a field deep in an answer; None takes it away."""

    def changed(answer: dict[str, Any]) -> None:
        *way, last = path
        for step in way:
            answer = answer[step]
        if to is None:
            del answer[last]
        else:
            answer[last] = to

    return changed


@pytest.mark.parametrize(
    ("path", "drift", "said"),
    [
        (r"/exp_\d+$", change("experiment"), "no `experiment`"),
        (r"/exp_\d+$", change("experiment", "status"), "no `status` in `experiment`"),
        (r"/exp_\d+$", change("experiment", "phases", to=[]), "no phase in `experiment`"),
        (r"/exp_\d+$", change("experiment", "phases", 0, "coverage", to="all"), "'all' as `coverage`"),
        (r"/exp_\d+$", change("experiment", "variations", to={}), "{} as `variations`"),
        (r"/snapshot$", change("snapshot", "status", to="queued"), "'queued', which is not known"),
        (r"/snapshot$", change("snapshot", "status", to=3), "3 as `status`"),
        ("/results$", change("result", "results"), "no `results`"),
        ("/results$", change("result", "dateEnd", to="soon"), "'soon' as `dateEnd`"),
        ("/results$", change("result", "dateEnd", to="2026-03-02T12:00:00Z"), "end at 2026-03-02T12"),
        ("/results$", change("result", "results", 0, "metrics", 0, "metricId"), "no `metricId`"),
        (
            "/results$",
            change("result", "results", 0, "metrics", 0, "variations", 1, "analyses", 0, "mean", to=True),
            "True as `mean`",
        ),
        (
            "/results$",
            change("result", "results", 0, "metrics", 0, "variations", 1, "analyses", 0, "stddev"),
            "no `stddev`",
        ),
        ("/fact-metrics/fact__hate_rate$", change("factMetric", "metricType"), "no `metricType`"),
    ],
)
def test_an_answer_that_is_not_as_documented_names_the_field(lab, path, drift, said):
    _, experiment = lab.started()
    lab.server.faults.append(Fault(drift, path=path, times=99))
    with pytest.raises(BackendError) as failed:
        lab.backend().observe(experiment, lab.platform.now)
    assert said in str(failed.value)
    assert failed.value.help


def test_what_is_new_in_an_answer_does_not_matter(lab):
    backend, experiment = lab.started()

    def more(answer: dict[str, Any]) -> None:
        for value in answer.values():
            if isinstance(value, dict):
                value["somethingNew"] = {"of": ["this", "version"]}

    lab.server.faults.append(Fault(more, times=10**6))
    assert backend.observe(experiment, lab.platform.now).lift[0][0] is not None
    backend.set_exposure(experiment, 0.5)
    backend.stop(experiment, "finished")


def test_what_growthbook_does_not_keep_is_noticed_before_anybody_is_served(lab):
    def forget(answer: dict[str, Any]) -> None:
        for experiment in answer.get("experiments", []):
            experiment["phases"][-1].pop("namespace", None)

    lab.server.faults.append(Fault(forget, "GET", "/experiments$", times=99))
    spec = lab.spec()
    with pytest.raises(BackendError, match="not limited to a range of namespace ns-feed"):
        lab.backend().create(spec, spec.key)
    assert lab.platform.definition()["rules"] == []


def test_a_changed_experiment_is_not_taken_for_the_spec_s(lab):
    backend, spec = lab.backend(), lab.spec()
    experiment = backend.create(spec, spec.key)
    found = lab.platform.experiments[experiment]
    found["phases"][-1]["seed"] = "another"
    with pytest.raises(BackendError, match="has `seed` = another") as refused:
        backend.create(spec, spec.key)
    assert refused.value.help
    found["phases"][-1]["seed"] = spec.salt
    kept, found["description"] = found["description"], "Tidied up by Bo."
    with pytest.raises(BackendError, match="no memory of rectune's any more"):
        backend.create(spec, spec.key)
    backend.stop(experiment, "a stop needs no memory")
    assert found["status"] == "stopped"
    found["description"] = kept
    assert backend.create(spec, spec.key) == experiment
    with pytest.raises(BackendError, match="was stopped, and cannot be started again"):
        backend.start(experiment)
