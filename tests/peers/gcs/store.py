"""The store behind all surfaces: buckets, live, noncurrent and soft-deleted objects, and their files.

A live object lies at ROOT/BUCKET/NAME where its name can be a path (BigQuery's stand-in reads it there); all others at
ROOT/.objects/GENERATION. Readers open the file under the lock and read after it: a file once written is never changed.
"""

import bisect
import os
import shutil
import threading

from . import names
from .blobs import Blob, check_sums, copy_file
from .errors import ApiError, bucket_missing, invalid, object_missing
from .model import DEFAULT_SOFT_DELETE, NONE, OBJECT_FIELDS, STORAGE_CLASSES, Bucket, Object, now_us


class Store:
    def __init__(self, root, project="test-project", adopt=False):
        self.root = os.path.abspath(root)
        self.project = project
        self.adopt = adopt  # files which somebody else put below ROOT/BUCKET become objects
        self.lock = threading.RLock()
        self.buckets = {}
        self.listeners = []  # called with (event type, bucket, object, other generation) under the lock
        self.kept = os.path.join(self.root, ".objects")
        os.makedirs(self.kept, exist_ok=True)

    def new_blob(self):
        return Blob(self.kept)

    # ---- buckets

    def bucket(self, name):
        found = self.buckets.get(name)
        if found is None:
            raise bucket_missing(name)
        return found

    def create_bucket(self, name, project, location, fields):
        names.check_bucket(name)
        check_bucket_fields(fields)
        with self.lock:
            if name in self.buckets:
                mine = self.buckets[name].project == project
                raise ApiError(
                    409,
                    "Your previous request to create the named bucket succeeded and you already own it."
                    if mine
                    else "The requested bucket name is not available. Please select a different name and try again.",
                    xml="BucketAlreadyOwnedByYou",
                )
            created = now_us()
            kept = {"softDeletePolicy": {"retentionDurationSeconds": str(DEFAULT_SOFT_DELETE)}, **fields}
            bucket = Bucket(name, project, (location or "US").upper(), created, kept, created)
            bucket.soft_delete_since = created
            os.makedirs(os.path.join(self.root, name), exist_ok=True)
            self.buckets[name] = bucket
            return bucket

    def update_bucket(self, name, changes, conditions=NONE, replace=False):
        """CHANGES by JSON name; None takes a field away. REPLACE: fields not named go back to their defaults."""
        with self.lock:
            bucket = self.bucket(name)
            conditions.check(bucket)
            fields = {} if replace else dict(bucket.fields)
            for key, value in changes.items():
                if value is None:
                    fields.pop(key, None)
                else:
                    fields[key] = value
            fields.setdefault("softDeletePolicy", {"retentionDurationSeconds": str(DEFAULT_SOFT_DELETE)})
            check_bucket_fields(fields)
            if fields["softDeletePolicy"] != bucket.fields["softDeletePolicy"]:
                bucket.soft_delete_since = now_us()
            bucket.fields = fields
            bucket.metageneration += 1
            bucket.updated = now_us()
            return bucket

    def delete_bucket(self, name, conditions=NONE):
        with self.lock:
            bucket = self.bucket(name)
            conditions.check(bucket)
            self._adopt(bucket)
            if bucket.live or bucket.old:
                raise ApiError(
                    409,
                    "The bucket you tried to delete is not empty.",
                    grpc="FAILED_PRECONDITION",
                    xml="BucketNotEmpty",
                )
            for kept in bucket.soft.values():
                for thing in kept:
                    _unlink(thing.path)
            del self.buckets[name]
            shutil.rmtree(os.path.join(self.root, name), ignore_errors=True)

    def list_buckets(self, project, prefix=""):
        with self.lock:
            return sorted(
                (b for b in self.buckets.values() if b.project == project and b.name.startswith(prefix)),
                key=lambda b: b.name,
            )

    # ---- objects: reading

    def find(self, bucket, name, generation=None, soft=False):
        """The object, or None. Without GENERATION the live one."""
        with self.lock:
            held = self.bucket(bucket)
            self._expire(held)
            if soft:
                return next((o for o in held.soft.get(name, ()) if o.generation == generation), None)
            live = self._adopt_one(held, name)
            if not generation:
                return live
            return next(
                (o for o in [*held.old.get(name, ()), *([live] if live else [])] if o.generation == generation), None
            )

    def get(self, bucket, name, generation=None, conditions=NONE, soft=False):
        with self.lock:
            found = self.find(bucket, name, generation, soft)
            if found is None:
                raise object_missing(bucket, name, generation)
            conditions.check(found, reading=True)
            return found

    def open(self, thing):
        """A file to read from. It stays good whatever becomes of the object; 404 when that is gone already."""
        with self.lock:  # or another generation could just be taking the same path
            try:
                return open(thing.path, "rb")
            except FileNotFoundError:
                raise object_missing(thing.bucket, thing.name, thing.generation) from None

    # ---- objects: writing

    def put(self, bucket, name, blob, fields, conditions=NONE, *, sums=None, caller=None, md5=True, components=None):
        """Ends BLOB and makes it the live object. SUMS = {"crc32c", "md5"} in base64, as the sender has them."""
        try:
            names.check_object(name)
            check_object_fields(fields)
            check_sums(blob, **(sums or {}))
            blob.close()
            with self.lock:
                held = self.bucket(bucket)
                before = held.live.get(name)
                conditions.check(before)
                if before and caller:
                    caller.require(bucket, "delete", name)  # as at Google: to overwrite is to delete
                generation = now_us()
                thing = Object(
                    bucket, name, generation, blob.size, blob.crc32c, blob.md5 if md5 else None, "", generation
                )
                thing.updated = thing.finalized = thing.class_updated = generation
                thing.component_count = components
                thing.fields = {k: v for k, v in fields.items() if k in OBJECT_FIELDS and v is not None}
                thing.fields.setdefault("storageClass", held.fields.get("storageClass", "STANDARD"))
                if before:
                    self._retire(held, before, overwritten_by=generation)
                else:
                    bisect.insort(held.names, name)
                thing.path = self._place(thing, blob.path)
                thing.stamp = _stamp(thing.path)
                held.live[name] = thing
                self._tell("OBJECT_FINALIZE", held, thing, before.generation if before else None)
                return thing
        except BaseException:
            blob.discard()
            raise

    def delete(self, bucket, name, generation=None, conditions=NONE):
        with self.lock:
            held = self.bucket(bucket)
            found = self.find(bucket, name, generation)
            if found is None:
                raise object_missing(bucket, name, generation)
            conditions.check(found)
            if held.live.get(name) is found:
                # by its generation a live object is really deleted, not archived
                self._retire(held, found, for_good=bool(generation))
                del held.live[name]
                del held.names[bisect.bisect_left(held.names, name)]
            else:
                _drop(held.old, found)
                self._bury(held, found)
                self._tell("OBJECT_DELETE", held, found, None)

    def update(self, bucket, name, changes, generation=None, conditions=NONE, replace=False):
        """CHANGES by JSON name; `metadata` is merged key by key unless REPLACE, None takes away."""
        with self.lock:
            thing = self.find(bucket, name, generation)
            if thing is None:
                raise object_missing(bucket, name, generation)
            conditions.check(thing)
            fields = {"storageClass": thing.storage_class} if replace else dict(thing.fields)
            for key, value in changes.items():
                if key == "metadata" and value is not None and not replace:
                    merged = {**fields.get("metadata", {}), **value}
                    value = {k: v for k, v in merged.items() if v is not None} or None
                if value is None:
                    fields.pop(key, None)
                else:
                    fields[key] = value
            if fields.get("storageClass", "STANDARD") != thing.storage_class:
                raise invalid(
                    "The storage class of an object is changed by a rewrite, not by an update.", "storageClass"
                )
            check_object_fields(fields)
            thing.fields = fields
            thing.metageneration += 1
            thing.updated = now_us()
            self._tell("OBJECT_METADATA_UPDATE", self.bucket(bucket), thing, None)
            return thing

    def restore(self, bucket, name, generation, conditions=NONE, caller=None):
        with self.lock:
            thing = self.find(bucket, name, generation, soft=True)
            if thing is None:
                raise object_missing(bucket, name, generation)
            source = self.open(thing)
        blob = self.new_blob()
        with source:
            copy_file(source, blob)
        back = self.put(
            bucket,
            name,
            blob,
            thing.fields,
            conditions,
            caller=caller,
            md5=thing.md5 is not None,
            components=thing.component_count,
        )
        return back

    # ---- how objects leave

    def _retire(self, held, thing, overwritten_by=None, for_good=False):
        """The live THING makes way: it becomes noncurrent, soft-deleted or is gone."""
        thing.deleted = now_us()
        if held.versioned and not for_good:
            self._keep(thing)
            held.old.setdefault(thing.name, []).append(thing)
            self._tell("OBJECT_ARCHIVE", held, thing, overwritten_by)
        else:
            self._bury(held, thing)
            self._tell("OBJECT_DELETE", held, thing, overwritten_by)

    def _bury(self, held, thing):
        seconds = held.soft_delete_seconds
        if seconds <= 0:
            _unlink(thing.path)
            self._prune(thing)
            thing.path = ""
            return
        self._keep(thing)
        thing.soft_deleted = now_us()
        thing.hard_delete = thing.soft_deleted + seconds * 1_000_000
        held.soft.setdefault(thing.name, []).append(thing)

    def settle(self, held):
        """Before a listing: what has expired goes, files of others come in."""
        self._expire(held)
        self._adopt(held)

    def _expire(self, held):
        now = now_us()
        for name in [n for n, kept in held.soft.items() if any(o.hard_delete <= now for o in kept)]:
            for thing in [o for o in held.soft[name] if o.hard_delete <= now]:
                _unlink(thing.path)
                _drop(held.soft, thing)

    # ---- files

    def _place(self, thing, written):
        aside = os.path.join(self.kept, str(thing.generation))
        if names.can_be_path(thing.name):
            path = os.path.join(self.root, thing.bucket, thing.name)
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.replace(written, path)
                return path
            except OSError:
                pass  # `a` and `a/b` cannot both be paths, and neither can very long names
        os.replace(written, aside)
        return aside

    def _keep(self, thing):
        aside = os.path.join(self.kept, str(thing.generation))
        if thing.path != aside:
            os.replace(thing.path, aside)
            self._prune(thing)
            thing.path = aside

    def _prune(self, thing):
        """Folders which the last object left go too, or an object could never take the name of one."""
        folder, top = os.path.dirname(thing.path), os.path.join(self.root, thing.bucket)
        while folder.startswith(top + os.sep):
            try:
                os.rmdir(folder)
            except OSError:
                return
            folder = os.path.dirname(folder)

    # ---- files of others

    def _adopt_one(self, held, name):
        """The live object NAME, read anew from its file where somebody else put or changed that."""
        live = held.live.get(name)
        if not self.adopt or not names.can_be_path(name):
            return live
        path = os.path.join(self.root, held.name, name)
        if not os.path.isfile(path) or (live and (live.path != path or live.stamp == _stamp(path))):
            return live
        blob = self.new_blob()
        with open(path, "rb") as source:
            copy_file(source, blob)
        return self.put(held.name, name, blob, live.fields if live else {"contentType": "application/octet-stream"})

    def _adopt(self, held):
        if not self.adopt:
            return
        top = os.path.join(self.root, held.name)
        for folder, _, files in os.walk(top):
            for file in files:
                self._adopt_one(held, os.path.relpath(os.path.join(folder, file), top))

    def _tell(self, event, held, thing, other):
        for listener in self.listeners:
            listener(event, held, thing, other)


