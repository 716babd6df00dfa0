"""What frames every page: who looks at it, how money and times are written, the colours of its sky."""

from markupsafe import Markup
from quart import Quart, Response, g, request

from ticketflow import words
from ticketflow.web.services import Services
from ticketflow.web.session import signed_in

SKY = {"light": "#cbe3fb", "dark": "#0c162f"}
"""--sky of tokens.css in the notation that a browser's own frame understands."""


def install(app: Quart, found: Services) -> None:
    """Give templates their filters and what each of them needs; keep pages out of every cache."""
    app.jinja_env.filters |= {
        "day": words.day,
        "clock": words.clock,
        "count": shown_count,
        "span": words.span,
        "zone": words.zone,
    }

    @app.context_processor
    async def everywhere() -> dict[str, object]:
        return {
            "user": None if is_unasked() else await signed_in(),
            "unasked": is_unasked(),
            "path": request.path,
            "mailbox": found.mailbox is not None,
            "money": shown_money,
            "currency_digits": words.DIGITS,
            "sky": SKY,
        }

    @app.after_request
    async def one_persons(response: Response) -> Response:
        # The bar says who is signed in: a page kept from before would say it wrongly when one goes back.
        if response.mimetype == "text/html":
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def shown_money(minor: int, currency: str) -> Markup:
    """An amount as page.js finds it again, to write it the reader's way."""
    text = words.money(minor, currency)
    return Markup('<data value="{}" data-money="{}">{}</data>').format(minor, currency, text)


def shown_count(number: int) -> Markup:
    """A whole number as page.js finds it again, to write it the reader's way."""
    return Markup('<data value="{}" data-count>{}</data>').format(number, words.count(number))


def ask_nobody() -> None:
    """From here on the answer to this request does not depend on who sent it: their store may be away."""
    g.unasked = True


def is_unasked() -> bool:
    """Whether nobody may be asked who looks at this page."""
    return bool(g.get("unasked", False))
