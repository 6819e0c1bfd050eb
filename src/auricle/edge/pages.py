"""The pages of the dashboard, and the client for pages of others: what was built from `web/` and `sdk/js` into the
package, and nothing else of the disk.

All files are read once at the start; a name that was not among them is not there, whatever it looks like.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.errors import NotFound

SAFE = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FOR_EVER = "public, max-age=31536000, immutable"
KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
}
"""What a build may hold, by the ends of names."""
SCRIPT = {"Cross-Origin-Resource-Policy": "cross-origin", "X-Content-Type-Options": "nosniff"}
"""What goes with a script that pages of any origin may load."""
AN_HOUR = "public, max-age=3600"
NAMED = ("plain.css",)
"""Files whose name does not tell their content, and which must be asked for anew."""
PLAIN = """body { max-width: 40rem; margin: 4rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif }
@media (prefers-color-scheme: dark) { body { background: #16171b; color: #e6e6ea } a { color: #8fb0ff } }
"""
MISSING = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Auricle</title>
<link rel="stylesheet" href="assets/plain.css">
</head>
<body>
<h1>Auricle is running</h1>
<p>The dashboard was not built when this was installed: npm or its registry was out of reach then. Everything else
works.</p>
<p>With a connection, <code>scripts/node.sh npm run build -w web</code> builds it; then start the service again. Or
install the wheel of a release, which holds it.</p>
<p>Meanwhile: <a href="docs">the API</a>, to try out.</p>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the build, plain and compressed."""

    kind: str
    plain: bytes
    packed: bytes


def routes() -> list[Route]:
    """The routes of the page and its parts, and of the client."""
    files = {"plain.css": _file("plain.css", PLAIN.encode())}
    folder = resources.files("auricle").joinpath("dashboard")
    page = _file("index.html", MISSING.encode())
    if folder.joinpath("index.html").is_file():
        page = _file("index.html", folder.joinpath("index.html").read_bytes())
        files |= {one.name: _file(one.name, one.read_bytes()) for one in _parts(folder.joinpath("assets"))}

    async def index(request: Request) -> Response:
        """The dashboard, for people; a page that says what is missing where it was not built."""
        return _reply(request, page, "no-cache")

    async def asset(request: Request) -> Response:
        """A part of that page."""
        name = request.path_params["part"]
        if name not in files:
            raise NotFound("There is nothing here.")
        return _reply(request, files[name], "no-cache" if name in NAMED else FOR_EVER)

    client = resources.files("auricle").joinpath("script", "auricle.js")
    built = _file("auricle.js", client.read_bytes()) if client.is_file() else None

    async def script(request: Request) -> Response:
        """The client for pages; 404 where it was not built."""
        if built is None:
            raise NotFound("The client for pages was not built: `scripts/node.sh npm run build -w sdk/js` does it.")
        return _reply(request, built, AN_HOUR, SCRIPT)

    return [
        Route("/", index, methods=["GET"]),
        Route("/sdk/auricle.js", script, methods=["GET"]),
        Route("/assets/{part}", asset, methods=["GET"], include_in_schema=False),
    ]


def _parts(folder: Traversable) -> list[Traversable]:
    return [one for one in folder.iterdir() if one.is_file() and any(one.name.endswith(end) for end in KINDS)]


def _file(name: str, content: bytes) -> _File:
    kind = next(kind for end, kind in KINDS.items() if name.endswith(end))
    return _File(kind, content, gzip.compress(content, 9, mtime=0))


def _reply(request: Request, file: _File, kept: str, safe: Mapping[str, str] = SAFE) -> Response:
    headers = {**safe, "Cache-Control": kept, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=file.kind)
    return Response(file.plain, headers=headers, media_type=file.kind)
