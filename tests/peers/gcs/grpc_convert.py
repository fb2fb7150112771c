"""Between the store and the messages of google.storage.v2 (Google's own, from google-cloud-storage)."""

import datetime

from google.cloud._storage_v2.types import storage as types
from google.protobuf.unknown_fields import UnknownFieldSet

from .errors import Unsupported, invalid
from .model import STORAGE_CLASSES, rfc3339

FILE = types.Object.pb().DESCRIPTOR.file
OBJECT, BUCKET = types.Object.pb(), types.Bucket.pb()

TEXT = {
    "content_type": "contentType",
    "cache_control": "cacheControl",
    "content_disposition": "contentDisposition",
    "content_encoding": "contentEncoding",
    "content_language": "contentLanguage",
    "storage_class": "storageClass",
}
OBJECT_SETTINGS = {**TEXT, "custom_time": "customTime", "metadata": "metadata"}
BUCKET_SETTINGS = {
    "labels": "labels",
    "storage_class": "storageClass",
    "versioning": "versioning",
    "soft_delete_policy": "softDeletePolicy",
    "iam_config": "iamConfiguration",
    "lifecycle": "lifecycle",
}
# what only the server sets; a client may send it back
OBJECT_OUTPUT = {
    "name",
    "bucket",
    "etag",
    "generation",
    "metageneration",
    "size",
    "create_time",
    "update_time",
    "finalize_time",
    "checksums",
    "component_count",
    "update_storage_class_time",
    "delete_time",
    "soft_delete_time",
    "hard_delete_time",
    "restore_token",
}
BUCKET_OUTPUT = {
    "name",
    "bucket_id",
    "etag",
    "project",
    "metageneration",
    "location",
    "location_type",
    "create_time",
    "update_time",
}

# fields of a lifecycle rule: proto → JSON
ACTION = {"type_": "type", "storage_class": "storageClass"}
CONDITION = {
    "age_days": "age",
    "created_before": "createdBefore",
    "is_live": "isLive",
    "num_newer_versions": "numNewerVersions",
    "matches_storage_class": "matchesStorageClass",
    "days_since_custom_time": "daysSinceCustomTime",
    "custom_time_before": "customTimeBefore",
    "days_since_noncurrent_time": "daysSinceNoncurrentTime",
    "noncurrent_time_before": "noncurrentTimeBefore",
    "matches_prefix": "matchesPrefix",
    "matches_suffix": "matchesSuffix",
}


def refuse(message, known, where):
    """Refuses a field that is set but not in KNOWN, and fields that Google's definition does not have at all."""
    if len(UnknownFieldSet(message)):
        numbers = [f.field_number for f in UnknownFieldSet(message)]
        raise Unsupported(f"unknown fields {numbers} in {where}")
    for field, _ in message.ListFields():
        if field.name not in known:
            raise Unsupported(f"field '{where}.{field.name}' is not in this fake")


def stamp(field, us):
    field.seconds, field.nanos = us // 1_000_000, us % 1_000_000 * 1000


