"""The XML API, as object_store uses it: objects, listings, copies and multipart uploads, at /BUCKET/KEY."""

import re
import uuid
import xml.etree.ElementTree as ET
from email.utils import parsedate_to_datetime
from urllib.parse import unquote
from xml.sax.saxutils import escape

from . import objects
from .blobs import copy_file, parse_hash_header
from .errors import ApiError, Unsupported, condition_failed, invalid, object_missing
from .http_types import Response
from .listing import list_objects
from .model import Conditions, rfc3339
from .render import download, hash_header, object_headers

SPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
MIN_PART = 5 << 20
CONDITIONS = ("x-goog-if-generation-match", "x-goog-if-metageneration-match")
STORED = (
    ("Content-Type", "contentType"),
    ("Cache-Control", "cacheControl"),
    ("Content-Disposition", "contentDisposition"),
    ("Content-Encoding", "contentEncoding"),
    ("Content-Language", "contentLanguage"),
    ("x-goog-storage-class", "storageClass"),
)


class Multipart:
    def __init__(self, bucket, name, fields):
        self.bucket, self.name, self.fields = bucket, name, fields
        self.parts = {}  # number → Blob, closed


def xml(text, headers=None):
    return Response(
        200, f"<?xml version='1.0' encoding='UTF-8'?>{text}".encode(), headers, "application/xml; charset=UTF-8"
    )


def conditions(request):
    values = []
    for header in CONDITIONS:
        text = request.header(header)
        if text is not None and not text.isdigit():
            raise invalid(f"Invalid value of {header}: '{text}'")
        values.append(None if text is None else int(text))
    return Conditions(generation=values[0], metageneration=values[1])


