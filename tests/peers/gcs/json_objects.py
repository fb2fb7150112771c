"""The JSON API: objects. Handlers take a Call (json_api.py); HANDLERS says which query parameters each heeds."""

from . import objects
from .errors import Unsupported, invalid, object_missing
from .http_types import Response
from .listing import list_objects
from .model import OBJECT_FIELDS, Conditions
from .render import download, object_json
from .uploads import parse_json

IF = {"ifGenerationMatch", "ifGenerationNotMatch", "ifMetagenerationMatch", "ifMetagenerationNotMatch"}
IF_SOURCE = {f"ifSource{name[2:]}" for name in IF}
# what only Google sets on an object; a client may send it back
OUTPUT = {
    "kind",
    "id",
    "selfLink",
    "mediaLink",
    "name",
    "bucket",
    "generation",
    "metageneration",
    "size",
    "crc32c",
    "md5Hash",
    "etag",
    "timeCreated",
    "updated",
    "timeStorageClassUpdated",
    "timeFinalized",
    "timeDeleted",
    "componentCount",
    "softDeleteTime",
    "hardDeleteTime",
}


def conditions(query, prefix="if"):
    return Conditions(
        query.get(f"{prefix}GenerationMatch"),
        query.get(f"{prefix}GenerationNotMatch"),
        query.get(f"{prefix}MetagenerationMatch"),
        query.get(f"{prefix}MetagenerationNotMatch"),
    )


def object_fields(body):
    fields = {}
    for key, value in body.items():
        if key in OBJECT_FIELDS:
            fields[key] = value
        elif key not in OUTPUT and value not in (None, [], {}, False):
            raise Unsupported(f"field 'Object.{key}' is not in this fake")
    return fields


def reply(call, thing):
    return call.reply(object_json(thing, call.request.base_url))


def insert(call):
    request, query = call.request, call.query
    kind = query.get("uploadType")
    if "/upload/" not in request.raw_path or kind not in ("media", "multipart", "resumable"):
        raise Unsupported(f"upload to {request.raw_path} with uploadType={kind}", 400)
    request.only_headers("x-goog-hash")
    objects.refuse_encryption(request.headers)
    bucket = call.path["bucket"]

    def metadata(body):
        call.api.discovery.body("Object", body)
        name = query.get("name") or body.get("name")
        if not name:
            raise invalid("Required: object name", "name", reason="required")
        if body.get("bucket", bucket) != bucket:
            raise invalid(f"The bucket in the body, '{body['bucket']}', is not the one in the path.", "bucket")
        call.caller.require(bucket, "create", name)
        call.store.bucket(bucket)
        fields = {k: v for k, v in object_fields(body).items() if v is not None}
        if "contentEncoding" in query:
            fields["contentEncoding"] = query["contentEncoding"]
        sums = {short: body[key] for key, short in (("crc32c", "crc32c"), ("md5Hash", "md5")) if body.get(key)}
        return bucket, name, fields, conditions(query), sums

    uploads = call.api.uploads
    if kind == "multipart":
        return reply(call, uploads.multipart(request, metadata))
    if kind == "media":
        where, name, fields, wanted, _ = metadata({})
        return reply(call, uploads.media(request, where, name, fields, wanted))
    where, name, fields, wanted, sums = metadata(parse_json(request.body.read_all()))
    return uploads.start(request, where, name, fields, wanted, sums)


def get(call):
    query, bucket, name = call.query, call.path["bucket"], call.path["object"]
    media = query.get("alt") == "media"
    call.request.only_headers()
    objects.refuse_encryption(call.request.headers)
    call.caller.require(bucket, "get", name)
    soft = query.get("softDeleted", False)
    if soft and "generation" not in query:
        raise invalid("generation is required with softDeleted=true", "generation", reason="required")
    with call.store.lock:
        found = call.store.get(bucket, name, query.get("generation"), conditions(query), soft)
        if media:
            if soft:
                raise invalid("A soft-deleted object cannot be read; restore it first.", "softDeleted")
            return download(call.store, found, call.request, found.etag)
        return reply(call, found)


def list_(call):
    query, bucket = call.query, call.path["bucket"]
    call.caller.require(bucket, "list", "")
    with call.store.lock:
        page = list_objects(
            call.store,
            bucket,
            prefix=query.get("prefix", ""),
            delimiter=query.get("delimiter", ""),
            token=query.get("pageToken"),
            limit=query.get("maxResults", 1000),
            versions=query.get("versions", False),
            soft=query.get("softDeleted", False),
            start=query.get("startOffset", ""),
            end=query.get("endOffset", ""),
            trailing=query.get("includeTrailingDelimiter", False),
        )
        made = {"kind": "storage#objects"}
        if page.items:
            made["items"] = [object_json(o, call.request.base_url) for o in page.items]
        if page.prefixes:
            made["prefixes"] = page.prefixes
        if page.next:
            made["nextPageToken"] = page.next
    return call.reply(made)


