"""The service as a process of its own, in a folder that is gone with the session."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from auricle import clock

START_SECONDS = 60.0
STOP_SECONDS = 20.0
OTHER_NAMES = (
    "ANALYTICS_DEBUG_MODE",
    "ANALYTICS_ENABLE_ROLLUPS",
    "ANALYTICS_MAX_BATCH_SIZE",
    "ANALYTICS_RETENTION_DAYS",
    "CELERY_BROKER_URL",
    "CLICKHOUSE_URL",
    "DATABASE_URL",
    "EVAL_BATCH_SIZE",
    "EVENT_RETENTION_DAYS",
    "GEMINI_API_KEY",
    "JWT_AUDIENCE",
    "JWT_ISSUER",
    "JWT_JWKS_URL",
    "JWT_SECRET_KEY",
    "LOG_LEVEL",
    "MAX_BATCH_SIZE",
    "METRICS_RETENTION_DAYS",
    "OPENAI_API_KEY",
    "RATE_LIMIT_PER_MINUTE",
    "REDIS_URL",
)
"""Settings whose names do not begin with `AURICLE_`: those of the machine must not reach the service of a test."""
SCOPES = "events:write events:backfill reports:read sql:read export:read schemas:write privacy:write admin"


class Running:
    """The service; alive between `start` and `stop`."""

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self.log = folder / "service.log"
        self._data = folder / "data"
        self._secret = secrets.token_hex(32)
        self._process: subprocess.Popen[bytes] | None = None
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def start(self) -> None:
        """Returns when the service takes events and answers reports.

        Raises:
            RuntimeError: it ended, or did not come up in time; with the end of its log.
        """
        command = [sys.executable, "-m", "auricle.cli", "serve", "--port", "0", "--data", str(self._data)]
        kept = {name: value for name, value in os.environ.items() if not _is_setting(name)}
        kept["AURICLE_JWT_SECRET_KEY"] = self._secret
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=kept)
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the service did not start:\n{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends the service, whatever state it is in."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def token(self, tenant: str) -> str:
        """A credential of a tenant that may do everything there, for a day."""
        claims = {"tenant_id": tenant, "scope": SCOPES, "exp": clock.micros() // 1_000_000 + 86_400}
        signed = b".".join(_part(json.dumps(each).encode()) for each in ({"alg": "HS256", "typ": "JWT"}, claims))
        mac = hmac.new(self._secret.encode(), signed, hashlib.sha256).digest()
        return (signed + b"." + _part(mac)).decode()

    def ask(self, path: str, key: str, body: bytes | None = None) -> bytes:
        """The body of an answer.

        Raises:
            RuntimeError: the service refuses; with what it says.
        """
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        request = urllib.request.Request(self.url + path, body, headers)  # noqa: S310 - http, to this machine
        try:
            with self._opener.open(request, timeout=30) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(f"{path}: {error.code} {error.read().decode(errors='replace')}") from None

    def _is_ready(self) -> bool:
        try:
            self.url = self.url or json.loads((self._data / "service.json").read_bytes())["url"]
            self.ask("/readyz", "")
        except (OSError, ValueError, RuntimeError):
            return False
        return True


def _is_setting(name: str) -> bool:
    return name.upper().startswith("AURICLE_") or name.upper() in OTHER_NAMES


def _part(body: bytes) -> bytes:
    return base64.urlsafe_b64encode(body).rstrip(b"=")
