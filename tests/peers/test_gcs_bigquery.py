"""BigQuery's stand-in (bqemulator) loads from, and extracts to, buckets of the fake of Google Cloud Storage."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from peer import Peer


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def extensions(home):
    """Copies DuckDB's extension files from their Python packages to where DuckDB looks for them."""
    import duckdb

    folder = os.path.join(home, ".duckdb", "extensions", f"v{duckdb.__version__}", "linux_amd64")
    os.makedirs(folder)
    for name in ("spatial", "avro"):
        package = os.path.dirname(importlib.util.find_spec(f"duckdb_extension_{name}").origin)
        for top, _, files in os.walk(package):
            for file in files:
                if file.endswith(".duckdb_extension"):
                    shutil.copy(os.path.join(top, file), folder)


@unittest.skipUnless(importlib.util.find_spec("bqemulator"), "bqemulator is not installed")
@unittest.skipUnless(sys.platform == "linux", "DuckDB's extension files are for Linux")
class LoadAndExtract(unittest.TestCase):
    def test_both_ways(self):
        peer = Peer("--adopt")
        self.addCleanup(peer.close)
        client = peer.client()
        self.addCleanup(client.close)
        bucket = client.create_bucket("lake-1")
        bucket.blob("curated/day=1/orders.csv").upload_from_string("id,amount\n1,10\n2,20\n")
        home = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, home, True)
        extensions(home)
        port = free_port()
        program = os.path.join(os.path.dirname(sys.executable), "bqemulator")
        command = [program, "start", "--rest-port", str(port), "--grpc-port", str(free_port())]
        environment = {**os.environ, "HOME": home, "BQEMU_GCS_LOCAL_ROOT": peer.root}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=home
        )
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.send_signal, signal.SIGTERM)
        self.base = f"http://127.0.0.1:{port}/bigquery/v2/projects/p"

        end = time.time() + 60
        while True:
            try:
                self.post("/datasets", {"datasetReference": {"projectId": "p", "datasetId": "d"}})
                break
            except (urllib.error.URLError, OSError):
                self.assertLess(time.time(), end, "bqemulator does not start")
                time.sleep(0.2)
        table = {"projectId": "p", "datasetId": "d", "tableId": "t"}
        self.job(
            {
                "load": {
                    "sourceUris": ["gs://lake-1/curated/day=1/orders.csv"],
                    "destinationTable": table,
                    "sourceFormat": "CSV",
                    "skipLeadingRows": 1,
                    "schema": {"fields": [{"name": "id", "type": "INTEGER"}, {"name": "amount", "type": "INTEGER"}]},
                }
            }
        )
        answer = self.post("/queries", {"query": "SELECT SUM(amount) FROM d.t", "useLegacySql": False})
        self.assertEqual(answer["rows"][0]["f"][0]["v"], "30")
        self.job(
            {
                "extract": {
                    "sourceTable": table,
                    "destinationUris": ["gs://lake-1/extract-orders.csv"],
                    "destinationFormat": "CSV",
                }
            }
        )
        self.assertIn(b"2,20", bucket.blob("extract-orders.csv").download_as_bytes())

    def post(self, path, body):
        request = urllib.request.Request(
            self.base + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def job(self, configuration):
        job = self.post("/jobs", {"configuration": configuration})
        end = time.time() + 30
        while job["status"]["state"] != "DONE" and time.time() < end:
            time.sleep(0.1)
            with urllib.request.urlopen(f"{self.base}/jobs/{job['jobReference']['jobId']}") as answer:
                job = json.load(answer)
        self.assertEqual(job["status"]["state"], "DONE", job)
        self.assertNotIn("errorResult", job["status"], job)


if __name__ == "__main__":
    unittest.main()