class XmlApi:
    def __init__(self, store, lenient_parts=False):
        self.store = store
        self.min_part = 0 if lenient_parts else MIN_PART
        self.uploads = {}

    def handle(self, request):
        bucket, _, key = request.raw_path.lstrip("/").partition("/")
        bucket, key = unquote(bucket), unquote(key)
        if not bucket:
            raise Unsupported(f"unknown path: {request.method} {request.raw_path}", 400)
        objects.refuse_encryption(request.headers)
        query = {}
        for name, value in request.query:
            if name in query:
                raise invalid(f"Query parameter '{name}' given twice.")
            query[name] = value
        for methods, wanted, name, handler in (
            ("GET", {"list-type"}, "list", self.list),
            ("PUT", {"partNumber", "uploadId"}, "part", self.part),
            ("POST", {"uploads"}, "initiate", self.initiate),
            ("POST", {"uploadId"}, "complete", self.complete),
            ("DELETE", {"uploadId"}, "abort", self.abort),
            ("GET HEAD", set(), "get", self.get),
            ("PUT", set(), "put", self.put),
            ("DELETE", set(), "delete", self.delete),
        ):
            if request.method in methods.split() and wanted <= set(query) and (name == "list") == (not key):
                request.operation = f"xml.{name}"
                return handler(request, bucket, key, query)
        raise Unsupported(f"unknown call: {request.method} {request.raw_path}", 400)

    def _only(self, request, query, *known, headers=()):
        for name in query:
            if name not in known:
                raise Unsupported(f"unknown query parameter '{name}' for {request.operation}", 400)
        request.only_headers(*headers)

    # ---- reading

    def get(self, request, bucket, key, query):
        self._only(request, query, "generation", headers=CONDITIONS)
        request.caller.require(bucket, "get", key)
        generation = query.get("generation")
        if generation is not None and not generation.isdigit():
            raise invalid(f"Invalid generation: '{generation}'")
        with self.store.lock:
            thing = self.store.find(bucket, key, generation and int(generation))
            if thing is None:
                missing = object_missing(bucket, key, generation)
                missing.message = "The specified key does not exist."
                raise missing
            wanted = conditions(request)
            wanted.check(thing)
            self._check_headers(request, thing)
            return download(self.store, thing, request, thing.xml_etag)

    def _check_headers(self, request, thing):
        """If-Match and its kin, in the order of RFC 9110."""
        changed = thing.updated // 1_000_000
        match, unless = request.header("If-Match"), request.header("If-Unmodified-Since")
        if match is not None and not _etag_in(thing.xml_etag, match):
            raise condition_failed()
        if match is None and unless is not None and changed > parsedate_to_datetime(unless).timestamp():
            raise condition_failed()
        none, since = request.header("If-None-Match"), request.header("If-Modified-Since")
        old = none is not None and _etag_in(thing.xml_etag, none)
        if none is None and since is not None:
            old = changed <= parsedate_to_datetime(since).timestamp()
        if old:
            raise ApiError(304, "Not Modified", headers={"ETag": thing.xml_etag})

    def list(self, request, bucket, _key, query):
        self._only(request, query, "list-type", "prefix", "delimiter", "continuation-token", "max-keys", "start-after")
        if query["list-type"] != "2":
            raise Unsupported(f"list-type={query['list-type']}", 400)
        request.caller.require(bucket, "list", "")
        limit = query.get("max-keys", "1000")
        if not limit.isdigit():
            raise invalid(f"Invalid max-keys: '{limit}'")
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        page = list_objects(
            self.store,
            bucket,
            prefix=prefix,
            delimiter=delimiter,
            token=query.get("continuation-token"),
            limit=int(limit),
            after=query.get("start-after", ""),
        )
        items = "".join(
            f"<Contents><Key>{escape(o.name)}</Key><Generation>{o.generation}</Generation>"
            f"<MetaGeneration>{o.metageneration}</MetaGeneration><LastModified>{rfc3339(o.updated)}</LastModified>"
            f"<ETag>{escape(o.xml_etag)}</ETag><Size>{o.size}</Size></Contents>"
            for o in page.items
        )
        folders = "".join(f"<CommonPrefixes><Prefix>{escape(p)}</Prefix></CommonPrefixes>" for p in page.prefixes)
        following = f"<NextContinuationToken>{page.next}</NextContinuationToken>" if page.next else ""
        more = "true" if page.next else "false"
        return xml(
            f"<ListBucketResult {SPACE}><Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(page.items) + len(page.prefixes)}</KeyCount><MaxKeys>{limit}</MaxKeys>"
            f"<IsTruncated>{more}</IsTruncated>{following}{items}{folders}</ListBucketResult>"
        )

    # ---- writing

    def _fields(self, request):
        fields = {field: request.header(header) for header, field in STORED if request.header(header)}
        metadata = {n[12:].lower(): v for n, v in request.headers.items() if n.lower().startswith("x-goog-meta-")}
        if metadata:
            fields["metadata"] = metadata
        fields.setdefault("contentType", "application/octet-stream")
        return fields

    def _written(self, thing, **more):
        headers = object_headers(thing, thing.xml_etag)
        kept = {
            k: v
            for k, v in headers.items()
            if k == "ETag" or k.startswith("x-goog-") and not k.startswith("x-goog-meta-")
        }
        return {**kept, "Content-Type": "text/html; charset=UTF-8", **more}

    def put(self, request, bucket, key, query):
        self._only(
            request,
            query,
            headers=("x-goog-meta-", "x-goog-copy-source", "x-goog-hash", "x-goog-storage-class", *CONDITIONS),
        )
        request.caller.require(bucket, "create", key)
        if request.header("x-goog-copy-source"):
            return self.copy(request, bucket, key)
        if not request.body.length_given:
            raise ApiError(411, "You must provide the Content-Length HTTP header.")
        self.store.bucket(bucket)
        blob = self._receive(request)
        sums = parse_hash_header(request.headers.get_all("x-goog-hash"))
        if request.header("Content-MD5"):
            sums["md5"] = request.header("Content-MD5")
        thing = self.store.put(
            bucket, key, blob, self._fields(request), conditions(request), sums=sums, caller=request.caller
        )
        return Response(200, headers=self._written(thing))

    def _receive(self, request):
        blob = self.store.new_blob()
        try:
            while data := request.body.read():
                blob.write(data)
        except BaseException:
            blob.discard()
            raise
        return blob

    def copy(self, request, bucket, key):
        request.operation = "xml.copy"
        text = request.header("x-goog-copy-source").lstrip("/")
        from_bucket, _, from_key = text.partition("/")
        from_bucket, from_key = unquote(from_bucket), unquote(from_key)
        if request.body.read():
            raise invalid("A copy has no body.")
        request.caller.require(from_bucket, "get", from_key)
        source = self.store.find(from_bucket, from_key)
        if source is None:
            raise object_missing(from_bucket, from_key)
        thing = objects.copy(self.store, source, bucket, key, None, conditions(request), request.caller)
        return xml(
            f"<CopyObjectResult {SPACE}><LastModified>{rfc3339(thing.updated)}</LastModified>"
            f"<ETag>{escape(thing.xml_etag)}</ETag></CopyObjectResult>",
            {k: v for k, v in self._written(thing).items() if k.startswith("x-goog-")},
        )

    def delete(self, request, bucket, key, query):
        self._only(request, query, "generation", headers=CONDITIONS)
        request.caller.require(bucket, "delete", key)
        generation = query.get("generation")
        try:
            self.store.delete(bucket, key, generation and int(generation), conditions(request))
        except ApiError as error:
            if error.xml == "NoSuchKey":
                error.message = "The specified key does not exist."
            raise
        return Response(204)

    # ---- multipart uploads

    def initiate(self, request, bucket, key, query):
        self._only(request, query, "uploads", headers=("x-goog-meta-", "x-goog-storage-class"))
        request.caller.require(bucket, "create", key)
        self.store.bucket(bucket)
        if request.body.read():
            raise invalid("A multipart upload is started with an empty body.")
        upload = uuid.uuid4().hex
        self.uploads[upload] = Multipart(bucket, key, self._fields(request))
        return xml(
            f"<InitiateMultipartUploadResult {SPACE}><Bucket>{bucket}</Bucket><Key>{escape(key)}</Key>"
            f"<UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
        )

    def _upload(self, bucket, key, query):
        upload = self.uploads.get(query["uploadId"])
        if upload is None or (upload.bucket, upload.name) != (bucket, key):
            raise ApiError(404, "The requested upload was not found.", xml="NoSuchUpload")
        return upload

    def part(self, request, bucket, key, query):
        self._only(request, query, "partNumber", "uploadId", headers=("x-goog-hash",))
        request.caller.require(bucket, "create", key)
        upload = self._upload(bucket, key, query)
        number = query["partNumber"]
        if not number.isdigit() or not 1 <= int(number) <= 10000:
            raise invalid("Part number must be an integer between 1 and 10000, inclusive.")
        blob = self._receive(request)
        blob.close()
        with self.store.lock:
            before = upload.parts.get(int(number))
            upload.parts[int(number)] = blob
        if before:
            before.discard()
        return Response(200, headers={"ETag": f'"{blob.md5.hex()}"', "x-goog-hash": hash_header(blob)})

    def complete(self, request, bucket, key, query):
        self._only(request, query, "uploadId", headers=CONDITIONS)
        request.caller.require(bucket, "create", key)
        upload = self._upload(bucket, key, query)
        listed = _parts(request.body.read_all())
        blob = self.store.new_blob()
        try:
            for index, (number, etag) in enumerate(listed):
                part = upload.parts.get(number)
                if part is None or etag.strip('"') != part.md5.hex():
                    raise ApiError(
                        400, f"Part {number} could not be found, or its ETag does not match.", xml="InvalidPart"
                    )
                if index < len(listed) - 1 and part.size < self.min_part:
                    raise ApiError(
                        400,
                        f"Part {number} has {part.size} bytes; only the last may have less than 5 MiB.",
                        xml="EntityTooSmall",
                    )
                with open(part.path, "rb") as file:
                    copy_file(file, blob)
        except BaseException:
            blob.discard()
            raise
        thing = self.store.put(
            bucket,
            key,
            blob,
            upload.fields,
            conditions(request),
            caller=request.caller,
            md5=False,
            components=len(listed),
        )
        self._forget(query["uploadId"])
        return xml(
            f"<CompleteMultipartUploadResult {SPACE}><Location>{request.base_url}{request.raw_path}</Location>"
            f"<Bucket>{bucket}</Bucket><Key>{escape(key)}</Key><ETag>{escape(thing.xml_etag)}</ETag></CompleteMultipartUploadResult>",
            {k: v for k, v in self._written(thing).items() if k.startswith("x-goog-")},
        )

    def abort(self, request, bucket, key, query):
        self._only(request, query, "uploadId")
        request.caller.require(bucket, "create", key)
        self._upload(bucket, key, query)
        self._forget(query["uploadId"])
        return Response(204)

    def _forget(self, upload):
        gone = self.uploads.pop(upload, None)
        for blob in gone.parts.values() if gone else ():
            blob.discard()


def _parts(data):
    try:
        root = ET.fromstring(data)
    except ET.ParseError:
        raise ApiError(400, "The XML you provided was not well-formed.", xml="MalformedXML") from None
    if re.sub(r"^\{.*\}", "", root.tag) != "CompleteMultipartUpload":
        raise ApiError(400, f"Unexpected element {root.tag}.", xml="MalformedXML")
    found = []
    for part in root:
        values = {re.sub(r"^\{.*\}", "", child.tag): child.text or "" for child in part}
        if set(values) != {"PartNumber", "ETag"}:
            raise Unsupported(f"unknown element in a part: {sorted(values)}", 400)
        found.append((int(values["PartNumber"]), values["ETag"]))
    if not found:
        raise ApiError(400, "A multipart upload needs at least one part.", xml="MalformedXML")
    if [n for n, _ in found] != sorted({n for n, _ in found}):
        raise ApiError(400, "The list of parts was not in ascending order.", xml="InvalidPartOrder")
    return found


def _etag_in(etag, header):
    return header.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in header.split(",")]
