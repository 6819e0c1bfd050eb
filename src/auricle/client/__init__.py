"""The client: sends the events of a program to Auricle, and is never felt.

Needs the standard library alone, and loads nothing of the server. `sdk/contract` is what both hold to.
"""

from auricle.client.client import AnalyticsClient, AsyncClient, Client
from auricle.client.ledger import Counts
from auricle.client.options import Options

__all__ = ["AnalyticsClient", "AsyncClient", "Client", "Counts", "Options"]
