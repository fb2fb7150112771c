"""Uploads: single-shot, multipart/related and resumable (JSON API), with what a broken connection leaves behind."""

import json
import re
import threading
import uuid
from urllib.parse import quote

from .blobs import QUANTUM, parse_hash_header
from .errors import ApiError, Unsupported, invalid
from .http_types import Response
from .render import object_json

_RANGE = re.compile(r"^bytes (?:(\d+)-(\d+|\*)|\*)/(\d+|\*)$")


class Session:
    """A resumable upload. Bytes that are not yet a multiple of 256 KiB are only kept for the time of one request."""

    def __init__(self, bucket, name, fields, conditions, sums, blob, caller, announced, query):
        self.id = uuid.uuid4().hex
        self.bucket, self.name, self.fields, self.conditions = bucket, name, fields, conditions
        self.sums, self.blob, self.caller = sums, blob, caller
        self.announced = announced  # X-Upload-Content-Length
        self.query = query
        self.lock = threading.Lock()
        self.finished = None
        self.cancelled = False
        self.rest = b""  # the tail of a request that is whole but no multiple of 256 KiB


class Uploads:
    def __init__(self, store, discovery):
        self.store, self.discovery = store, discovery
        self.sessions = {}

    # ---- one request

    def media(self, request, bucket, name, fields, conditions):
        fields.setdefault("contentType", request.header("Content-Type") or "application/octet-stream")
        sums = parse_hash_header(request.headers.get_all("x-goog-hash"))
        return self._store_body(request, bucket, name, fields, conditions, sums)

    def _store_body(self, request, bucket, name, fields, conditions, sums):
        blob = self.store.new_blob()
        try:
            while data := request.body.read():
                blob.write(data)
        except BaseException:
            blob.discard()
            raise
        return self.store.put(bucket, name, blob, fields, conditions, sums=sums, caller=request.caller)

    def multipart(self, request, metadata):
        """multipart/related: metadata, bytes and, from Google's Rust client, the checksums as a third part.

        METADATA(body) checks the JSON and returns (bucket, name, fields, conditions, sums).
        """
        kind = request.header("Content-Type") or ""
        found = re.match(r'multipart/related\s*;.*\bboundary="?([^";]+)"?', kind, re.I)
        if not found:
            raise invalid(f"A multipart upload needs Content-Type: multipart/related with a boundary, not '{kind}'.")
        parts = split_multipart(request.body.read_all(), found[1].strip())
        if len(parts) not in (2, 3):
            raise invalid(
                f"A multipart upload has two parts, or three with checksums at the end; this one has {len(parts)}."
            )
        if not (parts[0][0].get("content-type") or "").lower().startswith("application/json"):
            raise invalid("The first part of a multipart upload must be application/json.")
        bucket, name, fields, conditions, sums = metadata(parse_json(parts[0][1]))
        if len(parts) == 3:
            late = parse_json(parts[2][1])
            unknown = set(late) - {"crc32c", "md5Hash"}
            if unknown:
                raise Unsupported(
                    f"unknown field '{unknown.pop()}' in the checksums at the end of a multipart upload", 400
                )
            sums = {**sums, **{"crc32c" if k == "crc32c" else "md5": v for k, v in late.items()}}
        sums.update(parse_hash_header(request.headers.get_all("x-goog-hash")))
        fields.setdefault("contentType", parts[1][0].get("content-type") or "application/octet-stream")
        blob = self.store.new_blob()
        blob.write(parts[1][1])
        return self.store.put(bucket, name, blob, fields, conditions, sums=sums, caller=request.caller)

    # ---- resumable

    def start(self, request, bucket, name, fields, conditions, sums):
        kind = request.header("X-Upload-Content-Type")
        fields.setdefault("contentType", kind or "application/octet-stream")
        announced = request.header("X-Upload-Content-Length")
        if announced is not None and not announced.isdigit():
            raise invalid("X-Upload-Content-Length is not a number.")
        with self.store.lock:
            self.store.bucket(bucket)
            conditions.check(self.store.find(bucket, name))
        sums = {**sums, **parse_hash_header(request.headers.get_all("x-goog-hash"))}
        session = Session(
            bucket,
            name,
            fields,
            conditions,
            sums,
            self.store.new_blob(),
            request.caller,
            announced and int(announced),
            request.query,
        )
        self.sessions[session.id] = session
        query = "&".join(
            f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in [*request.query, ("upload_id", session.id)]
        )
        return Response(
            200,
            headers={
                "Location": f"{request.base_url}{request.raw_path}?{query}",
                "X-GUploader-UploadID": session.id,
                "Content-Length": "0",
            },
        )

    def go_on(self, request):
        """PUT, POST or DELETE to the address which `start` gave."""
        query = dict(request.query)
        session = self.sessions.get(query.pop("upload_id"))
        if session is None:
            raise ApiError(404, "The upload session was not found.")
        for name in query:
            if name not in {*dict(session.query), "alt", "prettyPrint", "fields", "key", "quotaUser"}:
                raise Unsupported(f"unknown query parameter '{name}' for an upload session", 400)
        with session.lock:
            if session.cancelled:
                raise ApiError(499, "The upload was cancelled.")
            if request.method == "DELETE":
                if session.finished is None:
                    session.blob.discard()
                    session.cancelled = True
                raise ApiError(499, "Client Closed Request")
            request.only_headers("x-goog-hash")
            return self._more(request, session)

    def _more(self, request, session):
        text = request.header("Content-Range")
        first, last, total = 0, None, None
        if text is not None:
            found = _RANGE.match(text.strip())
            if not found:
                raise invalid(f"Failed to parse Content-Range header: '{text}'")
            total = None if found[3] == "*" else int(found[3])
            if found[1] is None:
                return self._status(request, session, total)
            first = int(found[1])
            last = None if found[2] == "*" else int(found[2])
        if session.finished is not None:
            return self._finished(request, session)
        kept = session.blob.size
        if first > kept:
            raise invalid(
                f"Invalid request. According to the Content-Range header, the upload offset is {first} byte(s), "
                f"which exceeds already uploaded size of {kept} byte(s)."
            )
        if last is not None and request.body.length is not None and request.body.length != last - first + 1:
            raise invalid(f"Content-Length {request.body.length} does not fit Content-Range '{text}'.")
        # without a range, or with an open one, the end of the body is the end of the object
        ends = text is None or last is None or (total is not None and last + 1 == total)
        if total is not None and last is not None and last + 1 > total:
            raise invalid(f"Content-Range '{text}' goes past the end of the object.")
        received = self._take(request, session, first)
        if last is not None and received != last - first + 1:
            raise invalid(f"{received} bytes came, Content-Range '{text}' says otherwise.")
        if not ends:
            return self._incomplete(session)
        return self._finish(request, session, total)

    def _take(self, request, session, first):
        """Writes what comes, in multiples of 256 KiB; the rest only when the body ends as it should."""
        skip = session.blob.size - first
        pending = bytearray()
        received = 0
        while data := request.body.read():  # raises ConnectionCut: then `pending` is lost, as at Google
            received += len(data)
            if skip:
                cut = min(skip, len(data))
                skip -= cut
                data = data[cut:]
            pending += data
            if len(pending) >= QUANTUM:
                # the blob's size is a multiple of the quantum here
                whole = len(pending) // QUANTUM * QUANTUM
                session.blob.write(bytes(pending[:whole]))
                del pending[:whole]
        session.rest = bytes(pending)
        return received

    def _incomplete(self, session):
        session.rest = b""
        headers = {"Content-Length": "0", "X-GUploader-UploadID": session.id}
        if session.blob.size:
            headers["Range"] = f"bytes=0-{session.blob.size - 1}"
        return Response(308, headers=headers, reason="Resume Incomplete")

    def _status(self, request, session, total):
        if request.body.read():
            raise invalid("A Content-Range without a range comes with an empty body.")
        if session.finished is not None:
            return self._finished(request, session)
        if total is not None and total == session.blob.size:
            session.rest = b""
            return self._finish(request, session, total)
        return self._incomplete(session)

    def _finish(self, request, session, total):
        rest = session.rest
        size = session.blob.size + len(rest)
        if total is not None and size != total:
            raise invalid(f"The upload has {size} bytes, Content-Range says {total}.")
        if session.announced is not None and size != session.announced:
            raise invalid(f"The upload has {size} bytes, X-Upload-Content-Length said {session.announced}.")
        session.blob.write(rest)
        sums = {**session.sums, **parse_hash_header(request.headers.get_all("x-goog-hash"))}
        try:
            session.finished = self.store.put(
                session.bucket,
                session.name,
                session.blob,
                session.fields,
                session.conditions,
                sums=sums,
                caller=session.caller,
            )
        except ApiError:
            session.cancelled = True  # its bytes are gone
            raise
        return self._finished(request, session)

    def _finished(self, request, session):
        while request.body.read():
            pass
        body = json.dumps(object_json(session.finished, request.base_url)).encode()
        headers = {"X-GUploader-UploadID": session.id}
        return Response(200, body, headers, "application/json; charset=UTF-8")


