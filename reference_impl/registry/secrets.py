"""How secrets are kept: passwords by Argon2id, keys and tokens (long, of chance) by SHA-256.

Nothing here can be turned back, and nothing of it is ever answered.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

HASHER = PasswordHasher()
"""With the library's own settings, which are those of RFC 9106 for little memory."""


def kept_password(password: str) -> str:
    """A password as it is stored, with its salt and the settings."""
    return HASHER.hash(password)


def is_password(password: str, kept: str) -> bool:
    """Whether ``password`` is the one that is kept; takes the same time if none is kept."""
    try:
        HASHER.verify(kept or _of_nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return bool(kept)


def kept_secret(secret: str) -> str:
    """A key or a connection token as it is stored: nobody guesses what it was made from."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_session() -> str:
    """A token that says nothing and that nobody guesses: 256 bits of chance."""
    return secrets.token_urlsafe(32)


@lru_cache
def _of_nobody() -> str:
    return kept_password(new_session())
