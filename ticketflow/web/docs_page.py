"""The API's page for people, made of the document that programs read."""

from quart import Blueprint, current_app, render_template
from quart.typing import ResponseReturnValue

from ticketflow.web.openapi.reading import chapters_of
from ticketflow.web.services import services

blueprint = Blueprint("docs", __name__)


@blueprint.get("/docs")
async def docs() -> ResponseReturnValue:
    """Every call, with what it takes and what it answers."""
    document = current_app.extensions["QUART_SCHEMA"].openapi_provider.schema()
    chapters = chapters_of(document, services().settings.origin)
    return await render_template("docs.html", chapters=chapters, about=document["info"]["description"])
