"""google.storage.v2.Storage over gRPC, as far as Google's StorageControl client calls it, and IAM of buckets."""

from google.cloud._storage_v2.types import storage as types
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import empty_pb2

from . import objects
from .blobs import crc32c_text
from .errors import ApiError, invalid
from .grpc_convert import (
    BUCKET_SETTINGS,
    OBJECT_SETTINGS,
    bucket_fields,
    bucket_message,
    bucket_name,
    changes,
    masked,
    object_fields,
    object_message,
    refuse,
)
from .json_api import allowed_permissions, default_policy
from .listing import list_objects, token_of, value_of
from .model import Conditions

MATCH = {"if_generation_match", "if_generation_not_match", "if_metageneration_match", "if_metageneration_not_match"}
SOURCE_MATCH = {f"if_source_{name[3:]}" for name in MATCH}
META_MATCH = {"if_metageneration_match", "if_metageneration_not_match"}


def conditions(request, prefix="if"):
    def value(name):
        field = f"{prefix}_{name}"
        known = field in request.DESCRIPTOR.fields_by_name
        return getattr(request, field) if known and request.HasField(field) else None

    return Conditions(
        value("generation_match"),
        value("generation_not_match"),
        value("metageneration_match"),
        value("metageneration_not_match"),
    )


class Rpc:
    """One call: its request, who calls, and the routing header that Google needs."""

    def __init__(self, server, name, request, caller, routing):
        self.server, self.name, self.request, self.caller, self.routing = server, name, request, caller, routing
        self.store = server.app.store

    def only(self, *known):
        refuse(
            self.request,
            {k for group in known for k in (group if isinstance(group, (set, tuple)) else (group,))},
            type(self.request).__name__,
        )

    def routed(self, **wanted):
        for key, value in wanted.items():
            if self.routing.get(key) != value:
                raise invalid(
                    f"An x-goog-request-params request metadata property must be provided for this request: "
                    f"{key}={value} "
                    f"(it has {self.routing})."
                )


# ---- buckets


def create_bucket(rpc):
    request = rpc.request
    rpc.only("parent", "bucket", "bucket_id")
    bucket = request.bucket
    if bucket.name:
        raise invalid("bucket.name must be empty; bucket_id names the new bucket.", "bucket.name")
    project = bucket.project or request.parent
    rpc.routed(project=project)
    if not project.startswith("projects/") or project == "projects/_":
        raise invalid(f"Invalid project: '{project}'", "bucket.project")
    rpc.caller.require(request.bucket_id, "create")
    fields = bucket_fields(bucket)
    return bucket_message(rpc.store.create_bucket(request.bucket_id, project[9:], bucket.location, fields))


def get_bucket(rpc):
    request = rpc.request
    rpc.only("name", META_MATCH, "read_mask")
    rpc.routed(bucket=request.name)
    name = bucket_name(request.name, "name")
    rpc.caller.require(name, "get")
    with rpc.store.lock:
        found = rpc.store.bucket(name)
        conditions(request).check(found, reading=True)
        return masked(bucket_message(found), request.read_mask)


def list_buckets(rpc):
    request = rpc.request
    rpc.only("parent", "page_size", "page_token", "prefix", "read_mask")
    rpc.routed(project=request.parent)
    if not request.parent.startswith("projects/"):
        raise invalid(f"Invalid parent: '{request.parent}'", "parent")
    found = [b for b in rpc.store.list_buckets(request.parent[9:], request.prefix) if rpc.caller.may(b.name, "list")]
    if request.page_token:
        found = [b for b in found if b.name > value_of(request.page_token)[1]]
    limit = min(request.page_size or 1000, 1000)
    made = types.ListBucketsResponse.pb()()
    made.buckets.extend(masked(bucket_message(b), request.read_mask) for b in found[:limit])
    if len(found) > limit:
        made.next_page_token = token_of(("b", found[limit - 1].name, 0))
    return made


def update_bucket(rpc):
    request = rpc.request
    rpc.only("bucket", META_MATCH, "update_mask")
    rpc.routed(bucket=request.bucket.name)
    name = bucket_name(request.bucket.name, "bucket.name")
    rpc.caller.require(name, "update")
    fields = bucket_fields(request.bucket)
    wanted, replaced = changes(request.bucket, request.update_mask, BUCKET_SETTINGS, fields, {"labels": "labels"})
    with rpc.store.lock:
        if "labels" in wanted and "labels" not in replaced:
            merged = {**(rpc.store.bucket(name).fields.get("labels") or {}), **wanted["labels"]}
            wanted["labels"] = {k: v for k, v in merged.items() if v is not None}
        return bucket_message(rpc.store.update_bucket(name, wanted, conditions(request)))


