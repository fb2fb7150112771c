"""What the store keeps: buckets, objects and preconditions. Times are microseconds since the epoch."""

import base64
import datetime
import threading
import time
from dataclasses import dataclass, field

from .errors import ApiError, condition_failed

_last = 0
_tick = threading.Lock()


def now_us():
    """Strictly increasing, so that a generation is never given twice."""
    global _last
    with _tick:
        _last = max(_last + 1, time.time_ns() // 1000)
        return _last


def rfc3339(us):
    when = datetime.datetime.fromtimestamp(us / 1_000_000, datetime.UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{us // 1000 % 1000:03d}Z"


def http_date(us):
    when = datetime.datetime.fromtimestamp(us // 1_000_000, datetime.UTC)
    return when.strftime("%a, %d %b %Y %H:%M:%S GMT")


def etag_of(generation, metageneration):
    return base64.b64encode(f"{generation}/{metageneration}".encode()).decode()


# what a caller may set on an object, by its name in the JSON API
OBJECT_FIELDS = (
    "contentType",
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "customTime",
    "metadata",
    "storageClass",
)
BUCKET_FIELDS = (
    "labels",
    "storageClass",
    "versioning",
    "softDeletePolicy",
    "iamConfiguration",
    "lifecycle",
)
STORAGE_CLASSES = (
    "STANDARD",
    "NEARLINE",
    "COLDLINE",
    "ARCHIVE",
    "MULTI_REGIONAL",
    "REGIONAL",
    "DURABLE_REDUCED_AVAILABILITY",
)
DEFAULT_SOFT_DELETE = 604800


@dataclass
class Object:
    bucket: str
    name: str
    generation: int
    size: int
    crc32c: int
    md5: bytes | None  # composed objects have none
    path: str
    created: int
    fields: dict = field(default_factory=dict)
    metageneration: int = 1
    updated: int = 0
    finalized: int = 0
    class_updated: int = 0
    component_count: int | None = None
    deleted: int | None = None  # became noncurrent
    soft_deleted: int | None = None
    hard_delete: int | None = None
    stamp: tuple | None = None  # (time, size) of its file, to see that somebody else wrote it anew

    @property
    def etag(self):
        return etag_of(self.generation, self.metageneration)

    @property
    def xml_etag(self):
        """As the XML API says it: the MD5 in hex, or something else for a composed object."""
        return f'"{self.md5.hex()}"' if self.md5 and not self.component_count else f'"-{self.etag}"'

    @property
    def storage_class(self):
        return self.fields.get("storageClass", "STANDARD")


@dataclass
class Bucket:
    name: str
    project: str
    location: str
    created: int
    fields: dict
    updated: int = 0
    metageneration: int = 1
    soft_delete_since: int = 0
    live: dict = field(default_factory=dict)  # name → Object
    old: dict = field(default_factory=dict)  # name → noncurrent Objects, oldest first
    soft: dict = field(default_factory=dict)  # name → soft-deleted Objects, oldest first
    names: list = field(default_factory=list)  # sorted names of `live`
    notifications: dict = field(default_factory=dict)
    last_notification: int = 0
    policy: dict | None = None

    @property
    def etag(self):
        return etag_of(self.created, self.metageneration)

    @property
    def versioned(self):
        return bool(self.fields.get("versioning", {}).get("enabled"))

    @property
    def soft_delete_seconds(self):
        return int(self.fields["softDeletePolicy"]["retentionDurationSeconds"])


@dataclass
class Conditions:
    """`if…Match` of a request; None stands for 'not given'."""

    generation: int | None = None
    not_generation: int | None = None
    metageneration: int | None = None
    not_metageneration: int | None = None

    def check(self, thing, reading=False):
        """THING is the live object or the bucket, or None where there is none."""
        generation = getattr(thing, "generation", 0) if thing else 0
        if self.generation is not None and self.generation != generation:
            raise condition_failed()
        if self.metageneration is not None and (thing is None or self.metageneration != thing.metageneration):
            raise condition_failed()
        same = self.not_generation is not None and (
            self.not_generation == generation or (thing is None and not reading)
        )
        if self.not_metageneration is not None:
            same = same or thing is None or self.not_metageneration == thing.metageneration
        if same:
            raise ApiError(304, "Not Modified") if reading else condition_failed()

    def any(self):
        return any(v is not None for v in vars(self).values())


NONE = Conditions()
