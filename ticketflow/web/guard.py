"""What guards every route: same origin for what changes something, and headers that say how to show pages."""

from typing import Any

from quart import Quart, Request, Response, Websocket, request, websocket
from werkzeug.exceptions import BadRequest

from ticketflow.domain import Refusal
from ticketflow.settings import Settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_BODY_BYTES = 1_000_000

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' {scripts}",
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


class _Request(Request):
    """A request whose body may be anything: what is no text, or nested too deeply, is malformed JSON."""

    async def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        try:
            return await super().get_json(force, silent, cache)
        except (UnicodeDecodeError, RecursionError):
            raise BadRequest from None


def install(app: Quart, settings: Settings, *, scripts: str) -> None:
    """Put the guards before and behind every request of `app`; `scripts` may run besides files of our own."""
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.request_class = _Request

    @app.before_request
    async def same_origin() -> None:
        if request.method not in SAFE and not _same_site(settings):
            raise Refusal("cross_site", "This was sent from another site, so it was not done.")

    always = {
        "Content-Security-Policy": _POLICY.format(scripts=scripts),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }
    if settings.secure:
        always["Strict-Transport-Security"] = "max-age=31536000"

    @app.after_request
    async def headers(response: Response) -> Response:
        # One look for all: Headers.setdefault goes through them several times for each.
        given = {name.lower() for name in response.headers.keys()}  # noqa: SIM118 - iterating gives pairs
        for name, value in always.items():
            if name.lower() not in given:
                response.headers.add(name, value)
        return response


def _same_site(settings: Settings) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        origin = request.headers.get("Origin")
        ours = _own_origin(origin, request, settings)
    # A bearer token is not sent by a browser on its own: no other site can borrow it.
    return ours or request.headers.get("Authorization", "").lower().startswith("bearer ")


def socket_origin_allowed(settings: Settings) -> bool:
    """Whether the websocket at hand was opened by a page of ours, or by no page at all."""
    return _own_origin(websocket.headers.get("Origin"), websocket, settings)


def _own_origin(origin: str | None, asked: Request | Websocket, settings: Settings) -> bool:
    if origin in (None, settings.origin, f"https://{asked.host}"):
        return True
    # Who is on the wire can put a page of theirs at our http address: it is none of ours where we have https.
    # A proxy that has taken https off says so; whoever else says it only shuts themselves out.
    forwarded = asked.headers.get("X-Forwarded-Proto", "")
    secure = settings.secure or asked.scheme in ("https", "wss") or "https" in forwarded.lower()
    return not secure and origin == f"http://{asked.host}"
