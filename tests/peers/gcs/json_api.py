"""The JSON API: routes as Google describes them, buckets, policies, notification configs, the service account."""

import json

from . import json_objects
from .discovery import UPLOAD_PREFIXES
from .errors import ApiError, Unsupported, invalid
from .http_types import Response
from .json_objects import conditions
from .listing import token_of, value_of
from .model import BUCKET_FIELDS
from .notifications import check_config
from .render import bucket_json
from .uploads import parse_json

# parameters that change nothing here; `projection=full` shows no access control lists, as with uniform access
IDLE = {"alt", "fields", "key", "oauth_token", "prettyPrint", "quotaUser", "userIp", "projection", "uploadType"}
# fields of a bucket that only Google sets; a client may send them back
OUTPUT = {
    "kind",
    "id",
    "selfLink",
    "projectNumber",
    "metageneration",
    "generation",
    "etag",
    "timeCreated",
    "updated",
    "locationType",
    "name",
    "location",
}
PROJECT_NUMBER = "123456789012"


IF_META = {"ifMetagenerationMatch", "ifMetagenerationNotMatch"}


class Call:
    """One call of the JSON API: its method, path and query parameters, and what it works on."""

    def __init__(self, api, request, method, path, query):
        self.api, self.request, self.method, self.path, self.query = api, request, method, path, query
        self.store, self.caller = api.store, request.caller

    def body(self):
        value = parse_json(self.request.body.read_all())
        self.api.discovery.body(self.method.request, value)
        return value

    def reply(self, value, status=200):
        data = json.dumps(value, ensure_ascii=False).encode()
        return Response(
            status, data, {"ETag": value["etag"]} if "etag" in value else {}, "application/json; charset=UTF-8"
        )

    def bucket(self, bucket, status=200):
        return self.reply(bucket_json(bucket, self.request.base_url, PROJECT_NUMBER), status)


class JsonApi:
    def __init__(self, store, discovery, uploads, rewrites):
        self.store, self.discovery, self.uploads, self.rewrites = store, discovery, uploads, rewrites
        self.handlers = {**HANDLERS, **json_objects.HANDLERS}

    def handle(self, request):
        path = request.raw_path
        upload = path.startswith(UPLOAD_PREFIXES)
        download = path.startswith("/download/storage/v1/")
        names = dict(request.query)
        if upload and "upload_id" in names and request.method in ("PUT", "POST", "DELETE"):
            request.operation = "objects.insert"
            return self.uploads.go_on(request)
        method, parameters = self.discovery.route(request.method, path.split("/storage/v1/", 1)[1])
        request.operation = method.id
        if (upload and method.id != "objects.insert") or (download and method.id != "objects.get"):
            raise Unsupported(f"unknown path: {request.method} {path}", 404)
        query = self.discovery.query(method, request.query)
        if method.id not in self.handlers:
            raise Unsupported(f"{method.id} is not in this fake")
        handler, known = self.handlers[method.id]
        for name in query:
            if name not in known and name not in IDLE:
                raise Unsupported(f"query parameter '{name}' of {method.id} is not in this fake")
        if "alt" in query and query["alt"] == "media" and method.id != "objects.get":
            raise Unsupported(f"alt=media with {method.id}", 400)
        return handler(Call(self, request, method, parameters, query))


def bucket_fields(body):
    """The settings in BODY; refuses what Google knows and this fake does not do."""
    fields = {}
    for key, value in body.items():
        if key in BUCKET_FIELDS:
            fields[key] = value
        elif key not in OUTPUT and value not in (None, [], {}):
            raise Unsupported(f"field 'Bucket.{key}' is not in this fake")
    for key in fields.get("iamConfiguration") or {}:
        if key not in ("uniformBucketLevelAccess", "publicAccessPrevention", "bucketPolicyOnly"):
            raise Unsupported(f"field 'Bucket.iamConfiguration.{key}' is not in this fake")
    return fields


# ---- buckets


def buckets_insert(call):
    body = call.body()
    name = body.get("name")
    if not name:
        raise invalid("Required: bucket name", "name", reason="required")
    call.caller.require(name, "create")
    fields = {k: v for k, v in bucket_fields(body).items() if v is not None}
    return call.bucket(call.store.create_bucket(name, call.query["project"], body.get("location"), fields))


def buckets_get(call):
    call.caller.require(call.path["bucket"], "get")
    with call.store.lock:
        found = call.store.bucket(call.path["bucket"])
        conditions(call.query).check(found, reading=True)
        return call.bucket(found)


def buckets_list(call):
    found = [
        b
        for b in call.store.list_buckets(call.query["project"], call.query.get("prefix", ""))
        if call.caller.may(b.name, "list")
    ]
    if "pageToken" in call.query:
        found = [b for b in found if b.name > value_of(call.query["pageToken"])[1]]
    limit = min(call.query.get("maxResults", 1000), 1000)
    made = {"kind": "storage#buckets"}
    if found[:limit]:
        made["items"] = [bucket_json(b, call.request.base_url, PROJECT_NUMBER) for b in found[:limit]]
    if len(found) > limit:
        made["nextPageToken"] = token_of(("b", found[limit - 1].name, 0))
    return call.reply(made)


