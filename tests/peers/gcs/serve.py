"""Starts the fake of Google Cloud Storage. Prints one line of JSON with its addresses once it listens; ends by SIGTERM.

python tests/peers/gcs/serve.py --root DIR [--port N] [--grpc-port N] …
"""

import argparse
import json
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:] = [p for p in sys.path if os.path.abspath(p) != os.path.dirname(os.path.abspath(__file__))]

from gcs.access import Access  # noqa: E402
from gcs.discovery import Discovery  # noqa: E402
from gcs.faults import Faults  # noqa: E402
from gcs.grpc_server import GrpcServer  # noqa: E402
from gcs.http_server import App, Control, Server  # noqa: E402
from gcs.journal import Journal  # noqa: E402
from gcs.json_api import JsonApi  # noqa: E402
from gcs.notifications import Notifier  # noqa: E402
from gcs.objects import Rewrites  # noqa: E402
from gcs.store import Store  # noqa: E402
from gcs.uploads import Uploads  # noqa: E402
from gcs.xml_api import XmlApi  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", required=True, help="objects lie at ROOT/BUCKET/NAME; its former content is not read")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--grpc-port", type=int, default=0)
    parser.add_argument("--project", default="test-project")
    parser.add_argument("--pubsub", metavar="HOST:PORT", help="the Pub/Sub emulator that notifications go to")
    parser.add_argument(
        "--duplicate-notifications", action="store_true", help="publish each twice, mixed with its neighbours"
    )
    parser.add_argument("--latency-ms", type=float, default=0, help="each call takes so much longer")
    parser.add_argument("--log", metavar="FILE", help="one JSON line per call and per refusal")
    parser.add_argument("--require-token", action="append", default=[], metavar="T")
    parser.add_argument(
        "--deny",
        action="append",
        default=[],
        metavar="TOKEN=PREFIX[:verbs]",
        help="verbs: get,list,create,update,delete,read,write",
    )
    parser.add_argument("--rewrite-bytes-per-call", type=int, metavar="N")
    parser.add_argument(
        "--lenient-parts", action="store_true", help="parts of an XML multipart upload may be under 5 MiB"
    )
    parser.add_argument("--adopt", action="store_true", help="files which others put below ROOT/BUCKET become objects")
    parser.add_argument("--with-parent", action="store_true", help="end when stdin ends")
    return parser.parse_args()


def main():
    options = arguments()
    store = Store(options.root, options.project, options.adopt)
    journal, faults, access = Journal(options.log), Faults(), Access(options.require_token, options.deny)
    discovery = Discovery()
    uploads, rewrites = Uploads(store, discovery), Rewrites(store, options.rewrite_bytes_per_call)
    control = Control(faults, journal)
    app = App(
        store,
        JsonApi(store, discovery, uploads, rewrites),
        XmlApi(store, options.lenient_parts),
        access,
        faults,
        journal,
        control,
        options.latency_ms,
    )
    server = Server((options.host, options.port), app)
    app.authority = f"{options.host}:{server.server_address[1]}"
    notifier = Notifier(journal, f"http://{app.authority}", options.pubsub, options.duplicate_notifications)
    control.notifier = notifier
    store.listeners.append(notifier.event)
    grpc_server = GrpcServer(app, rewrites)
    grpc_port = grpc_server.start(options.host, options.grpc_port)

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if options.with_parent:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), stop.set()), daemon=True).start()
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    print(json.dumps({"http": f"http://{app.authority}", "grpc": f"http://{options.host}:{grpc_port}"}), flush=True)
    stop.wait()
    grpc_server.stop()
    os._exit(0)  # threads that wait on a connection do not hold the process


if __name__ == "__main__":
    main()