def seconds_text(timestamp):
    return rfc3339(timestamp.seconds * 1_000_000 + timestamp.nanos // 1000)


def bucket_name(resource, where="bucket"):
    """projects/_/buckets/B → B"""
    prefix = "projects/_/buckets/"
    if not resource.startswith(prefix) or "/" in resource[len(prefix) :] or resource == prefix:
        raise invalid(f"Invalid {where}: '{resource}'; it must be projects/_/buckets/BUCKET", where)
    return resource[len(prefix) :]


def object_message(thing):
    fields = thing.fields
    made = OBJECT(
        name=thing.name,
        bucket=f"projects/_/buckets/{thing.bucket}",
        etag=thing.etag,
        generation=thing.generation,
        metageneration=thing.metageneration,
        size=thing.size,
        metadata=fields.get("metadata") or {},
        **{proto: fields[name] for proto, name in TEXT.items() if fields.get(name)},
    )
    made.checksums.crc32c = thing.crc32c
    if thing.md5 is not None:
        made.checksums.md5_hash = thing.md5
    if thing.component_count:
        made.component_count = thing.component_count
    stamp(made.create_time, thing.created)
    stamp(made.finalize_time, thing.finalized)
    stamp(made.update_time, thing.updated)
    stamp(made.update_storage_class_time, thing.class_updated)
    if fields.get("customTime"):
        made.custom_time.FromJsonString(fields["customTime"])
    for name, us in (
        ("delete_time", thing.deleted),
        ("soft_delete_time", thing.soft_deleted),
        ("hard_delete_time", thing.hard_delete),
    ):
        if us:
            stamp(getattr(made, name), us)
    return made


def object_fields(message, where="Object"):
    """The settings in an Object message, by JSON name."""
    refuse(message, {*OBJECT_SETTINGS, *OBJECT_OUTPUT}, where)
    fields = {name: getattr(message, proto) for proto, name in TEXT.items() if getattr(message, proto)}
    if message.metadata:
        fields["metadata"] = dict(message.metadata)
    if message.HasField("custom_time"):
        fields["customTime"] = seconds_text(message.custom_time)
    return fields


def bucket_message(bucket):
    made = BUCKET(
        name=f"projects/_/buckets/{bucket.name}",
        bucket_id=bucket.name,
        etag=bucket.etag,
        project=f"projects/{bucket.project}",
        metageneration=bucket.metageneration,
        location=bucket.location,
        location_type="multi-region" if bucket.location in ("US", "EU", "ASIA") else "region",
        storage_class=bucket.fields.get("storageClass", "STANDARD"),
        labels=bucket.fields.get("labels") or {},
    )
    stamp(made.create_time, bucket.created)
    stamp(made.update_time, bucket.updated)
    if "versioning" in bucket.fields:
        made.versioning.enabled = bucket.versioned
    made.soft_delete_policy.retention_duration.seconds = bucket.soft_delete_seconds
    if bucket.soft_delete_seconds:
        stamp(made.soft_delete_policy.effective_time, bucket.soft_delete_since)
    iam = bucket.fields.get("iamConfiguration") or {}
    made.iam_config.uniform_bucket_level_access.enabled = bool(
        (iam.get("uniformBucketLevelAccess") or {}).get("enabled")
    )
    made.iam_config.public_access_prevention = iam.get("publicAccessPrevention", "inherited")
    for rule in (bucket.fields.get("lifecycle") or {}).get("rule", []):
        _rule_message(made.lifecycle.rule.add(), rule)
    return made


def _rule_message(made, rule):
    for proto, name in ACTION.items():
        if rule.get("action", {}).get(name):
            setattr(made.action, proto, rule["action"][name])
    for proto, name in CONDITION.items():
        value = rule.get("condition", {}).get(name)
        if value is None:
            continue
        if isinstance(value, list):
            getattr(made.condition, proto).extend(value)
        elif proto.endswith("_before"):
            day = datetime.date.fromisoformat(value)
            field = getattr(made.condition, proto)
            field.year, field.month, field.day = day.year, day.month, day.day
        else:
            setattr(made.condition, proto, value)


def _rule_json(rule):
    refuse(rule, {"action", "condition"}, "Bucket.lifecycle.rule")
    refuse(rule.action, ACTION, "Bucket.lifecycle.rule.action")
    refuse(rule.condition, CONDITION, "Bucket.lifecycle.rule.condition")
    action = {ACTION[f.name]: value for f, value in rule.action.ListFields()}
    condition = {}
    for field, value in rule.condition.ListFields():
        if field.name.endswith("_before"):
            value = f"{value.year:04d}-{value.month:02d}-{value.day:02d}"
        elif field.name.startswith("matches_"):
            value = list(value)
        condition[CONDITION[field.name]] = value
    return {"action": action, "condition": condition}


def bucket_fields(message, where="Bucket"):
    """The settings in a Bucket message, by JSON name."""
    refuse(message, {*BUCKET_SETTINGS, *BUCKET_OUTPUT}, where)
    fields = {}
    if message.labels:
        fields["labels"] = dict(message.labels)
    if message.storage_class:
        if message.storage_class not in STORAGE_CLASSES:
            raise invalid(f"Invalid storage class: {message.storage_class}", "storage_class")
        fields["storageClass"] = message.storage_class
    if message.HasField("versioning"):
        fields["versioning"] = {"enabled": message.versioning.enabled}
    if message.HasField("soft_delete_policy"):
        policy = message.soft_delete_policy
        refuse(policy, {"retention_duration", "effective_time"}, "Bucket.soft_delete_policy")
        if policy.HasField("retention_duration"):
            fields["softDeletePolicy"] = {"retentionDurationSeconds": str(policy.retention_duration.seconds)}
    if message.HasField("iam_config"):
        config = message.iam_config
        refuse(config, {"uniform_bucket_level_access", "public_access_prevention"}, "Bucket.iam_config")
        fields["iamConfiguration"] = {
            "uniformBucketLevelAccess": {"enabled": config.uniform_bucket_level_access.enabled}
        }
        if config.public_access_prevention:
            fields["iamConfiguration"]["publicAccessPrevention"] = config.public_access_prevention
    if message.HasField("lifecycle"):
        fields["lifecycle"] = {"rule": [_rule_json(r) for r in message.lifecycle.rule]}
    return fields


def masked(message, mask):
    """MESSAGE with only what the read mask names; without a mask all of it."""
    if not mask.paths or list(mask.paths) == ["*"]:
        return message
    known = message.DESCRIPTOR.fields_by_name
    for path in mask.paths:
        if path.partition(".")[0] not in known:
            raise invalid(f"Invalid field mask: '{path}' is no field of {message.DESCRIPTOR.name}", "read_mask")
        if "." in path:
            raise Unsupported(f"read_mask with a path below a field: {path}")
    for field, _ in message.ListFields():
        if field.name not in mask.paths:
            message.ClearField(field.name)
    return message


def changes(message, mask, settings, fields, maps):
    """What an update mask takes from a message: {JSON name: value, or None where the message has none}.

    MAPS are fields whose single keys may be named ("labels.env"). Returns (changes, replaced maps).
    """
    if not mask.paths:
        raise invalid("The update_mask is required.", "update_mask")
    if list(mask.paths) == ["*"]:
        return {name: fields.get(name) for name in settings.values()}, set(maps.values())
    found, replaced = {}, set()
    for path in mask.paths:
        top, _, key = path.partition(".")
        if top not in message.DESCRIPTOR.fields_by_name:
            raise invalid(f"Invalid field mask: '{path}' is no field of {message.DESCRIPTOR.name}", "update_mask")
        if top not in settings:
            raise Unsupported(f"update_mask '{path}' is not in this fake")
        if key and top in maps:
            found.setdefault(settings[top], {})[key] = (fields.get(settings[top]) or {}).get(key)
        elif key and (top, key) not in (
            ("iam_config", "uniform_bucket_level_access"),
            ("versioning", "enabled"),
            ("soft_delete_policy", "retention_duration"),
        ):
            raise Unsupported(f"update_mask '{path}' is not in this fake")
        else:
            found[settings[top]] = fields.get(settings[top])
            if top in maps:
                replaced.add(settings[top])
    return found, replaced
