"""Passwords, hashed with Argon2id, off the event loop and a few at a time."""

import asyncio
import binascii
import os
from base64 import b64decode

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerifyMismatchError

# OWASP's first recommendation for Argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Passwords:
    """Hashes and verifies. Argon2 lets go of the interpreter's lock, so threads keep the desk responsive."""

    def __init__(self) -> None:
        self._at_once = asyncio.Semaphore(os.cpu_count() or 2)
        # Verified against when there is no such account, so that both take the same time.
        self._nobody = _HASHER.hash("nobody has this password")

    async def hash(self, password: str, *, like: str | None = None) -> str:
        """The hash of a password; with the salt and the cost of another hash, so that one can be looked for
        among several, if that is given."""
        async with self._at_once:
            return await asyncio.to_thread(_hash_like, like, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` is the one that was hashed; False, after the same time, if `stored` is None."""
        async with self._at_once:
            return await asyncio.to_thread(_matches, stored or self._nobody, password) and stored is not None

    def is_old(self, stored: str) -> bool:
        """Whether the hash was made in a way that is not thought good enough any more."""
        return _HASHER.check_needs_rehash(stored)


def _hash_like(other: str | None, password: str) -> str:
    if other is None:
        return _HASHER.hash(password)
    try:
        cost, salt = extract_parameters(other), other.split("$")[-2]
        hasher = PasswordHasher.from_parameters(cost)
        return hasher.hash(password, salt=b64decode(salt + "=" * (-len(salt) % 4)))
    except (InvalidHashError, IndexError, binascii.Error):
        return _HASHER.hash(password)


def _matches(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
