"""The rules for names of buckets and objects, and which object names can be paths below the root folder."""

import re

from .errors import invalid

_BUCKET = re.compile(r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$")
_IP = re.compile(r"^\d{1,3}(\.\d{1,3}){3}$")


def check_bucket(name):
    good = (
        bool(_BUCKET.match(name))
        and all(1 <= len(part) <= 63 for part in name.split("."))
        and ("." in name or len(name) <= 63)
        and not _IP.match(name)
        and not name.startswith("goog")
        and "google" not in name
        and "g00gle" not in name
    )
    if not good:
        raise invalid(f"Invalid bucket name: '{name}'", "bucket")


def check_object(name):
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        raise invalid("The object name is not valid UTF-8.", "name") from None
    if size == 0:
        raise invalid("Required: the object name is empty.", "name", reason="required")
    if size > 1024:
        raise invalid(f"The specified object name is too long: {size} bytes, at most 1024.", "name")
    if "\r" in name or "\n" in name:
        raise invalid("Object names cannot contain carriage return or line feed characters.", "name")
    if name in (".", "..") or name.startswith(".well-known/acme-challenge/"):
        raise invalid(f"Disallowed object name: '{name}'", "name")


def can_be_path(name):
    """Whether NAME can lie at ROOT/BUCKET/NAME as it is; others are kept under their generation only."""
    parts = name.split("/")
    return "\0" not in name and all(part not in ("", ".", "..") and len(part.encode("utf-8")) <= 255 for part in parts)
