"""What guards every route: our host, bodies of a bearable size, the same origin for what changes things."""

from functools import lru_cache

from quart import Quart, Request, Websocket, abort, request, websocket

from ticketflow.domain import Refusal
from ticketflow.settings import Settings
from ticketflow.web.arrival import Arrival

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_BODY_BYTES = 1_000_000
BODY_SECONDS = 10
"""In which a whole body must have come: a phone on a train needs a second for what is sent here."""
ANY_HOST = frozenset({"health.alive", "health.ready"})
"""Who watches over us asks by the machine's address."""


def install(app: Quart, settings: Settings) -> None:
    """Put the guards before every request and socket of `app`."""
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.config["BODY_TIMEOUT"] = BODY_SECONDS
    app.request_class = Arrival
    # A second slash is an address that is not there: nobody is sent on to one made of what they asked for.
    app.url_map.merge_slashes = False

    @app.before_request
    async def guarded() -> None:
        _check_host(request, settings)
        if request.method not in SAFE:
            # Before anything is done, and also where nobody would read it.
            if (request.content_length or 0) > MOST_BODY_BYTES:
                abort(413)
            if not _same_site(settings):
                raise Refusal("cross_site", "This was sent from another site, so it was not done.")

    @app.before_websocket
    async def guarded_socket() -> None:
        _check_host(websocket, settings)


def _check_host(asked: Request | Websocket, settings: Settings) -> None:
    """Raise `Refusal` bad_host for a request that was made for another site: nobody's name gets into an
    answer or a cache but ours. Embedded mode answers to whatever a machine at home is called."""
    if settings.embedded or _host_name(asked.headers.get("Host", "")) in settings.host_names:
        return
    if asked.endpoint in ANY_HOST:
        return
    raise Refusal("bad_host", f"This is not the address of this desk. It is at {settings.public_url}.")


@lru_cache(maxsize=256)
def _host_name(host: str) -> str:
    """A Host header without its port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).strip("[]").lower()


def _same_site(settings: Settings) -> bool:
    """Whether a page of ours has sent the request at hand, or no page at all.

    Browsers say Sec-Fetch-Site over https and Origin with whatever is no GET; who says neither is a program,
    which nobody can make send its cookies. No other site can borrow a bearer token either, but one that
    comes with cookies may be a pretext: then it is asked like any other.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        ours = _own_origin(request.headers.get("Origin"), request, settings)
    return ours or (
        "Cookie" not in request.headers
        and request.headers.get("Authorization", "").lower().startswith("bearer ")
    )


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
