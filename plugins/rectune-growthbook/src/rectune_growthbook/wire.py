"""Reads what GrowthBook answers: tolerant of what is new, clear about what is needed and not there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from rectune_dsl.hooks.api import BackendError

T = TypeVar("T")

_NAMES: Mapping[type, str] = {str: "text", dict: "an object", list: "a list", bool: "true or false"}
DRIFT = (
    "the answer is not as the API is documented: tell rectune-growthbook's authors the version of GrowthBook"
)


class Record:
    """An object of an answer; `what` says which, as in "the experiment". Raises BackendError that names the
    field where one is missing, or of another type. Fields that nobody asks for may be anything."""

    def __init__(self, fields: Mapping[str, Any], what: str) -> None:
        self.fields = fields
        self.what = what

    def text(self, name: str) -> str:
        return self._of(name, str)

    def flag(self, name: str) -> bool:
        return self._of(name, bool)

    def number(self, name: str) -> float:
        value = self._present(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise self._other(name, value, "a number")
        return float(value)

    def moment(self, name: str) -> datetime:
        """A time, in UTC where it does not say."""
        text = self.text(name)
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise self._other(name, text, "a time") from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def record(self, name: str) -> Record:
        return Record(self._of(name, dict), f"`{name}` of {self.what}")

    def records(self, name: str) -> list[Record]:
        """A list of objects."""
        what = f"`{name}` of {self.what}"
        found = self._of(name, list)
        for value in found:
            if not isinstance(value, dict):
                raise self._other(name, value, "a list of objects")
        return [Record(value, what) for value in found]

    def maybe(self, name: str, default: T) -> T:
        """A field that may be missing, or null, or something else: then the default."""
        value = self.fields.get(name)
        return value if isinstance(value, type(default)) else default

    def _of(self, name: str, kind: type[T]) -> T:
        value = self._present(name)
        if not isinstance(value, kind):
            raise self._other(name, value, _NAMES[kind])
        return value

    def _present(self, name: str) -> Any:
        if self.fields.get(name) is None:
            raise BackendError(f"GrowthBook's answer has no `{name}` in {self.what}", help=DRIFT)
        return self.fields[name]

    def _other(self, name: str, value: object, wanted: str) -> BackendError:
        found = f"{value!r}"[:60]
        return BackendError(
            f"GrowthBook's answer has {found} as `{name}` in {self.what}, which should be {wanted}",
            help=DRIFT,
        )
