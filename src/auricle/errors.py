"""Every error of Auricle.

AuricleError
├── BadRequest            400  the body or a parameter cannot be read
│   └── BadEncoding       400  the compression or the character set is broken
├── Unauthorized          401  no credential, or one that is unknown, revoked or expired
├── Forbidden             403  the credential may not do this, or belongs to another tenant
├── NotFound              404  nothing of this tenant bears that id
├── TooSlow               408  the request did not arrive in time        (transient)
├── Conflict              409  the state of things does not allow it
├── TooLarge              413  a limit on bytes or counts
├── UnsupportedMedia      415  an encoding or a content type that is not spoken here
├── Invalid               422  well-formed, and against a rule
├── TooManyRequests       429  a limit of the credential or the tenant   (transient)
├── HeadTooLarge          431  the address or the header fields are too long
├── Unavailable           503  a part that reports need is away          (transient)
├── QueryTimeout          504  the query ran out of its time
└── StorageFull           507  the disk has no room for a write          (transient)
"""

from auricle.model.receipt import Fault


class AuricleError(Exception):
    """The root: an error with a code for programs, a status for HTTP, and a word on whether to try again."""

    code = "internal"
    status = 500
    title = "Internal error"
    transient = False

    def __init__(self, detail: str, faults: tuple[Fault, ...] = (), retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = faults
        self.retry_after = retry_after


class BadRequest(AuricleError):
    """The body or a parameter cannot be read."""

    code, status, title = "bad_request", 400, "The request cannot be read"


class BadEncoding(BadRequest):
    """The compression or the character set of the body is broken."""

    code, title = "bad_encoding", "The body cannot be decoded"


class Unauthorized(AuricleError):
    """No credential, or one that is unknown, revoked or expired."""

    code, status, title = "unauthorized", 401, "A valid credential is needed"

    def __init__(
        self,
        detail: str,
        faults: tuple[Fault, ...] = (),
        retry_after: int | None = None,
        *,
        whose: tuple[str, str] = ("", ""),
    ) -> None:
        """`whose` is the tenant and the id of the key that was sent, where it is one that was good once; never told."""
        super().__init__(detail, faults, retry_after)
        self.whose = whose


class Forbidden(AuricleError):
    """The credential may not do this, or belongs to another tenant."""

    code, status, title = "forbidden", 403, "This credential may not do that"


class NotFound(AuricleError):
    """Nothing of this tenant bears that id."""

    code, status, title = "not_found", 404, "Not found"


class Conflict(AuricleError):
    """The state of things does not allow it: something is taken, or has changed meanwhile."""

    code, status, title = "conflict", 409, "In conflict with what there is"


class TooSlow(AuricleError):
    """The request did not arrive in time."""

    code, status, title, transient = "too_slow", 408, "The request came too slowly", True


class TooLarge(AuricleError):
    """A limit on bytes or counts."""

    code, status, title = "too_large", 413, "Over a limit"


class UnsupportedMedia(AuricleError):
    """An encoding or a content type that is not spoken here."""

    code, status, title = "unsupported_media", 415, "Unsupported encoding or content type"


class Invalid(AuricleError):
    """Well-formed, and against a rule."""

    code, status, title = "invalid", 422, "A rule is broken"


class TooManyRequests(AuricleError):
    """A limit of the credential or the tenant."""

    code, status, title, transient = "too_many_requests", 429, "Too many requests", True


class HeadTooLarge(AuricleError):
    """The address or the header fields are too long."""

    code, status, title = "head_too_large", 431, "The head of the request is too large"


class Unavailable(AuricleError):
    """A part that reports need is away for the moment."""

    code, status, title, transient = "unavailable", 503, "Not available for the moment", True


class QueryTimeout(AuricleError):
    """The query ran out of its time."""

    code, status, title = "query_timeout", 504, "The query took too long"


class StorageFull(AuricleError):
    """The disk has no room for a write; nothing of the request was kept."""

    code, status, title, transient = "storage_full", 507, "The disk is full", True
