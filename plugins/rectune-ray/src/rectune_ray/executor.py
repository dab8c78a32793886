"""The executor `ray`: one Ray task per shard, tried again where its worker was lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from rectune_dsl.hooks.api import BackendError
from rectune_ray.cluster import connected, stop

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class RayExecutor:
    """Maps shards on a Ray cluster.

    A local one of `workers` processes (one per processor if left out) is started with the first call, unless
    there is a connection or `RAY_ADDRESS` names a cluster. `retries` counts lost workers per shard.
    """

    def __init__(self, workers: int | None = None, retries: int = 3) -> None:
        self._workers = workers
        self._retries = retries

    def map(self, work: Callable[[Shard], Result], shards: Sequence[Shard]) -> Sequence[Result]:
        """One result per shard, in their order.

        What the work raises is raised here, and not tried again. Raises BackendError when a shard's workers
        were lost once more than `retries` times.
        """
        ray = connected(self._workers, self._retries)
        sent = ray.put(work)
        task = ray.remote(num_cpus=1, max_retries=self._retries, retry_exceptions=False)(_work_on)
        # inside a list the reference stays one: the worker fetches the work only when it is new to it
        waiting = [task.remote([sent], shard) for shard in shards]
        try:
            results: list[Result] = ray.get(waiting)
        except ray.exceptions.RayTaskError as error:
            raise _raised_by_work(error) from error
        except ray.exceptions.RayError as error:
            raise self._given_up(error) from error
        finally:
            _cancel(ray, waiting)
        return results

    def close(self) -> None:
        """Stop the local cluster, if one was started. It also stops when the process ends."""
        stop()

    def _given_up(self, error: Exception) -> BackendError:
        return BackendError(
            f"Ray lost a shard's worker and gave up after {self._retries} retries: {_first_line(error)}",
            help="workers may be out of memory: give them more, start fewer, or lower `candidates`; "
            'executor = "threads" needs no workers',
        )


def _work_on(sent: list[Any], shard: Any) -> Any:
    return _fetched(sent[0])(shard)


@lru_cache(maxsize=1)
def _fetched(reference: Any) -> Callable[[Any], Any]:
    """The work of the current call: shards that follow one another on a worker share it."""
    import ray

    work: Callable[[Any], Any] = ray.get(reference)
    return work


def _raised_by_work(error: Any) -> BaseException:
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):
        return cause
    return BackendError(
        f"a shard failed on Ray: {_first_line(error)}",
        help="`ray status` and Ray's logs tell why; when the cluster is well, `rectune resume` goes on",
    )


def _cancel(ray: Any, waiting: Sequence[Any]) -> None:
    """Leave nothing running behind an error or an interrupt; finished tasks are not touched."""
    if ray.is_initialized():
        _, pending = ray.wait(waiting, num_returns=len(waiting), timeout=0) if waiting else ([], [])
        for task in pending:
            ray.cancel(task)


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
