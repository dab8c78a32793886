"""The table `[plugins.growthbook]` of a task file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from rectune_dsl.hooks.api import Settings

NAME = "growthbook"

Id = Annotated[str, Field(min_length=1)]


class GrowthBookSettings(Settings):
    """Where GrowthBook is, and which of its things belong to the task."""

    url: Annotated[str, Field(pattern=r"^https?://")] = "https://api.growthbook.io/api/v1"
    """Where the API is, with the `/api/v1`."""
    key_variable: Id = "GROWTHBOOK_API_KEY"
    """The environment variable that holds the secret key. The key itself stands in no file."""
    feature: Id
    """The feature whose value is the config: of type JSON, an object with a number for every param."""
    environment: Id = "production"
    """The environment in which it is served."""
    datasource: Id
    """The data source, `ds_...`."""
    assignment_query: Id
    """The data source's query of who was assigned to what."""
    namespace: Id
    """The namespace, `ns-...`, whose users the experiments share out. Nothing else should use it."""
    project: str = ""
    """The project of the experiments; left out, they belong to none."""
    hash_attribute: Id = "id"
    """The attribute that users are assigned by."""
    clock_attribute: Id = "now"
    """The attribute in which the application tells the time, in seconds since 1970."""
    population: Annotated[int, Field(ge=1)]
    """How many users there are."""
    lag_hours: Annotated[float, Field(ge=0, le=72)] = 0.0
    """Hours until what happened is in the tables that GrowthBook asks."""
    requests_per_minute: Annotated[int, Field(ge=1)] = 60
    """What GrowthBook allows. Lower it where others use the same key."""
    timeout: Annotated[float, Field(gt=0)] = 30.0
    """Seconds that one request may take."""
    snapshot_timeout: Annotated[float, Field(gt=0)] = 900.0
    """Seconds that GrowthBook may compute results."""
    metrics: Annotated[Mapping[str, Id], Field(min_length=1)]
    """The task's name of a metric -> GrowthBook's id, `fact__...` or `met_...`."""