def delete_bucket(rpc):
    request = rpc.request
    rpc.only("name", META_MATCH)
    rpc.routed(bucket=request.name)
    name = bucket_name(request.name, "name")
    rpc.caller.require(name, "delete")
    rpc.store.delete_bucket(name, conditions(request))
    return empty_pb2.Empty()


# ---- objects


def _object(rpc, verb, bucket="bucket", name="object_"):
    request = rpc.request
    rpc.routed(bucket=getattr(request, bucket))
    where = bucket_name(getattr(request, bucket))
    rpc.caller.require(where, verb, getattr(request, name))
    return where, getattr(request, name)


def get_object(rpc):
    request = rpc.request
    rpc.only("bucket", "object_", "object", "generation", MATCH, "read_mask", "soft_deleted")
    bucket, name = _object(rpc, "get")
    with rpc.store.lock:
        found = rpc.store.get(bucket, name, request.generation or None, conditions(request), request.soft_deleted)
        return masked(object_message(found), request.read_mask)


def list_(rpc):
    request = rpc.request
    rpc.only(
        "parent",
        "page_size",
        "page_token",
        "delimiter",
        "include_trailing_delimiter",
        "prefix",
        "versions",
        "read_mask",
        "lexicographic_start",
        "lexicographic_end",
        "soft_deleted",
    )
    rpc.routed(bucket=request.parent)
    bucket = bucket_name(request.parent, "parent")
    rpc.caller.require(bucket, "list", "")
    with rpc.store.lock:
        page = list_objects(
            rpc.store,
            bucket,
            prefix=request.prefix,
            delimiter=request.delimiter,
            token=request.page_token or None,
            limit=request.page_size or 1000,
            versions=request.versions,
            soft=request.soft_deleted,
            start=request.lexicographic_start,
            end=request.lexicographic_end,
            trailing=request.include_trailing_delimiter,
        )
        made = types.ListObjectsResponse.pb()(prefixes=page.prefixes, next_page_token=page.next or "")
        made.objects.extend(masked(object_message(o), request.read_mask) for o in page.items)
        return made


def update_object(rpc):
    request = rpc.request
    rpc.only("object_", "object", MATCH, "update_mask")
    thing = request.object_
    rpc.routed(bucket=thing.bucket)
    bucket = bucket_name(thing.bucket)
    rpc.caller.require(bucket, "update", thing.name)
    wanted, replaced = changes(
        thing, request.update_mask, OBJECT_SETTINGS, object_fields(thing), {"metadata": "metadata"}
    )
    with rpc.store.lock:
        if replaced:
            found = rpc.store.get(bucket, thing.name, thing.generation or None)
            gone = {k: None for k in found.fields.get("metadata") or {}}
            wanted["metadata"] = {**gone, **(wanted.get("metadata") or {})}
        return object_message(
            rpc.store.update(bucket, thing.name, wanted, thing.generation or None, conditions(request))
        )


def delete_object(rpc):
    request = rpc.request
    rpc.only("bucket", "object_", "object", "generation", MATCH)
    bucket, name = _object(rpc, "delete")
    rpc.store.delete(bucket, name, request.generation or None, conditions(request))
    return empty_pb2.Empty()


def restore_object(rpc):
    request = rpc.request
    rpc.only("bucket", "object_", "object", "generation", MATCH)
    bucket, name = _object(rpc, "create")
    return object_message(rpc.store.restore(bucket, name, request.generation, conditions(request), rpc.caller))


def compose_object(rpc):
    request = rpc.request
    rpc.only(
        "destination",
        "source_objects",
        "if_generation_match",
        "if_metageneration_match",
        "object_checksums",
        "delete_source_objects",
    )
    destination = request.destination
    rpc.routed(bucket=destination.bucket)
    bucket = bucket_name(destination.bucket, "destination.bucket")
    rpc.caller.require(bucket, "create", destination.name)
    rpc.caller.require(bucket, "get", destination.name)
    sources = []
    for source in request.source_objects:
        wanted = source.object_preconditions
        match = wanted.if_generation_match if wanted.HasField("if_generation_match") else None
        sources.append((source.name, source.generation or None, match))
    sums = None
    if request.HasField("object_checksums") and request.object_checksums.HasField("crc32c"):
        sums = {"crc32c": crc32c_text(request.object_checksums.crc32c)}
    return object_message(
        objects.compose(
            rpc.store,
            bucket,
            destination.name,
            sources,
            object_fields(destination, "destination"),
            conditions(request),
            rpc.caller,
            request.delete_source_objects,
            sums,
        )
    )


