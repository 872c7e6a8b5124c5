"""Unique identifiers that can be derived again: equal seeds give equal UIDs.

Reference: DICOM PS3.5 2024e annex B.2 (UUID-derived UIDs under the root 2.25).
"""

from __future__ import annotations

import hashlib
import uuid


def uid_from(seed: str) -> str:
    """Return the DICOM UID `2.25.<integer>` derived from `seed` by SHA-256."""
    digest = hashlib.sha256(seed.encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"
