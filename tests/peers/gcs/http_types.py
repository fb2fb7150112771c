"""Requests and responses over HTTP as the surfaces see them, and the reading of bodies."""

from .errors import ApiError, ConnectionCut, Unsupported, invalid

CHUNK = 256 * 1024
# request headers beginning with x-goog- that Google's clients send and that change nothing here
HARMLESS = {"x-goog-api-client", "x-goog-request-params", "x-goog-gcs-idempotency-token", "x-goog-user-project"}


class Request:
    def __init__(self, method, raw_path, query, headers, body, base_url, caller=None):
        self.method = method
        self.raw_path = raw_path  # percent-encoded
        self.query = query  # [(name, value)]
        self.headers = headers  # email.message.Message
        self.body = body
        self.base_url = base_url
        self.caller = caller
        self.operation = None  # named by the surface, for the list of calls

    def header(self, name, default=None):
        return self.headers.get(name, default)

    def only_headers(self, *known):
        """Refuses an x-goog- header outside HARMLESS and KNOWN (a name ending in '-' stands for all that begin so)."""
        for name in self.headers:
            lower = name.lower()
            if not lower.startswith("x-goog-") or lower in HARMLESS or lower in known:
                continue
            if not any(k.endswith("-") and lower.startswith(k) for k in known):
                raise Unsupported(f"unknown header '{name}' for {self.method} {self.raw_path}", 400)


class Response:
    def __init__(self, status=200, body=b"", headers=None, content_type=None, file=None, reason=None):
        self.status = status
        self.body = body
        self.headers = dict(headers or {})
        self.file = file  # (open file, offset, length)
        self.reason = reason
        if content_type:
            self.headers["Content-Type"] = content_type


class Body:
    """The body of a request, read in pieces: by its length, or chunked. A body that ends early is a ConnectionCut."""

    def __init__(self, stream, headers, cut_after=None):
        self._stream = stream
        self._cut_after = cut_after
        self.taken = 0
        self.chunked = "chunked" in (headers.get("Transfer-Encoding") or "").lower()
        length = headers.get("Content-Length")
        self.length = None if self.chunked else int(length or 0)
        self.length_given = self.chunked or length is not None
        self._left = self.length or 0
        self._chunk_left = 0
        self.done = not self.chunked and not self._left

    def read(self, size=CHUNK):
        if self.done:
            return b""
        if self._cut_after is not None:
            size = min(size, self._cut_after - self.taken)
            if size <= 0:
                raise ConnectionCut()
        data = self._read_chunked(size) if self.chunked else self._read_plain(size)
        self.taken += len(data)
        return data

    def read_all(self):
        return b"".join(iter(self.read, b""))

    def _read_plain(self, size):
        data = (
            self._stream.read1(min(size, self._left))
            if hasattr(self._stream, "read1")
            else self._stream.read(min(size, self._left))
        )
        if not data:
            raise ConnectionCut()
        self._left -= len(data)
        self.done = not self._left
        return data

    def _read_chunked(self, size):
        if not self._chunk_left:
            line = self._stream.readline(1024)
            if not line:
                raise ConnectionCut()
            try:
                self._chunk_left = int(line.split(b";")[0], 16)
            except ValueError:
                raise invalid("The chunked body is malformed.") from None
            if not self._chunk_left:
                while self._stream.readline(8192) not in (b"\r\n", b"\n", b""):
                    pass
                self.done = True
                return b""
        data = self._stream.read1(min(size, self._chunk_left))
        if not data:
            raise ConnectionCut()
        self._chunk_left -= len(data)
        if not self._chunk_left:
            self._stream.readline(8)
        return data


def parse_range(text, size):
    """`Range: bytes=…` → (first, length) or None for all; 416 when nothing of it is there."""
    if not text:
        return None
    unit, _, spec = text.partition("=")
    first, dash, last = spec.strip().partition("-")
    if unit.strip() != "bytes" or not dash or "," in spec or not (first or last):
        return None  # as Google: a range it does not understand is as good as none
    try:
        if not first:
            begin, end = max(0, size - int(last)), size - 1
            if int(last) == 0:
                begin = size
        else:
            begin, end = int(first), min(int(last) if last else size - 1, size - 1)
    except ValueError:
        return None
    if begin >= size or end < begin:
        raise ApiError(416, "The requested range cannot be satisfied.", headers={"Content-Range": f"bytes */{size}"})
    return begin, end - begin + 1
