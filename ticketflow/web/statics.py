"""The static files, held in memory: compressed once, kept by browsers for ever under a versioned address.

The style sheets are joined into one, so that a page asks once for all of them; each is a cascade layer of its
own or a part of one. Modules that one page alone needs are joined as well. The others are found by an import
map: `import "./page.js"` gets the versioned address.
"""

import gzip
import json
import mimetypes
import re
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup
from quart import Quart, Response, abort, request

from ticketflow.web.bundling import bundle, needs, parts_of

SHEETS = (
    *("tokens", "hues", "base", "bar", "parts", "paper", "account", "landing", "event", "queue", "draw"),
    *("book", "seats", "booking", "desk", "levers", "chart", "control", "autopilot", "editor", "after"),
    *("mail", "work", "door", "docs"),
)
"""The style sheets in the order they are joined: what is general first."""
STYLE = "site.css"
BUNDLES = {"seat-map": "seats", "control-room": "control-room"}
"""Modules that come as one file with all that they are made of, and what the file is called."""
SHARED = ("page", "desk", "here")
"""Modules that many pages need: they stay files of their own."""
BOOT = "js/theme-boot.js"
"""Runs in the head before anything is painted: it stands in the page itself."""
MARK = "mark.svg"
PREFETCH = {
    "prefetch": [
        {
            "where": {
                "href_matches": [
                    "/",
                    "/events/:slug",
                    "/signin*",
                    "/register*",
                    "/tickets",
                    "/profile",
                    "/organiser",
                ]
            },
            "eagerness": "moderate",
        }
    ]
}
"""What a browser may fetch while somebody's finger or pointer lies on a link to it.

Only pages that are the same for being looked at: a look at the line or the desk says "I am here" and renews
what is held, so it must be meant. The browser forgets what it fetched with the page that it fetched it for.
"""
FOR_EVER = "public, max-age=31536000, immutable"
AGAIN = "no-cache"
_WORTH_COMPRESSING = 500
_COMMENTS = re.compile(rb"/\*.*?\*/|^\s+", re.DOTALL | re.MULTILINE)
"""What a sheet says to its readers, and how it is set: a sixth of its length, compressed."""


@dataclass(frozen=True, slots=True)
class _File:
    whole: bytes
    small: bytes | None
    kind: str
    version: str


class Statics:
    """What lies in `folder`. Read once: a change shows after a restart."""

    def __init__(self, folder: Path) -> None:
        files = {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in folder.rglob("*")
            if file.is_file()
        }
        sheets = [files.pop(f"css/{sheet}.css") for sheet in SHEETS]
        if missed := sorted(name for name in files if name.endswith(".css")):
            raise ValueError(f"{', '.join(missed)} is not among the sheets that are joined")
        _join(files)
        boot = files.pop(BOOT).decode()
        self._files = {name: _read(name, whole) for name, whole in files.items()}
        self._files[STYLE] = _read(STYLE, _COMMENTS.sub(b"", b"\n".join(sheets)))
        modules = {f"/static/{name}": self.asset(name) for name in sorted(files) if name.endswith(".js")}
        self.inline = (boot, json.dumps({"imports": modules}), json.dumps(PREFETCH))
        """The texts that stand in each page as scripts: the boot script, the import map, what to prefetch."""
        self.icon = f"data:image/svg+xml,{quote(files[MARK].decode())}"
        """The mark as an address of its own: it costs no request."""

    def asset(self, name: str) -> str:
        """The versioned address of a file. Raises KeyError if there is none of this name."""
        return f"/static/{name}?v={self._files[name].version}"

    def install(self, app: Quart) -> None:
        """Answer `/static/...`, and give templates `asset`, `icon` and the inline scripts."""
        app.add_url_rule("/static/<path:filename>", "static", self._send)
        boot, import_map, rules = map(Markup, self.inline)
        app.jinja_env.globals |= {
            "asset": self.asset,
            "icon": self.icon,
            "theme_boot": boot,
            "import_map": import_map,
            "prefetch_rules": rules,
        }

    async def _send(self, filename: str) -> Response:
        file = self._files.get(filename)
        if file is None:
            abort(HTTPStatus.NOT_FOUND)
        small = file.small if request.accept_encodings["gzip"] else None
        response = Response(small or file.whole, content_type=file.kind)
        if small:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = FOR_EVER if request.args.get("v") == file.version else AGAIN
        response.set_etag(f"{file.version}{'-gz' if small else ''}")
        return await response.make_conditional(request)


def _join(files: dict[str, bytes]) -> None:
    """Put each bundle in the place of the modules that it is made of."""
    modules = {Path(name).stem: text.decode() for name, text in files.items() if name.endswith(".js")}
    for entry, name in BUNDLES.items():
        if entry in modules:
            parts = parts_of(modules, entry, SHARED)
            for part in parts:
                del files[f"js/{part}.js"]
            files[f"js/{name}.js"] = bundle(modules, parts).encode()
    left = {Path(name).stem: text for name, text in files.items() if name.endswith(".js")}
    for name, text in left.items():
        if lost := needs(text.decode()) - set(left):
            raise ValueError(f"{name}.js needs {', '.join(sorted(lost))}, which is a file no more")


def _read(name: str, whole: bytes) -> _File:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    small = gzip.compress(whole, 9, mtime=0) if len(whole) >= _WORTH_COMPRESSING else None
    return _File(whole, small, kind, sha256(whole).hexdigest()[:10])
