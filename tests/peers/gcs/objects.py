"""What is made of objects that are there: compose, rewrite (also in several calls), copy and move."""

import uuid

from .blobs import copy_file
from .errors import Unsupported, condition_failed, invalid, object_missing
from .model import NONE, OBJECT_FIELDS

MIB = 1 << 20


def compose(store, bucket, name, sources, fields, conditions=NONE, caller=None, delete_sources=False, sums=None):
    """SOURCES: [(name, generation or None, ifGenerationMatch or None)]"""
    if not sources:
        raise invalid("You must provide at least one source component.", "sourceObjects")
    if len(sources) > 32:
        raise invalid(
            f"The number of source components provided ({len(sources)}) exceeds the maximum (32)", "sourceObjects"
        )
    blob = store.new_blob()
    try:
        files = []
        with store.lock:
            for source, generation, match in sources:
                thing = store.get(bucket, source, generation)
                if match is not None and match != thing.generation:
                    raise condition_failed()
                files.append((thing, store.open(thing)))
        for _, file in files:
            with file:
                copy_file(file, blob)
        kept = {"storageClass": files[0][0].storage_class, **fields}
        count = sum(thing.component_count or 1 for thing, _ in files)
        made = store.put(bucket, name, blob, kept, conditions, caller=caller, md5=False, components=count, sums=sums)
    except BaseException:
        blob.discard()
        raise
    if delete_sources:
        for thing, _ in files:
            if thing.name != name:
                store.delete(bucket, thing.name)
    return made


def copy(store, source, bucket, name, fields=None, conditions=NONE, caller=None):
    """SOURCE is an Object. FIELDS, when given, stand instead of the source's."""
    blob = store.new_blob()
    try:
        with store.open(source) as file:
            copy_file(file, blob)
    except BaseException:
        blob.discard()
        raise
    if fields:
        kept = {"contentType": source.fields.get("contentType"), **fields}
    else:
        kept = {k: v for k, v in source.fields.items() if k in OBJECT_FIELDS and k != "storageClass"}
    return store.put(
        bucket,
        name,
        blob,
        kept,
        conditions,
        caller=caller,
        md5=source.md5 is not None,
        components=source.component_count,
    )


class Rewrites:
    """Rewrites under way, by token. At Google only some need several calls; here BYTES_PER_CALL says so."""

    def __init__(self, store, bytes_per_call=None):
        self.store, self.bytes_per_call = store, bytes_per_call
        self.open = {}

    def step(self, source, bucket, name, fields=None, conditions=NONE, token=None, limit=None, caller=None):
        """→ (bytes rewritten so far, token or None, Object or None)"""
        if limit is not None and limit % MIB:
            raise invalid("maxBytesRewrittenPerCall must be a multiple of 1 MiB.", "maxBytesRewrittenPerCall")
        key = (source.bucket, source.name, source.generation, bucket, name, repr(sorted((fields or {}).items())))
        done = 0
        if token:
            if token not in self.open or self.open[token][0] != key:
                raise invalid("The rewriteToken is not valid for this request.", "rewriteToken")
            done = self.open[token][1]
        else:
            conditions.check(self.store.find(bucket, name))
        step = min(n for n in (self.bytes_per_call, limit, source.size or 1) if n)
        done = min(source.size, done + step)
        if done < source.size:
            if not token:
                token = uuid.uuid4().hex
            self.open[token] = (key, done)
            return done, token, None
        made = copy(self.store, source, bucket, name, fields, conditions, caller)
        self.open.pop(token, None)
        return done, None, made


def move(store, bucket, source_name, name, source_conditions=NONE, conditions=NONE, caller=None):
    with store.lock:
        source = store.find(bucket, source_name)
        if source is None:
            raise object_missing(bucket, source_name)
        source_conditions.check(source)
        if source_name == name:
            raise invalid("The source and destination objects must be different.", "destinationObject")
        made = copy(store, source, bucket, name, None, conditions, caller)
        store.delete(bucket, source_name)
        return made


def refuse_encryption(headers):
    for name in headers:
        if name.lower().startswith(("x-goog-encryption-", "x-goog-copy-source-encryption-")):
            raise Unsupported(f"customer-supplied encryption keys: header {name}")
