"""A message as a mail program shows it: its HTML with the pictures that came along put into their places."""

import re
from base64 import b64encode
from email.message import EmailMessage

_PLACE = re.compile(r"""(?<=["'])cid:([^"']+)(?=["'])""")


def html_page(message: EmailMessage) -> str | None:
    """The HTML of the message, which loads nothing: each picture stands in it as a `data:` URL. None if it
    has no HTML. A picture that did not come along keeps its name, and is not shown."""
    body = message.get_body(("html",))
    if body is None:
        return None
    pictures = {
        str(part["Content-ID"]).strip("<> "): part
        for part in message.walk()
        if part["Content-ID"] and part.get_content_maintype() == "image"
    }

    def shown(place: re.Match[str]) -> str:
        part = pictures.get(place[1])
        if part is None:
            return place[0]
        return f"data:{part.get_content_type()};base64,{b64encode(part.get_content()).decode()}"

    return _PLACE.sub(shown, str(body.get_content()))
