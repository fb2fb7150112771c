"""The one error type of the fake, and how each surface says it (JSON, XML, gRPC status)."""

import json
from xml.sax.saxutils import escape

# HTTP status → (JSON `reason`, name of the gRPC code, XML `Code`)
KINDS = {
    304: ("notModified", "ABORTED", "NotModified"),
    400: ("invalid", "INVALID_ARGUMENT", "InvalidArgument"),
    401: ("authError", "UNAUTHENTICATED", "AuthenticationRequired"),
    403: ("forbidden", "PERMISSION_DENIED", "AccessDenied"),
    404: ("notFound", "NOT_FOUND", "NoSuchKey"),
    405: ("methodNotAllowed", "UNIMPLEMENTED", "MethodNotAllowed"),
    408: ("requestTimeout", "DEADLINE_EXCEEDED", "RequestTimeout"),
    409: ("conflict", "ALREADY_EXISTS", "Conflict"),
    411: ("required", "INVALID_ARGUMENT", "MissingContentLength"),
    412: ("conditionNotMet", "FAILED_PRECONDITION", "PreconditionFailed"),
    416: ("requestedRangeNotSatisfiable", "OUT_OF_RANGE", "InvalidRange"),
    429: ("rateLimitExceeded", "RESOURCE_EXHAUSTED", "SlowDown"),
    499: ("clientClosedRequest", "CANCELLED", "RequestCancelled"),
    500: ("backendError", "INTERNAL", "InternalError"),
    501: ("notImplemented", "UNIMPLEMENTED", "NotImplemented"),
    503: ("backendError", "UNAVAILABLE", "ServiceUnavailable"),
    504: ("gatewayTimeout", "DEADLINE_EXCEEDED", "GatewayTimeout"),
}


class ApiError(Exception):
    """An answer that is an error at Google too."""

    def __init__(self, status, message, *, reason=None, grpc=None, xml=None, headers=None, location=None):
        super().__init__(message)
        kind = KINDS.get(status, ("backendError", "UNKNOWN", "InternalError"))
        self.status = status
        self.message = message
        self.reason = reason or kind[0]
        self.grpc = grpc or kind[1]
        self.xml = xml or kind[2]
        self.headers = headers or {}
        self.location = location  # ("parameter" | "header", name)
        self.retry_after = None

    def json_body(self):
        error = {"message": self.message, "domain": "global", "reason": self.reason}
        if self.location:
            error["locationType"], error["location"] = self.location
        return json.dumps({"error": {"code": self.status, "message": self.message, "errors": [error]}}).encode()

    def xml_body(self):
        said = f"<Code>{self.xml}</Code><Message>{escape(self.message)}</Message>"
        return f"<?xml version='1.0' encoding='UTF-8'?><Error>{said}</Error>".encode()


class Unsupported(ApiError):
    """Something this fake does not know or does not do. Written to the log, so that a test can insist on none."""

    def __init__(self, message, status=501):
        super().__init__(status, message, grpc="UNIMPLEMENTED" if status == 501 else None)


class ConnectionCut(Exception):
    """The connection ended, or a fault says that it does, before the request was whole."""


def bucket_missing(name):
    return ApiError(404, "The specified bucket does not exist.", xml="NoSuchBucket")


def object_missing(bucket, name, generation=None):
    suffix = f"#{generation}" if generation else ""
    return ApiError(404, f"No such object: {bucket}/{name}{suffix}", xml="NoSuchKey")


def condition_failed():
    return ApiError(
        412, "At least one of the pre-conditions you specified did not hold.", location=("header", "If-Match")
    )


def invalid(message, parameter=None, reason=None):
    return ApiError(400, message, reason=reason, location=("parameter", parameter) if parameter else None)
