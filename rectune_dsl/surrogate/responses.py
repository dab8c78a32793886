"""What a campaign has learnt of all slate features at once, in the form that others are told."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rectune_dsl.hooks.api import Response
from rectune_dsl.surrogate.kernels import Array
from rectune_dsl.surrogate.mechanics import Elasticities
from rectune_dsl.surrogate.processes import ProcessSurrogate

DIGITS = 5
"""Significant digits that are passed on: nothing is known better."""


def responses(found: Iterable[Elasticities], untold: ProcessSurrogate) -> tuple[Response, ...]:
    """One per metric that was measured. Elasticities and sizes are this campaign's own word: `untold` is its
    surrogate without what other campaigns have learnt. Of an absolute metric only the size is known."""
    slopes = {elasticities.metric: elasticities for elasticities in found}
    return tuple(_response(metric, slopes.get(metric), size) for metric, size in untold.sizes().items())


def _response(metric: str, slopes: Elasticities | None, size: float) -> Response:
    if slopes is None:
        return Response(metric, (), (), (), float(_short(size)))
    mean, covariance = _short(slopes.mean).tolist(), _short(slopes.covariance).tolist()
    return Response(metric, slopes.features, tuple(mean), tuple(map(tuple, covariance)), float(_short(size)))


def _short(values: Array | float) -> Array:
    """Rounded to a few significant digits."""
    found = np.asarray(values, np.float64)
    with np.errstate(divide="ignore"):
        digits = np.where(found == 0, 0.0, DIGITS - 1 - np.floor(np.log10(np.abs(found))))
    scale = 10.0**digits
    return np.asarray(np.round(found * scale) / scale)
