"""The client: sends the events of a program to Auricle, and is never felt.

Needs the standard library alone, and loads nothing of the server. `sdk/contract` is what both hold to.
"""

from auricle.client.asgi import AsgiMiddleware
from auricle.client.client import AnalyticsClient, AsyncClient, Client
from auricle.client.ledger import Counts
from auricle.client.options import Options
from auricle.client.wsgi import WsgiMiddleware

__all__ = ["AnalyticsClient", "AsgiMiddleware", "AsyncClient", "Client", "Counts", "Options", "WsgiMiddleware"]
