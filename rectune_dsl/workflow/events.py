"""Tells plugins of a run's events."""

from __future__ import annotations

from rectune_dsl.hooks.api import StopArm
from rectune_dsl.plugins.host import Host
from rectune_dsl.workflow.watch import Asked, Event, Finished, Looked, RoundFinished, Watcher


def with_plugins(watch: Watcher, host: Host, run: str, task: str, *, new: bool = True) -> Watcher:
    """A watcher that passes everything on and emits the event hooks, once for each thing that happens. A
    `new` run is one that begins now."""
    if new:
        host.emit("rectune_run_started", run=run, task=task)

    def tell(event: Event) -> None:
        watch(event)
        match event:
            case Asked(request, replayed=False):
                arms = tuple(arm.name for arm in request.arms)
                host.emit(
                    "rectune_approval_asked",
                    run=run, step=request.step, asked_for=request.what, arms=arms, expires=request.expires,
                )  # fmt: skip
            case Looked(spec, look, replayed=False):
                for stop in look.actions:
                    if isinstance(stop, StopArm):
                        host.emit(
                            "rectune_arm_stopped", run=run, experiment=spec.key, arm=stop.arm, why=stop.why
                        )
            case RoundFinished(result, replayed=False):
                host.emit("rectune_round_finished", run=run, result=result)
            case Finished(verdict, replayed=False):
                host.emit("rectune_run_finished", run=run, verdict=verdict)
            case _:
                pass

    return tell
