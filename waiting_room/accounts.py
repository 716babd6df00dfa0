"""One place an account: the visitor that an account is in a room. Pure."""

from __future__ import annotations

import base64
import hmac


def account_visitor(key: bytes, account: str) -> str:
    """The visitor that an account is wherever `key` is the room's own: on each device the same.

    HMAC-SHA256(key, account), its first 16 bytes in base64url: as long as the ids a room makes up itself.
    `key` must be secret, and another one than the draw's seed, which becomes public: whoever knew it could
    tell from a visitor which account it is.
    """
    digest = hmac.digest(key, account.encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
