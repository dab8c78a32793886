"""Tells plugins of a run's events."""

from __future__ import annotations

from rectune_dsl.plugins.host import Host
from rectune_dsl.workflow.watch import ArmStopped, Asked, Event, Finished, RoundFinished, Watcher


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
                told = {"step": request.step, "asked_for": request.what, "expires": request.expires}
                host.emit("rectune_approval_asked", run=run, arms=arms, **told)
            case ArmStopped(spec, stop, replayed=False):
                told = {"experiment": spec.key, "arm": stop.arm, "why": stop.why}
                host.emit("rectune_arm_stopped", run=run, **told)
            case RoundFinished(result, replayed=False):
                host.emit("rectune_round_finished", run=run, result=result)
            case Finished(verdict, replayed=False):
                host.emit("rectune_run_finished", run=run, verdict=verdict)
            case _:
                pass

    return tell