def parse_json(data):
    try:
        value = json.loads(data or b"{}")
    except ValueError:
        raise invalid("Parse Error", reason="parseError") from None
    if not isinstance(value, dict):
        raise invalid("Parse Error: an object is expected.", reason="parseError")
    return value


def split_multipart(data, boundary):
    """→ [(headers in lower case, bytes)]"""
    mark = b"--" + boundary.encode()
    if not data.startswith(mark):
        start = data.find(b"\r\n" + mark)
        if start < 0:
            raise invalid("Malformed multipart body: no boundary in it.")
        data = data[start + 2 :]
    parts = []
    at = len(mark)
    while True:
        if data[at : at + 2] == b"--":
            return parts
        line = data.find(b"\n", at)
        end = data.find(b"\n" + mark, line)
        if line < 0 or end < 0:
            raise invalid("Malformed multipart body: it does not end with the boundary.")
        piece = data[line + 1 : end]
        piece = piece[:-1] if piece.endswith(b"\r") else piece
        headers, content = split_head(piece)
        parts.append((headers, content))
        at = end + 1 + len(mark)


def split_head(piece):
    """Header lines, an empty line, content."""
    headers = {}
    at = 0
    while at < len(piece):
        end = piece.find(b"\n", at)
        end = len(piece) if end < 0 else end
        line = piece[at:end].strip()
        at = end + 1
        if not line:
            break
        key, _, value = line.decode("utf-8", "replace").partition(":")
        headers[key.strip().lower()] = value.strip()
    return headers, piece[at:]
