"""How much memory a piece of work needs at most, where Linux tells."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak:
    """`megabytes` by which the process' resident memory rose above where it was, once the block has ended."""

    megabytes: float | None = None

    def __enter__(self) -> Peak:
        self._before = None
        try:
            _RESET.write_text("5")  # the high-water mark starts again from what is resident
            self._before = _kilobytes("VmRSS")
        except OSError:
            self._before = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            self.megabytes = max(0, _kilobytes("VmHWM") - self._before) / 1024


def _kilobytes(field: str) -> int:
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1])
