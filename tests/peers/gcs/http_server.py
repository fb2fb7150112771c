"""The HTTP server: one thread per connection, keep-alive, for each call auth, faults, delays, the list of calls."""

import http.client
import json
import os
import socket
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote

from . import batch
from .errors import ApiError, ConnectionCut, Unsupported
from .http_types import CHUNK, Body, Request, Response

JSON_PATHS = (
    "/storage/v1/",
    "/upload/storage/v1/",
    "/resumable/upload/storage/v1/",
    "/download/storage/v1/",
    "/batch/storage/v1",
)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, address, app):
        self.app = app
        super().__init__(address, Handler)

    def handle_error(self, request, client_address):
        pass  # a client that hangs up is not worth a stack trace


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "UploadServer"
    disable_nagle_algorithm = True
    timeout = 300

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.serve()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = do_GET

    def serve(self):
        app, started = self.server.app, time.time()
        raw_path, _, raw_query = self.path.partition("?")
        query = parse_qsl(raw_query, keep_blank_values=True)
        # Google's Rust client sends Host without the port; addresses in answers need it
        host = self.headers.get("Host") or ""
        base_url = f"http://{host if ':' in host else app.authority}"
        if raw_path.startswith("/_fake/"):
            self.answer(
                app.control.handle(
                    Request(self.command, raw_path, query, self.headers, Body(self.rfile, self.headers), base_url)
                )
            )
            return
        surface = "json" if raw_path.startswith(JSON_PATHS) else "xml"
        resource = unquote(raw_path) + (f"?{raw_query}" if raw_query else "")
        fault = app.faults.take(surface, self.command, resource)
        body = Body(self.rfile, self.headers, fault.get("cut_after_bytes"))
        request = Request(self.command, raw_path, query, self.headers, body, base_url)
        response, cut = None, False
        try:
            response = app.run(surface, request, fault)
            cut = bool(fault.get("drop_response"))
        except (ConnectionCut, OSError):
            cut = True
        status = 0 if cut else response.status
        try:
            if not cut:
                cut = not self.drain(body)
                self.answer(response, fault.get("cut_download_after"))
        finally:
            app.journal.call(
                surface=surface,
                method=self.command,
                resource=resource,
                status=status,
                started=started,
                operation=request.operation,
                size_in=body.taken,
                fault=named(fault),
            )
        if cut:
            self.hang_up()

    def drain(self, body):
        """Reads what nobody read of a body, or the next request could not be found. A long one costs the connection."""
        if body.chunked or (body.length or 0) - body.taken < 64 << 20:
            try:
                while body.read():
                    pass
                return True
            except (ConnectionCut, OSError, ApiError):
                pass
        self.close_connection = True
        return False

    def answer(self, response, cut_after=None):
        status = response.status
        reason = response.reason or http.client.responses.get(status, "Unknown")
        length = response.file[2] if response.file else len(response.body)
        lines = [f"HTTP/1.1 {status} {reason}", f"Date: {self.date_time_string()}", f"Server: {self.server_version}"]
        if status not in (204, 304) and "Content-Length" not in response.headers:
            lines.append(f"Content-Length: {length}")
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        if self.close_connection:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        bare = self.command == "HEAD" or status in (204, 304)
        if response.file:
            file, offset, left = response.file
            with file:
                self.wfile.write(head)
                if bare:
                    return
                file.seek(offset)
                if cut_after is not None and cut_after < left:
                    self.wfile.write(file.read(cut_after))
                    self.hang_up()
                    return
                while left:
                    data = file.read(min(CHUNK, left))
                    left -= len(data)
                    self.wfile.write(data)
            return
        self.wfile.write(head if bare else head + response.body)

    def hang_up(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def named(fault):
    return {k: v for k, v in fault.items() if k not in ("match", "times", "after")} or None


class App:
    """What the surfaces share. `run` is one call, whether it came on its own or in a batch."""

    def __init__(self, store, json_api, xml_api, access, faults, journal, control, latency_ms=0):
        self.store, self.json_api, self.xml_api = store, json_api, xml_api
        self.access, self.faults, self.journal, self.control = access, faults, journal, control
        self.latency = latency_ms / 1000
        self.authority = None

    def run(self, surface, request, fault):
        delay = self.latency + fault.get("delay_ms", 0) / 1000
        if delay:
            time.sleep(delay)
        try:
            if "status" in fault:
                raise ordered_error(fault)
            session = surface == "json" and "upload_id" in dict(request.query) and not request.header("Authorization")
            # the address of an upload session is good without a token
            request.caller = self.access.caller(request.header("Authorization")) if not session else None
            if surface == "xml":
                return self.xml_api.handle(request)
            if request.raw_path.rstrip("/") == "/batch/storage/v1":
                return batch.handle(self, request)
            return self.json_api.handle(request)
        except ApiError as error:
            return self.error_response(surface, request, error)
        except (ConnectionCut, OSError):
            raise
        except Exception as error:  # a bug of the fake must not look like Google's answer
            traceback.print_exc()
            return self.error_response(surface, request, Unsupported(f"internal error of the fake: {error!r}"))

    def error_response(self, surface, request, error):
        if isinstance(error, Unsupported):
            self.journal.refuse(surface, f"{request.method} {request.raw_path}", error.message)
        headers = dict(error.headers)
        if error.retry_after is not None:
            headers["Retry-After"] = str(error.retry_after)
        if surface == "xml":
            return Response(error.status, error.xml_body(), headers, "application/xml; charset=UTF-8")
        return Response(error.status, error.json_body(), headers, "application/json; charset=UTF-8")


def ordered_error(fault):
    error = ApiError(
        fault["status"], fault.get("message", "A fault that the test ordered."), reason=fault.get("reason")
    )
    error.retry_after = fault.get("retry_after")
    return error


class Control:
    """/_fake/…: what is not Google's."""

    def __init__(self, faults, journal):
        self.faults, self.journal, self.notifier = faults, journal, None

    def handle(self, request):
        what, method = request.raw_path.removeprefix("/_fake/"), request.method
        data = request.body.read_all()
        if (method, what) == ("POST", "faults"):
            try:
                orders = json.loads(data)
                for order in orders if isinstance(orders, list) else [orders]:
                    self.faults.add(order)
            except (ValueError, TypeError, AttributeError) as error:
                return self._json({"error": str(error)}, 400)
            return self._json({"faults": self.faults.list()})
        if (method, what) == ("GET", "faults"):
            return self._json(self.faults.list())
        if (method, what) == ("DELETE", "faults"):
            self.faults.clear()
            return self._json({})
        if (method, what) == ("GET", "calls"):
            return self._json(list(self.journal.calls))
        if (method, what) == ("GET", "refused"):
            return self._json(list(self.journal.refused))
        if (method, what) == ("GET", "notifications"):
            return self._json(list(self.notifier.sent))
        if (method, what) == ("DELETE", "calls"):
            self.journal.clear()
            return self._json({})
        if (method, what) == ("GET", "health"):
            return self._json({"pid": os.getpid()})
        return self._json({"error": f"no such control: {method} {request.raw_path}"}, 404)

    @staticmethod
    def _json(value, status=200):
        return Response(status, json.dumps(value).encode(), content_type="application/json")
