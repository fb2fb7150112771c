"""Buckets and objects as resources of the JSON API, and objects as headers of a download."""

import base64
from urllib.parse import quote

from .blobs import crc32c_text
from .errors import Unsupported
from .http_types import Response, parse_range
from .model import BUCKET_FIELDS, http_date, rfc3339


def bucket_json(bucket, base_url, project_number):
    made = {
        "kind": "storage#bucket",
        "id": bucket.name,
        "name": bucket.name,
        "selfLink": f"{base_url}/storage/v1/b/{bucket.name}",
        "projectNumber": project_number,
        "metageneration": str(bucket.metageneration),
        "generation": str(bucket.created),
        "location": bucket.location,
        "locationType": "multi-region" if bucket.location in ("US", "EU", "ASIA") else "region",
        "storageClass": "STANDARD",
        "etag": bucket.etag,
        "timeCreated": rfc3339(bucket.created),
        "updated": rfc3339(bucket.updated),
        "iamConfiguration": {
            "bucketPolicyOnly": {"enabled": False},
            "uniformBucketLevelAccess": {"enabled": False},
            "publicAccessPrevention": "inherited",
        },
    }
    for key in BUCKET_FIELDS:
        value = bucket.fields.get(key)
        if value is None:
            continue
        if key == "iamConfiguration":
            uniform = value.get("uniformBucketLevelAccess")
            value = {**made[key], **value}
            if uniform is not None:
                value["bucketPolicyOnly"] = value["uniformBucketLevelAccess"] = uniform
        if key == "softDeletePolicy" and bucket.soft_delete_seconds:
            value = {**value, "effectiveTime": rfc3339(bucket.soft_delete_since)}
        made[key] = value
    return made


def object_json(thing, base_url):
    path = f"storage/v1/b/{thing.bucket}/o/{quote(thing.name, safe='')}"
    made = {
        "kind": "storage#object",
        "id": f"{thing.bucket}/{thing.name}/{thing.generation}",
        "selfLink": f"{base_url}/{path}",
        "mediaLink": f"{base_url}/download/{path}?generation={thing.generation}&alt=media",
        "name": thing.name,
        "bucket": thing.bucket,
        "generation": str(thing.generation),
        "metageneration": str(thing.metageneration),
        "size": str(thing.size),
        "crc32c": crc32c_text(thing.crc32c),
        "etag": thing.etag,
        "timeCreated": rfc3339(thing.created),
        "updated": rfc3339(thing.updated),
        "timeStorageClassUpdated": rfc3339(thing.class_updated),
        "timeFinalized": rfc3339(thing.finalized),
        **thing.fields,
    }
    if thing.md5 is not None:
        made["md5Hash"] = base64.b64encode(thing.md5).decode()
    if thing.component_count:
        made["componentCount"] = thing.component_count
    if thing.deleted:
        made["timeDeleted"] = rfc3339(thing.deleted)
    if thing.soft_deleted:
        made["softDeleteTime"] = rfc3339(thing.soft_deleted)
        made["hardDeleteTime"] = rfc3339(thing.hard_delete)
    return made


def hash_header(thing):
    """One header with both: Google's Rust client looks at the first one only."""
    sums = f"crc32c={crc32c_text(thing.crc32c)}"
    return sums + (f",md5={base64.b64encode(thing.md5).decode()}" if thing.md5 else "")


def object_headers(thing, etag):
    fields = thing.fields
    headers = {
        "ETag": etag,
        "Last-Modified": http_date(thing.updated),
        "Content-Type": fields.get("contentType", "application/octet-stream"),
        "Accept-Ranges": "bytes",
        "x-goog-generation": str(thing.generation),
        "x-goog-metageneration": str(thing.metageneration),
        "x-goog-hash": hash_header(thing),
        "x-goog-storage-class": thing.storage_class,
        "x-goog-stored-content-length": str(thing.size),
        "x-goog-stored-content-encoding": fields.get("contentEncoding", "identity"),
    }
    for field, header in (
        ("cacheControl", "Cache-Control"),
        ("contentDisposition", "Content-Disposition"),
        ("contentEncoding", "Content-Encoding"),
        ("contentLanguage", "Content-Language"),
    ):
        if fields.get(field):
            headers[header] = fields[field]
    if thing.component_count:
        headers["x-goog-component-count"] = str(thing.component_count)
    for key, value in (fields.get("metadata") or {}).items():
        headers[f"x-goog-meta-{key}"] = value
    return headers


def download(store, thing, request, etag):
    """The bytes of THING, or the range of them that was asked for. `HEAD` too: the server leaves the body out."""
    if thing.fields.get("contentEncoding") == "gzip" and "gzip" not in (request.header("Accept-Encoding") or ""):
        raise Unsupported("decompressive transcoding: object stored with gzip, asked for without Accept-Encoding: gzip")
    headers = object_headers(thing, etag)
    part = parse_range(request.header("Range"), thing.size)
    file = store.open(thing)
    if part is None:
        return Response(200, headers=headers, file=(file, 0, thing.size))
    begin, length = part
    headers["Content-Range"] = f"bytes {begin}-{begin + length - 1}/{thing.size}"
    return Response(206, headers=headers, file=(file, begin, length))
