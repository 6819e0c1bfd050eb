"""The secret that tokens are signed with: judged, and made where none is needed to be given."""

import contextlib
import os
import secrets
from ipaddress import ip_address
from pathlib import Path

from auricle.settings import Settings

LEAST_BYTES = 32
"""As many as HMAC-SHA256 gives (RFC 7518, section 3.2)."""
LEAST_WATCHING_BYTES = 16
"""Of the token that reads the metrics, which hold nothing of a tenant."""
LEAST_CHARACTERS = 10
"""Different ones; 32 random bytes have at least that many in hexadecimal, but for one time in ten million."""
PLACEHOLDERS = (
    *("changeme", "changethis", "replaceme", "replacethis", "placeholder", "yoursecret", "yourjwt", "yourkey"),
    *("secretkey", "jwtsecret", "mysecret", "supersecret", "topsecret", "insecure", "password", "example"),
    *("default", "development", "testing", "1234567890", "0123456789", "abcdefgh", "qwerty"),
)
"""What stands in secrets that somebody meant to replace: looked for among letters and digits, in lower case."""
FILE = "jwt.secret"


class WeakSecret(Exception):
    """The service would listen on a public address with a secret that can be guessed."""


def weakness(secret: str, least: int = LEAST_BYTES) -> str | None:
    """Why a secret can be guessed; None when nothing speaks against it."""
    told = "".join(filter(str.isalnum, secret.lower()))
    if len(secret.encode()) < least:
        return f"is shorter than {least} bytes"
    if any(word in told for word in PLACEHOLDERS):
        return "is a placeholder"
    if "-----BEGIN" in secret:
        return "is a key in PEM, which may be public"
    if len(set(secret)) < LEAST_CHARACTERS or secret in (secret + secret)[1:-1]:
        return "repeats itself"
    return None


def on_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address to listen on."""
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def check_secret(settings: Settings) -> None:
    """Returns when the service may start with these settings; opens nothing.

    Raises:
        WeakSecret: its address is public, and the secret missing, short or a placeholder, or the token of `/metrics`
            a placeholder.
    """
    if on_loopback(settings.host):
        return
    watching = None if settings.metrics_token is None else weakness(settings.metrics_token, LEAST_WATCHING_BYTES)
    if watching is not None:
        raise WeakSecret(f"AURICLE_METRICS_TOKEN {watching}, and {settings.host} can be reached from other machines.")
    fault = _fault(settings)
    if fault is not None and not _keys_alone(settings):
        raise WeakSecret(
            f"AURICLE_JWT_SECRET_KEY {fault}, and {settings.host} can be reached from other machines. Give it at least"
            f" {LEAST_BYTES} random bytes, such as `openssl rand -hex 32` prints; or listen on 127.0.0.1."
        )


def token_secret(settings: Settings) -> bytes | None:
    """The secret of HS256 tokens; None when they are not taken at all, but only those of `AURICLE_JWT_JWKS_URL`.

    On loopback a secret that is missing or weak is replaced by one of our own, in the file that `secret_file` tells.

    Raises:
        WeakSecret: see `check_secret`.
    """
    check_secret(settings)
    given = settings.jwt_secret_key
    if given is not None and _fault(settings) is None:
        return given.get_secret_value().encode()
    file = secret_file(settings)
    return None if file is None else _kept(file)


def secret_file(settings: Settings) -> Path | None:
    """Where the secret is that the service made for itself; None when it needs none."""
    if _fault(settings) is None or _keys_alone(settings):
        return None
    return settings.data / FILE


def _fault(settings: Settings) -> str | None:
    given = settings.jwt_secret_key
    return "is missing" if given is None else weakness(given.get_secret_value())


def _keys_alone(settings: Settings) -> bool:
    """Whether tokens are checked with public keys alone, so that there is no secret to guess."""
    return settings.jwt_secret_key is None and settings.jwt_jwks_url is not None


def _kept(file: Path) -> bytes:
    """The secret in the file; made when there is none, whole or not at all, and the same for all who come at once."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = file.with_name(f"{FILE}.{secrets.token_hex(8)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w") as out:
                out.write(secrets.token_hex(LEAST_BYTES) + "\n")
                out.flush()
                os.fsync(out.fileno())
            with contextlib.suppress(FileExistsError):
                file.hardlink_to(draft)
        finally:
            draft.unlink()
    return file.read_text().strip().encode()
