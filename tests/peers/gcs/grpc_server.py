"""The gRPC server: which calls there are; for each auth, faults, delays, the list of calls, error details."""

import time
import traceback
from concurrent import futures
from urllib.parse import parse_qsl

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from .errors import ApiError, Unsupported
from .grpc_api import IAM, STORAGE, Rpc
from .http_server import named, ordered_error

SERVICES = ("google.storage.v2.Storage", "google.storage.control.v2.StorageControl")


class GrpcServer(grpc.GenericRpcHandler):
    def __init__(self, app, rewrites):
        self.app, self.rewrites = app, rewrites
        # a sleeping call holds a thread, so there are many
        pool = futures.ThreadPoolExecutor(max_workers=256, thread_name_prefix="grpc")
        self._server = grpc.server(pool, handlers=[self], options=[("grpc.so_reuseport", 0)])

    def start(self, host, port):
        bound = self._server.add_insecure_port(f"{host}:{port}")
        self._server.start()
        return bound

    def stop(self):
        self._server.stop(0)

    def service(self, details):
        service, _, name = details.method.lstrip("/").rpartition("/")
        table = {**STORAGE, **IAM} if service == SERVICES[0] else IAM if service == SERVICES[1] else {}
        if name not in table:
            return grpc.stream_stream_rpc_method_handler(
                lambda requests, context: self._unknown(details.method, context)
            )
        handler, request_type = table[name]
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._call(name, handler, request, context),
            request_deserializer=request_type.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )

    def _unknown(self, method, context):
        started = time.time()
        message = f"{method} is not in this fake"
        self.app.journal.refuse("grpc", method, message)
        self.app.journal.call(
            surface="grpc", method=method.rpartition("/")[2], resource=method, status=501, started=started
        )
        _abort(context, Unsupported(message))
        yield  # makes this a generator, as a streaming answer has to be

    def _call(self, name, handler, request, context):
        app, started = self.app, time.time()
        resource = _resource(request)
        fault = app.faults.take("grpc", name, resource)
        status, failed, answer = 200, None, None
        try:
            delay = app.latency + fault.get("delay_ms", 0) / 1000
            if delay:
                time.sleep(delay)
            if "status" in fault:
                raise ordered_error(fault)
            metadata = {k: v for k, v in context.invocation_metadata()}
            caller = app.access.caller(metadata.get("authorization"))
            routing = dict(parse_qsl(metadata.get("x-goog-request-params", "")))
            answer = handler(Rpc(self, name, request, caller, routing))
            if fault.get("drop_response"):
                raise ApiError(503, "Connection reset by peer")
        except ApiError as error:
            failed, status = error, error.status
        except Exception as error:  # a bug of the fake must not look like Google's answer
            traceback.print_exc()
            failed, status = Unsupported(f"internal error of the fake: {error!r}"), 501
        if isinstance(failed, Unsupported):
            app.journal.refuse("grpc", f"{name} {resource}", failed.message)
        app.journal.call(
            surface="grpc",
            method=name,
            resource=resource,
            status=status,
            started=started,
            operation=name,
            size_in=request.ByteSize(),
            fault=named(fault),
        )
        if failed:
            _abort(context, failed)
        return answer


def _resource(request):
    """What a call is about, as BUCKET/OBJECT, for the list of calls and for faults."""
    known = request.DESCRIPTOR.fields_by_name
    for holder in ("destination", "object_", "bucket"):
        if holder in known and known[holder].message_type is not None and request.HasField(holder):
            inner = getattr(request, holder)
            if holder == "bucket":
                return inner.name.removeprefix("projects/_/buckets/") or getattr(request, "bucket_id", "")
            if inner.bucket:
                return f"{inner.bucket.removeprefix('projects/_/buckets/')}/{inner.name}"
    bucket = name = ""
    for field in ("destination_bucket", "bucket", "parent", "name", "resource"):
        if field in known and known[field].message_type is None and getattr(request, field):
            bucket = getattr(request, field).removeprefix("projects/_/buckets/")
            break
    for field in ("destination_name", "object_", "destination_object"):
        if field in known and known[field].message_type is None:
            name = getattr(request, field)
    return f"{bucket}/{name}" if name else bucket


def _abort(context, error):
    code = grpc.StatusCode[error.grpc]
    status = status_pb2.Status(code=code.value[0], message=error.message)
    details = [
        error_details_pb2.ErrorInfo(
            reason=error.reason, domain="storage.googleapis.com", metadata={"httpStatus": str(error.status)}
        )
    ]
    if code == grpc.StatusCode.INVALID_ARGUMENT and error.location:
        details.append(
            error_details_pb2.BadRequest(field_violations=[{"field": error.location[1], "description": error.message}])
        )
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.seconds = int(error.retry_after)
        details.append(retry)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    context.abort_with_status(rpc_status.to_status(status))
