"""One place an account: the visitor that an account is in a room. Pure."""

from __future__ import annotations

import base64
import hmac

from .places import VISITOR_BYTES


def account_visitor(key: bytes, account: str) -> str:
    """The visitor that an account is wherever `key` is the room's own: on each device the same.

    HMAC-SHA256(key, account), its first bytes in base64url: as long as the names a room makes up itself.
    `key` must be secret, and another one than the draw's seed, which becomes public: whoever knew it could
    tell from a visitor which account it is.
    """
    digest = hmac.digest(key, account.encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:VISITOR_BYTES]).rstrip(b"=").decode()
