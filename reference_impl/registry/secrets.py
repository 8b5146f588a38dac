"""How secrets are kept: passwords by scrypt, keys and tokens (long, of chance) by SHA-256.

Nothing here can be turned back, and nothing of it is ever answered.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 14, 8, 5
"""One of the settings that OWASP's Password Storage Cheat Sheet names (16 MiB, p = 5)."""


def kept_password(password: str) -> str:
    """A password as it is stored, with its salt."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt).hex()}"


def is_password(password: str, kept: str) -> bool:
    """Whether ``password`` is the one that is kept; takes the same time if none is kept."""
    salt, _, wanted = kept.partition("$")
    found = _scrypt(password, bytes.fromhex(salt))
    return bool(wanted) and hmac.compare_digest(found.hex(), wanted)


def kept_secret(secret: str) -> str:
    """A key or a connection token as it is stored: nobody guesses what it was made from."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_session() -> str:
    """A token that says nothing and that nobody guesses: 256 bits of chance."""
    return secrets.token_urlsafe(32)


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P)
