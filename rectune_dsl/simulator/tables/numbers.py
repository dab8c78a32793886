"""The kinds of numbers that a world is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Share = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
