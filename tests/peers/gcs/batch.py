"""POST /batch/storage/v1: up to 100 calls of the JSON API in one multipart/mixed body. No uploads, no downloads."""

import http.client
import io
import re
import uuid
from email.parser import BytesHeaderParser
from urllib.parse import parse_qsl, urlsplit

from .errors import ApiError, Unsupported, invalid
from .http_types import Body, Request, Response
from .uploads import split_head, split_multipart

LIMIT = 100


def handle(app, request):
    request.operation = "batch"
    if request.method != "POST" or request.query:
        raise Unsupported(f"unknown call: {request.method} {request.raw_path} {request.query}", 400)
    kind = request.header("Content-Type") or ""
    found = re.match(r'multipart/mixed\s*;.*\bboundary="?([^";]+)"?', kind, re.I | re.S)
    if not found:
        raise invalid(f"A batch needs Content-Type: multipart/mixed with a boundary, not '{kind}'.")
    parts = split_multipart(request.body.read_all(), found[1].strip())
    if len(parts) > LIMIT:
        raise invalid(f"A batch has at most {LIMIT} calls; this one has {len(parts)}.")
    boundary = f"batch_{uuid.uuid4().hex}"
    out = []
    for headers, content in parts:
        response = one(app, request, content)
        answer = headers.get("content-id", "")
        answer = f"<response-{answer.lstrip('<')}" if answer else ""
        reason = http.client.responses.get(response.status, "Unknown")
        lines = [f"--{boundary}", "Content-Type: application/http"]
        lines += [f"Content-ID: {answer}"] if answer else []
        lines += ["", f"HTTP/1.1 {response.status} {reason}"]
        lines += [f"{k}: {v}" for k, v in response.headers.items()]
        lines += [f"Content-Length: {len(response.body)}", "", ""]
        out.append("\r\n".join(lines).encode() + response.body + b"\r\n")
    out.append(f"--{boundary}--\r\n".encode())
    return Response(200, b"".join(out), content_type=f"multipart/mixed; boundary={boundary}")


def one(app, outer, content):
    line, _, rest = content.lstrip(b"\r\n").partition(b"\n")
    words = line.decode("utf-8", "replace").split()
    if len(words) < 2:
        raise invalid("A part of the batch does not begin with a request line.")
    method, target = words[0], urlsplit(words[1])
    head, data = split_head(rest)
    headers = BytesHeaderParser().parsebytes("".join(f"{k}: {v}\r\n" for k, v in head.items()).encode() + b"\r\n")
    if "Content-Length" in headers:
        data = data[: int(headers["Content-Length"])]
    else:
        data = data.strip()
        headers["Content-Length"] = str(len(data))
    if "Authorization" not in headers and outer.header("Authorization"):
        headers["Authorization"] = outer.header("Authorization")
    inner = Request(
        method,
        target.path,
        parse_qsl(target.query, keep_blank_values=True),
        headers,
        Body(io.BytesIO(data), headers),
        outer.base_url,
    )
    try:
        if not target.path.startswith("/storage/v1/") or dict(inner.query).get("alt") == "media":
            raise Unsupported(f"in a batch: {method} {words[1]}", 400)
    except ApiError as error:
        return app.error_response("json", inner, error)
    fault = app.faults.take("json", method, words[1])
    return app.run(
        "json",
        inner,
        {k: v for k, v in fault.items() if k in ("status", "reason", "message", "retry_after", "delay_ms")},
    )
