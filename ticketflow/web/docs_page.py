"""The API's page for people, made of the document that programs read."""

from quart import Blueprint, Response, current_app, make_response, render_template

from ticketflow.web.compressing import compressed
from ticketflow.web.openapi.reading import chapters_of
from ticketflow.web.services import services

blueprint = Blueprint("docs", __name__)


@blueprint.get("/docs")
async def docs() -> Response:
    """Every call, with what it takes and what it answers.

    Compressed, unlike other pages: it is ten times their length, and nothing in it is secret or repeats what
    was asked, so that its compressed length tells nobody anything.
    """
    document = current_app.extensions["QUART_SCHEMA"].openapi_provider.schema()
    chapters = chapters_of(document, services().settings.origin)
    page = await render_template("docs.html", chapters=chapters, about=document["info"]["description"])
    response: Response = await make_response(page)  # type: ignore[assignment]  # wider in its declaration
    return await compressed(response)
