"""Whether a text can be FHIRPath, by its words alone, in one pass.

Source: FHIRPath Normative Release 1 (ANSI/HL7 NMN R1-2020), section 8 "Lexical elements".
"""

from __future__ import annotations

import re

_WORDS = re.compile(
    r"""(?:
    \s+ | //[^\r\n]*+ | /\*(?s:.*?)\*/
    | '(?:[^'\\]|\\.)*+'
    | %?`(?:[^`\\]|\\.)*+`
    | %(?:'(?:[^'\\]|\\.)*+')
    | %?[A-Za-z_][A-Za-z0-9_]*+ | \$(?:this|index|total)\b
    | @[0-9T][0-9T:.Z+\-]*+
    | [0-9]++(?:\.[0-9]++)?
    | <= | >= | != | !~ | [-+*/&|=~<>.,()\[\]{}]
    )*+""",
    re.VERBOSE,
)


def readable(expression: str) -> bool:
    """Say whether every word of `expression` is one of FHIRPath, and there is one at all."""
    return bool(expression.strip()) and _WORDS.fullmatch(expression) is not None
