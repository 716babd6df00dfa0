"""What the API is, told to programs: the OpenAPI document, and the table of calls that it is made of."""

from ticketflow.web.openapi.calls import Call, Who
from ticketflow.web.openapi.document import Document
from ticketflow.web.openapi.table import CALLS

__all__ = ["CALLS", "Call", "Document", "Who"]
