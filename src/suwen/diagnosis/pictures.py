"""A picture as a page shows it: known bytes of a known type, with its caption."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass

from suwen.core.errors import IntegrityError
from suwen.core.nouns import Attachment, digest_of

PICTURES = {
    "image/png": rb"\x89PNG\r\n\x1a\n",
    "image/jpeg": rb"\xff\xd8\xff",
    "image/webp": rb"RIFF....WEBP",
}
"""Media types a page may show, with an expression for the bytes they begin with."""


@dataclass(frozen=True)
class Picture:
    """One image with its caption; `data` is empty where the bytes are not at hand."""

    caption: str
    media_type: str
    data: bytes

    @property
    def uri(self) -> str:
        """The picture as an address that holds it."""
        return f"data:{self.media_type};base64,{b64encode(self.data).decode()}"


def picture(caption: str, attachment: Attachment, data: bytes) -> Picture:
    """Return the picture of an attachment from its bytes; without them when they are no picture.

    Raises
    ------
    IntegrityError
        The bytes are not those the finding names.
    """
    if data and digest_of(data) != attachment.digest:
        raise IntegrityError(
            f"an image of {len(data)} bytes that are not those of the finding",
            f"the bytes with SHA-256 {attachment.digest[:12]}…",
            "read the attachment from the store again",
        )
    known = re.match(PICTURES[attachment.media_type], data, re.DOTALL)
    return Picture(caption, attachment.media_type, data if known else b"")