def check_bucket_fields(fields):
    if fields.get("storageClass", "STANDARD") not in STORAGE_CLASSES:
        raise invalid(f"Invalid storage class: {fields['storageClass']}", "storageClass")
    policy = fields.get("softDeletePolicy")
    if policy is not None:
        try:
            seconds = int(policy.get("retentionDurationSeconds", DEFAULT_SOFT_DELETE))
        except (TypeError, ValueError):
            raise invalid("Invalid softDeletePolicy.retentionDurationSeconds", "softDeletePolicy") from None
        if seconds != 0 and not 604800 <= seconds <= 7776000:
            raise invalid(
                "Soft delete policy retention duration must be 0, or from 7 to 90 days in seconds.", "softDeletePolicy"
            )
        fields["softDeletePolicy"] = {"retentionDurationSeconds": str(seconds)}
    if len(fields.get("labels") or {}) > 64:
        raise invalid("A bucket can have at most 64 labels.", "labels")


def check_object_fields(fields):
    if fields.get("storageClass", "STANDARD") not in STORAGE_CLASSES:
        raise invalid(f"Invalid storage class: {fields['storageClass']}", "storageClass")
    size = sum(len(k.encode()) + len(str(v).encode()) for k, v in (fields.get("metadata") or {}).items())
    if size > 8192:
        raise invalid("Object metadata is larger than 8 KiB.", "metadata")


def _drop(table, thing):
    left = [o for o in table[thing.name] if o is not thing]
    if left:
        table[thing.name] = left
    else:
        del table[thing.name]


def _stamp(path):
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size


def _unlink(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
