"""Secrets that sign webhooks, in the form that Standard Webhooks gives them."""

from __future__ import annotations

import base64
import secrets

BYTES = 32


def new_secret() -> str:
    """``whsec_`` and 256 random bits as base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(BYTES)).decode()
