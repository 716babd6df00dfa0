"""The parts of a letter as bytes (RFC 2045, 2046): each is its headers, an empty line, and what is in it.

All of it is ASCII in short lines, so it passes every mail server.
"""

from base64 import encodebytes
from binascii import b2a_qp

from ticketflow.mail.headers import Raw, head

_END = b"\r\n"


def text(kind: str, words: str) -> bytes:
    """A part that people read: plain, or html."""
    lines = _END.join([*words.encode().splitlines(), b""])
    return _part(f'text/{kind}; charset="utf-8"', "quoted-printable", b2a_qp(lines))


def file(kind: str, content: bytes, disposition: str, cid: str = "") -> bytes:
    """A part for programs: a picture or a calendar file. HTML of the same letter shows it by its `cid`."""
    more = [Raw("Content-Disposition", disposition)]
    if cid:
        more.append(Raw("Content-ID", f"<{cid}>"))
    return _part(kind, "base64", encodebytes(content).replace(b"\n", _END), *more)


def multipart(kind: str, *parts: bytes) -> bytes:
    """Parts that belong together: alternative, related or mixed."""
    # No encoding of a part writes "=_", so no part can end another (RFC 2045, 6.7).
    boundary = f"=_{kind}"
    line = f"--{boundary}\r\n".encode()
    headers = head([Raw("Content-Type", f'multipart/{kind}; boundary="{boundary}"')])
    return b"".join([headers, _END, *(line + part + _END for part in parts), f"--{boundary}--\r\n".encode()])


def _part(kind: str, encoding: str, body: bytes, *more: Raw) -> bytes:
    headers = head([Raw("Content-Type", kind), Raw("Content-Transfer-Encoding", encoding), *more])
    return headers + _END + body
