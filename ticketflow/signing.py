"""What we sign to know it again when it comes back: links in letters, cookies, words after a form was sent.

HMAC with SHA-256 (itsdangerous' own choice is SHA-1), a salt for each purpose. Sessions are signed by
quart-auth, places by the waiting room.
"""

import hashlib
from collections.abc import Sequence

from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

_SHA256 = {"digest_method": hashlib.sha256}


def signer(secret_keys: Sequence[str], salt: str) -> URLSafeSerializer:
    """Signs with the first secret, reads what any of them has signed."""
    return URLSafeSerializer(_newest_last(secret_keys), salt=salt, signer_kwargs=_SHA256)


def timed_signer(secret_keys: Sequence[str], salt: str) -> URLSafeTimedSerializer:
    """The same, with the time of signing in it: what is too old can be told from what is not."""
    return URLSafeTimedSerializer(_newest_last(secret_keys), salt=salt, signer_kwargs=_SHA256)


def _newest_last(secret_keys: Sequence[str]) -> list[str]:
    """As the library wants them."""
    return list(reversed(secret_keys))
