"""Stream URLs: telling them from paths, and hiding the credentials in them."""

from __future__ import annotations

import re

_URL = re.compile(r"^([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
# The second form is a password with an unescaped '/', '?' or '#' in it: wrong, but not to be shown for that.
_USER = re.compile(r"([a-z][a-z0-9+.-]+://)(?:[^/?#\s]*@|[^/?#\s:]+:(?!\d+[/?#])\S*@)", re.IGNORECASE)
_PARAMETER = re.compile(r"([\w.%-]+)=([^&;/?#\s'\"]*)")
_SECRET_KEY = re.compile(r"user|login|pass|pwd|token|key|auth|sig|secret|pin|account", re.IGNORECASE)
HIDDEN = "***"


def is_url(text: str) -> bool:
    """Whether the text starts as scheme:// does; a Windows drive does not."""
    return _URL.match(text) is not None


def url_scheme(url: str) -> str:
    """The scheme in lower case, empty if there is none."""
    match = _URL.match(url)
    return match.group(1).lower() if match else ""


def redact_url(text: str) -> str:
    """Hide user, password and tokens of every URL in a text; a text without a URL stays as it is.

    Cameras also carry credentials as key=value in the query or even in the path. There, only short numbers under a
    harmless key, such as channel=1, are left to be seen.

    Args:
        text: a URL, or a message with URLs in it.

    Returns:
        The text with `***` in place of each secret.
    """
    pieces = re.split(r"([a-z][a-z0-9+.-]+://\S*)", text, flags=re.IGNORECASE)
    return "".join(_redact_one(piece) if is_url(piece) else piece for piece in pieces)


def url_name(url: str) -> str:
    """A name for a stream's camera: its host, and the last part of its path unless that may hold a secret."""
    rest = _URL.sub("", _USER.sub(r"\1", url), count=1)
    address, _, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    host = re.sub(r":\d+$", "", address).strip("[]")
    last = path.rstrip("/").rpartition("/")[2].rsplit(".", 1)[0]
    return f"{host}-{last}" if last and "=" not in path else host


def _redact_one(url: str) -> str:
    return _PARAMETER.sub(_redact_parameter, _USER.sub(rf"\1{HIDDEN}@", url))


def _redact_parameter(match: re.Match[str]) -> str:
    key, value = match.groups()
    harmless = re.fullmatch(r"\d{0,4}", value) and not _SECRET_KEY.search(key)
    return f"{key}={value if harmless else HIDDEN}"
