"""Listing objects in pages, as the JSON API, the XML API and gRPC all do it."""

import base64
import bisect
import json

from .errors import invalid

TOP = "\U0010ffff"  # sorts after all that can follow a prefix


class Page:
    def __init__(self):
        self.items, self.prefixes, self.next = [], [], None


def token_of(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def value_of(token, parameter="pageToken"):
    try:
        kind, name, generation = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return kind, name, generation
    except (ValueError, TypeError):
        raise invalid(f"Invalid page token: {token}", parameter) from None


def list_objects(
    store,
    bucket,
    *,
    prefix="",
    delimiter="",
    token=None,
    limit=1000,
    versions=False,
    soft=False,
    start="",
    end="",
    trailing=False,
    after="",
):
    """START is part of the page, AFTER is not (the XML API's `start-after`); END is not."""
    if limit < 1:
        raise invalid("The page size must be at least 1.", "maxResults")
    if soft and versions:
        raise invalid("softDeleted and versions cannot both be set.", "softDeleted")
    limit = min(limit, 1000)
    seen = value_of(token) if token else None
    with store.lock:
        held = store.bucket(bucket)
        store.settle(held)
        if soft:
            names, groups = sorted(held.soft), held.soft
        elif versions:
            names = sorted({*held.live, *held.old})
            groups = {n: [*held.old.get(n, ()), *([held.live[n]] if n in held.live else [])] for n in names}
        else:
            names, groups = held.names, {}
        page = Page()
        at = bisect.bisect_left(names, max(prefix, start))
        if after:
            at = max(at, bisect.bisect_right(names, after))
        if seen:
            kind, name, generation = seen
            at = max(at, bisect.bisect_left(names, name + TOP if kind == "p" else name))
        last = None
        while at < len(names):
            name = names[at]
            if not name.startswith(prefix) or (end and name >= end):
                break
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            if cut >= 0:
                folder = name[: cut + len(delimiter)]
                here = trailing and name == folder
                if folder not in page.prefixes:
                    if len(page.items) + len(page.prefixes) >= limit:
                        page.next = token_of(last)
                        return page
                    page.prefixes.append(folder)
                last = ("p", folder, 0)
                if here and not (seen and seen[0] == "p" and seen[1] == folder):
                    page.items.extend(groups.get(name) or [held.live[name]])
                at = bisect.bisect_left(names, folder + TOP, at + 1)
                continue
            for thing in groups.get(name) or [held.live[name]]:
                if seen and seen[0] == "o" and seen[1] == name and thing.generation <= seen[2]:
                    continue
                if len(page.items) + len(page.prefixes) >= limit:
                    page.next = token_of(last)
                    return page
                page.items.append(thing)
                last = ("o", name, thing.generation)
            at += 1
        return page