def delete(call):
    bucket, name = call.path["bucket"], call.path["object"]
    call.caller.require(bucket, "delete", name)
    call.store.delete(bucket, name, call.query.get("generation"), conditions(call.query))
    return Response(204)


def patch(call, replace=False):
    bucket, name = call.path["bucket"], call.path["object"]
    call.caller.require(bucket, "update", name)
    changes = object_fields(call.body())
    with call.store.lock:
        return reply(
            call,
            call.store.update(bucket, name, changes, call.query.get("generation"), conditions(call.query), replace),
        )


def update(call):
    return patch(call, replace=True)


def _source(call):
    bucket, name = call.path["sourceBucket"], call.path["sourceObject"]
    call.caller.require(bucket, "get", name)
    source = call.store.find(bucket, name, call.query.get("sourceGeneration"))
    if source is None:
        raise object_missing(bucket, name, call.query.get("sourceGeneration"))
    conditions(call.query, "ifSource").check(source)
    return source


def _given(body):
    return {k: v for k, v in object_fields(body).items() if v is not None}


def rewrite(call):
    bucket, name = call.path["destinationBucket"], call.path["destinationObject"]
    objects.refuse_encryption(call.request.headers)
    call.caller.require(bucket, "create", name)
    fields = _given(call.body())
    source = _source(call)
    call.store.bucket(bucket)
    done, token, made = call.api.rewrites.step(
        source,
        bucket,
        name,
        fields,
        conditions(call.query),
        call.query.get("rewriteToken"),
        call.query.get("maxBytesRewrittenPerCall"),
        call.caller,
    )
    answer = {
        "kind": "storage#rewriteResponse",
        "totalBytesRewritten": str(done),
        "objectSize": str(source.size),
        "done": made is not None,
    }
    if token:
        answer["rewriteToken"] = token
    if made:
        answer["resource"] = object_json(made, call.request.base_url)
    return call.reply(answer)


def copy(call):
    bucket, name = call.path["destinationBucket"], call.path["destinationObject"]
    call.caller.require(bucket, "create", name)
    fields = _given(call.body())
    return reply(
        call, objects.copy(call.store, _source(call), bucket, name, fields, conditions(call.query), call.caller)
    )


def compose(call):
    bucket, name = call.path["destinationBucket"], call.path["destinationObject"]
    call.caller.require(bucket, "create", name)
    call.caller.require(bucket, "get", name)
    body = call.body()
    sources = []
    for source in body.get("sourceObjects", []):
        match = (source.get("objectPreconditions") or {}).get("ifGenerationMatch")
        generation = source.get("generation")
        sources.append((source.get("name"), generation and int(generation), None if match is None else int(match)))
    destination = body.get("destination") or {}
    sums = {"crc32c": destination["crc32c"]} if destination.get("crc32c") else None
    wanted = Conditions(call.query.get("ifGenerationMatch"), None, call.query.get("ifMetagenerationMatch"), None)
    made = objects.compose(
        call.store,
        bucket,
        name,
        sources,
        _given(destination),
        wanted,
        call.caller,
        body.get("deleteSourceObjects", False),
        sums,
    )
    return reply(call, made)


def restore(call):
    bucket, name = call.path["bucket"], call.path["object"]
    call.caller.require(bucket, "create", name)
    return reply(call, call.store.restore(bucket, name, call.query["generation"], conditions(call.query), call.caller))


def move(call):
    bucket, name, source = call.path["bucket"], call.path["destinationObject"], call.path["sourceObject"]
    call.caller.require(bucket, "create", name)
    call.caller.require(bucket, "delete", source)
    made = objects.move(
        call.store, bucket, source, name, conditions(call.query, "ifSource"), conditions(call.query), call.caller
    )
    return reply(call, made)


LIST = {
    "prefix",
    "delimiter",
    "pageToken",
    "maxResults",
    "versions",
    "softDeleted",
    "startOffset",
    "endOffset",
    "includeTrailingDelimiter",
}
COPY = IF | IF_SOURCE | {"sourceGeneration"}
HANDLERS = {
    "objects.insert": (insert, IF | {"name", "contentEncoding"}),
    "objects.get": (get, IF | {"generation", "softDeleted"}),
    "objects.list": (list_, LIST),
    "objects.delete": (delete, IF | {"generation"}),
    "objects.patch": (patch, IF | {"generation"}),
    "objects.update": (update, IF | {"generation"}),
    "objects.rewrite": (rewrite, COPY | {"rewriteToken", "maxBytesRewrittenPerCall"}),
    "objects.copy": (copy, COPY),
    "objects.compose": (compose, {"ifGenerationMatch", "ifMetagenerationMatch"}),
    "objects.restore": (restore, IF | {"generation"}),
    "objects.move": (move, IF | IF_SOURCE),
}