def buckets_patch(call):
    call.caller.require(call.path["bucket"], "update")
    changes = bucket_fields(call.body())
    with call.store.lock:
        before = call.store.bucket(call.path["bucket"]).fields
        for key in ("labels", "iamConfiguration"):
            # a patch merges objects; null takes a key away
            if isinstance(changes.get(key), dict):
                changes[key] = {k: v for k, v in {**before.get(key, {}), **changes[key]}.items() if v is not None}
        return call.bucket(call.store.update_bucket(call.path["bucket"], changes, conditions(call.query)))


def buckets_update(call):
    call.caller.require(call.path["bucket"], "update")
    fields = bucket_fields(call.body())
    return call.bucket(call.store.update_bucket(call.path["bucket"], fields, conditions(call.query), replace=True))


def buckets_delete(call):
    call.caller.require(call.path["bucket"], "delete")
    call.store.delete_bucket(call.path["bucket"], conditions(call.query))
    return Response(204)


# ---- policies


def default_policy(store, bucket):
    owners = [f"projectEditor:{store.project}", f"projectOwner:{store.project}"]
    return {
        "version": 1,
        "bindings": [
            {"role": "roles/storage.legacyBucketOwner", "members": owners},
            {"role": "roles/storage.legacyBucketReader", "members": [f"projectViewer:{store.project}"]},
        ],
    }


def policy_json(store, bucket):
    kept = bucket.policy or default_policy(store, bucket)
    return {"kind": "storage#policy", "resourceId": f"projects/_/buckets/{bucket.name}", "etag": bucket.etag, **kept}


def get_policy(call):
    call.caller.require(call.path["bucket"], "get")
    with call.store.lock:
        return call.reply(policy_json(call.store, call.store.bucket(call.path["bucket"])))


def set_policy(call):
    call.caller.require(call.path["bucket"], "update")
    body = call.body()
    with call.store.lock:
        bucket = call.store.bucket(call.path["bucket"])
        if body.get("etag") not in (None, "", bucket.etag):
            raise ApiError(412, "The policy was changed since it was read.", reason="conditionNotMet", grpc="ABORTED")
        bucket.policy = {k: v for k, v in body.items() if k in ("bindings", "version")}
        bucket.metageneration += 1
        return call.reply(policy_json(call.store, bucket))


def allowed_permissions(caller, bucket, permissions):
    found = []
    for permission in permissions:
        if not permission.startswith("storage."):
            raise invalid(f"Invalid permission: {permission}", "permissions")
        if caller.may(bucket, permission.rpartition(".")[2]):
            found.append(permission)
    return found


def test_permissions(call):
    call.store.bucket(call.path["bucket"])
    found = allowed_permissions(call.caller, call.path["bucket"], call.query["permissions"])
    made = {"kind": "storage#testIamPermissionsResponse"}
    return call.reply({**made, "permissions": found} if found else made)


# ---- notification configs


def notification_json(call, bucket, config):
    link = f"{call.request.base_url}/storage/v1/b/{bucket.name}/notificationConfigs/{config['id']}"
    return {"kind": "storage#notification", "selfLink": link, "etag": config["id"], **config}


def notifications_insert(call):
    call.caller.require(call.path["bucket"], "update")
    body = call.body()
    with call.store.lock:
        bucket = call.store.bucket(call.path["bucket"])
        config = check_config(bucket, body)
        bucket.last_notification += 1
        config["id"] = str(bucket.last_notification)
        bucket.notifications[config["id"]] = config
        return call.reply(notification_json(call, bucket, config))


def notifications_list(call):
    call.caller.require(call.path["bucket"], "get")
    with call.store.lock:
        bucket = call.store.bucket(call.path["bucket"])
        items = [notification_json(call, bucket, c) for c in bucket.notifications.values()]
    made = {"kind": "storage#notifications"}
    return call.reply({**made, "items": items} if items else made)


def _config(call):
    bucket = call.store.bucket(call.path["bucket"])
    config = bucket.notifications.get(call.path["notification"])
    if config is None:
        raise ApiError(404, f"The notification configuration {call.path['notification']} does not exist.")
    return bucket, config


def notifications_get(call):
    call.caller.require(call.path["bucket"], "get")
    with call.store.lock:
        return call.reply(notification_json(call, *_config(call)))


def notifications_delete(call):
    call.caller.require(call.path["bucket"], "update")
    with call.store.lock:
        bucket, config = _config(call)
        del bucket.notifications[config["id"]]
    return Response(204)


def service_account(call):
    address = f"service-{PROJECT_NUMBER}@gs-project-accounts.iam.gserviceaccount.com"
    return call.reply({"kind": "storage#serviceAccount", "email_address": address})


HANDLERS = {
    "buckets.insert": (buckets_insert, {"project"}),
    "buckets.get": (buckets_get, IF_META),
    "buckets.list": (buckets_list, {"project", "prefix", "maxResults", "pageToken"}),
    "buckets.patch": (buckets_patch, IF_META),
    "buckets.update": (buckets_update, IF_META),
    "buckets.delete": (buckets_delete, IF_META),
    "buckets.getIamPolicy": (get_policy, {"optionsRequestedPolicyVersion"}),
    "buckets.setIamPolicy": (set_policy, set()),
    "buckets.testIamPermissions": (test_permissions, {"permissions"}),
    "notifications.insert": (notifications_insert, set()),
    "notifications.list": (notifications_list, set()),
    "notifications.get": (notifications_get, set()),
    "notifications.delete": (notifications_delete, set()),
    "projects.serviceAccount.get": (service_account, set()),
}
