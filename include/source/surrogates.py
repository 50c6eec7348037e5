"""Halves of surrogate pairs in JSON texts: escapes such as `\\ud83c` that stand for no character by themselves."""

import re

# One half of a surrogate pair, as whoever cuts a text within an emoji leaves it. JSON's grammar allows that (RFC 8259, section 8.2), and it
# lands as `?`, which is what Java makes of it in UTF-8; msgspec refuses it.
HALF = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_escape = re.compile(  # from left to right, so that an escaped backslash begins none
    rb"""(?xs) \\u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2} | (?P<half> \\u[dD][89a-fA-F][0-9a-fA-F]{2} ) | \\."""
)
QUESTION_MARK = rb"\u003f"  # as long as what it stands for


def without_halves(text: bytes) -> bytes:
    """JSON text with `?` in place of every half of a surrogate pair that has no other half; every byte stays where it is."""
    return _escape.sub(lambda found: QUESTION_MARK if found["half"] else found[0], text)