def rewrite_object(rpc):
    request = rpc.request
    rpc.only(
        "destination_name",
        "destination_bucket",
        "destination",
        "source_bucket",
        "source_object",
        "source_generation",
        "rewrite_token",
        MATCH,
        SOURCE_MATCH,
        "max_bytes_rewritten_per_call",
    )
    rpc.routed(bucket=request.destination_bucket, source_bucket=request.source_bucket)
    to, source_bucket = bucket_name(request.destination_bucket), bucket_name(request.source_bucket)
    rpc.caller.require(source_bucket, "get", request.source_object)
    rpc.caller.require(to, "create", request.destination_name)
    rpc.store.bucket(to)
    fields = object_fields(request.destination, "destination") if request.HasField("destination") else None
    source = rpc.store.get(source_bucket, request.source_object, request.source_generation or None)
    conditions(request, "if_source").check(source)
    done, token, made = rpc.server.rewrites.step(
        source,
        to,
        request.destination_name,
        fields,
        conditions(request),
        request.rewrite_token or None,
        request.max_bytes_rewritten_per_call or None,
        rpc.caller,
    )
    answer = types.RewriteResponse.pb()(
        total_bytes_rewritten=done, object_size=source.size, done=made is not None, rewrite_token=token or ""
    )
    if made:
        answer.resource.CopyFrom(object_message(made))
    return answer


def move_object(rpc):
    request = rpc.request
    rpc.only("bucket", "source_object", "destination_object", MATCH, SOURCE_MATCH)
    bucket, source = _object(rpc, "delete", name="source_object")
    rpc.caller.require(bucket, "create", request.destination_object)
    made = objects.move(
        rpc.store,
        bucket,
        source,
        request.destination_object,
        conditions(request, "if_source"),
        conditions(request),
        rpc.caller,
    )
    return object_message(made)


# ---- policies


def _policy_bucket(rpc, verb):
    rpc.routed(bucket=rpc.request.resource)
    name = bucket_name(rpc.request.resource, "resource")
    if verb:
        rpc.caller.require(name, verb)
    return rpc.store.bucket(name)


def _policy(store, bucket):
    kept = bucket.policy or default_policy(store, bucket)
    made = policy_pb2.Policy(version=kept.get("version", 1), etag=bucket.etag.encode())
    for binding in kept.get("bindings", []):
        made.bindings.add(role=binding["role"], members=binding["members"])
    return made


def get_policy(rpc):
    rpc.only("resource", "options")
    with rpc.store.lock:
        return _policy(rpc.store, _policy_bucket(rpc, "get"))


def set_policy(rpc):
    rpc.only("resource", "policy")
    refuse(rpc.request.policy, {"version", "bindings", "etag"}, "Policy")
    with rpc.store.lock:
        bucket = _policy_bucket(rpc, "update")
        if rpc.request.policy.etag not in (b"", bucket.etag.encode()):
            raise ApiError(412, "The policy was changed since it was read.", grpc="ABORTED")
        given = rpc.request.policy
        bucket.policy = {
            "version": given.version or 1,
            "bindings": [{"role": b.role, "members": list(b.members)} for b in given.bindings],
        }
        bucket.metageneration += 1
        return _policy(rpc.store, bucket)


def test_permissions(rpc):
    rpc.only("resource", "permissions")
    bucket = _policy_bucket(rpc, None)
    found = allowed_permissions(rpc.caller, bucket.name, rpc.request.permissions)
    return iam_policy_pb2.TestIamPermissionsResponse(permissions=found)


STORAGE = {
    "CreateBucket": (create_bucket, types.CreateBucketRequest.pb()),
    "GetBucket": (get_bucket, types.GetBucketRequest.pb()),
    "ListBuckets": (list_buckets, types.ListBucketsRequest.pb()),
    "UpdateBucket": (update_bucket, types.UpdateBucketRequest.pb()),
    "DeleteBucket": (delete_bucket, types.DeleteBucketRequest.pb()),
    "GetObject": (get_object, types.GetObjectRequest.pb()),
    "ListObjects": (list_, types.ListObjectsRequest.pb()),
    "UpdateObject": (update_object, types.UpdateObjectRequest.pb()),
    "DeleteObject": (delete_object, types.DeleteObjectRequest.pb()),
    "RestoreObject": (restore_object, types.RestoreObjectRequest.pb()),
    "ComposeObject": (compose_object, types.ComposeObjectRequest.pb()),
    "RewriteObject": (rewrite_object, types.RewriteObjectRequest.pb()),
    "MoveObject": (move_object, types.MoveObjectRequest.pb()),
}
IAM = {
    "GetIamPolicy": (get_policy, iam_policy_pb2.GetIamPolicyRequest),
    "SetIamPolicy": (set_policy, iam_policy_pb2.SetIamPolicyRequest),
    "TestIamPermissions": (test_permissions, iam_policy_pb2.TestIamPermissionsRequest),
}
