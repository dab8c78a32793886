"""A local server that follows GrowthBook's published API, with users who are assigned as its SDKs do it.

It keeps state, and time passes when the test says so. It is no GrowthBook: it knows the requests that this
plugin makes, and answers them as the documentation and the public source of GrowthBook have it.
"""

from rectune_growthbook.testing.feed import Feed
from rectune_growthbook.testing.people import People, Product
from rectune_growthbook.testing.platform import Metric, Platform
from rectune_growthbook.testing.server import Fault, GrowthBookServer

__all__ = ["Fault", "Feed", "GrowthBookServer", "Metric", "People", "Platform", "Product"]
