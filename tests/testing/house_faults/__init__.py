"""Backends of the how-to's house with one fault each: what people who write backends get wrong."""

from house_faults import experiments, manners, observations, production, serving
from house_faults.planting import FAULTS, SERVICE_FAULTS

__all__ = ["FAULTS", "SERVICE_FAULTS", "experiments", "manners", "observations", "production", "serving"]
