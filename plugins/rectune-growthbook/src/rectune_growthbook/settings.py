"""The table `[plugins.growthbook]` of a task file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from rectune_dsl.hooks.api import Settings
from rectune_dsl.hooks.http import is_loopback

NAME = "growthbook"
_WANTED = "write where the API is, such as https://api.growthbook.io/api/v1"


def _safe(url: str) -> str:
    """A URL to which the key may be sent, and which may be shown. Raises ValueError for another one."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(_WANTED) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(_WANTED)
    if "@" in parts.netloc:
        raise ValueError("leave the user and the password out: the key is all that GrowthBook asks for")
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError("write https://, since anybody on the way could read the key")
    return url


Id = Annotated[str, Field(min_length=1)]


class GrowthBookSettings(Settings):
    """Where GrowthBook is, and which of its things belong to the task."""

    url: Annotated[str, AfterValidator(_safe)] = "https://api.growthbook.io/api/v1"
    """Where the API is, with the `/api/v1`: `https://`, but for this machine's own addresses."""
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
