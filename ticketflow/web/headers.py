"""The headers that every answer has: how it may be shown, framed, kept and what it may load.

They are bytes made once, put to an answer as it leaves. Only a page has one of its own, with the number that
its inline scripts carry.
"""

import secrets
from typing import cast

from quart import Quart, Response, g, request, websocket
from quart.typing import ResponseTypes
from quart.utils import encode_headers

from ticketflow.settings import Settings
from ticketflow.web import logs
from ticketflow.web.plain_sockets import PlainWebsocket

Header = tuple[bytes, bytes]

_PAGE = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'nonce-{nonce}'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "frame-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""For what is no page: should a browser show it as one after all, it may do nothing."""

# What a browser could offer a page, and hardly any of ours asks for. Only names that browsers have known
# for years: one they do not know each of them complains of, on every page.
_UNUSED = (
    *("accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "geolocation"),
    *("gyroscope", "hid", "idle-detection", "magnetometer", "microphone", "midi", "payment"),
    *("picture-in-picture", "publickey-credentials-get", "screen-wake-lock", "serial", "usb"),
    "xr-spatial-tracking",
)


def permissions(*used: str) -> str:
    """The policy of a page that uses these of a browser's features, and of the others none but the whole
    screen."""
    said = [f"{feature}={'(self)' if feature in used else '()'}" for feature in _UNUSED]
    return ", ".join((*said, "fullscreen=(self)"))


_ALWAYS = {
    "Content-Security-Policy": _NOTHING,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_OF_PAGES = {"Cross-Origin-Opener-Policy": "same-origin", "Permissions-Policy": permissions()}
_OF_DATA = {"Cache-Control": "no-store"}
"""What the API answers is somebody's or of this moment, unless it says otherwise."""

HSTS = "max-age=31536000; includeSubDomains"
# "no-referrer" would also take Origin's place in what the page's own form sends, and that would be refused.
_WITH_TOKEN = "strict-origin"  # noqa: S105 - a policy for pages whose address has a token


class Headers:
    """What is put to answers. One that has said something itself keeps its word."""

    def __init__(self, settings: Settings) -> None:
        always = _ALWAYS | ({"Strict-Transport-Security": HSTS} if settings.secure else {})
        self._other = _as_bytes(always)
        self._page = _as_bytes(always | _OF_PAGES)
        self._data = _as_bytes(always | _OF_DATA)

    def complete(self, given: list[Header]) -> list[Header]:
        """The headers of an answer with those it lacks; names are lower case."""
        said = dict(given)
        kind = said.get(b"content-type", b"")
        if kind.startswith((b"application/json", b"application/problem+json")):
            wanted = self._data
        else:
            wanted = self._page if kind.startswith(b"text/html") else self._other
        return given + [header for header in wanted if header[0] not in said]


def nonce() -> str:
    """The number that lets this answer's inline scripts run: another one for each, of 128 bits."""
    if not hasattr(g, "csp_nonce"):
        g.csp_nonce = secrets.token_urlsafe(16)
    number: str = g.csp_nonce
    return number


def install(app: Quart, settings: Settings) -> None:
    """Put them to every answer; give templates `csp_nonce()`, and each page the policy that knows it."""
    app.extensions["headers"] = kept = Headers(settings)
    app.jinja_env.globals["csp_nonce"] = nonce

    @app.after_request
    async def of_pages(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.headers.setdefault("Content-Security-Policy", _PAGE.format(nonce=nonce()))
            if "token" in request.args:
                response.headers.setdefault("Referrer-Policy", _WITH_TOKEN)
        return response

    @app.after_websocket
    async def of_refusals(response: ResponseTypes | None) -> ResponseTypes | None:
        # Only a handshake that is refused has an answer of this kind.
        if response is not None:
            given = encode_headers(response.headers)
            for name, value in kept.complete(given)[len(given) :]:
                response.headers[name.decode()] = value.decode()
            response.headers["X-Request-Id"] = logs.number_of_request() or ""
            cast(PlainWebsocket, websocket).answered = response.status_code
        return response


def _as_bytes(headers: dict[str, str]) -> tuple[Header, ...]:
    return tuple((name.lower().encode(), value.encode()) for name, value in headers.items())
