"""Raw calls of the JSON surface as Google's Rust client makes them; strictness, tokens, faults, the list of calls."""

import base64
import http.client
import json
import os
import subprocess
import sys
import time
import unittest

import google_crc32c

from peer import Peer, PeerTest

KIB = 1024


def crc(data):
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()


class RestTest(PeerTest):
    def call(self, method, path, body=None, headers=None):
        wire = http.client.HTTPConnection(self.peer.authority)
        try:
            chunked = body is not None and not isinstance(body, (bytes, str))
            wire.request(method, path, body, headers or {}, encode_chunked=chunked)
            answer = wire.getresponse()
            answer.data = answer.read()
            return answer
        finally:
            wire.close()

    def start(self, name, body=None, query=""):
        path = f"/upload/storage/v1/b/{self.name}/o?uploadType=resumable&name={name}{query}"
        answer = self.call("POST", path, json.dumps(body or {}), {"content-type": "application/json"})
        self.assertEqual(answer.status, 200, answer.data)
        self.assertTrue(answer.headers["Location"].startswith(self.peer.http), answer.headers["Location"])
        return answer.headers["Location"].removeprefix(self.peer.http)

    def send(self, session, data, content_range, **headers):
        return self.call(
            "PUT",
            session,
            data,
            {"Content-Range": content_range, "content-type": "application/octet-stream", **headers},
        )


class Uploads(RestTest):
    def three_parts(self, data, checksum):
        boundary, kind = "b-1-2-3", "Content-Type: application/json; charset=UTF-8\r\n"

        def part(name, content, headers=""):
            return (
                f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n{headers}\r\n'.encode()
                + content
                + b"\r\n"
            )

        body = part("metadata", b'{"metadata":{"k":"v"}}', kind) + part("media", data)
        body += part("checksums", json.dumps({"crc32c": checksum}).encode(), kind) + f"--{boundary}--\r\n".encode()
        path = f"/upload/storage/v1/b/{self.name}/o?uploadType=multipart&name=dir%2Fthree+parts&ifGenerationMatch=0"
        headers = {
            "content-type": f"multipart/related; boundary={boundary}",
            "x-goog-gcs-idempotency-token": "t",
            "Transfer-Encoding": "chunked",
        }
        return self.call("POST", path, iter([body[:100], body[100:]]), headers)

    def test_three_parts(self):
        data = b"\r\n--b-1\r\nlines\r\n"
        self.assertEqual(self.three_parts(data, crc(b"other")).status, 400)
        answer = self.three_parts(data, crc(data))
        self.assertEqual(answer.status, 200, answer.data)
        self.assertEqual(self.bucket.blob("dir/three parts").download_as_bytes(), data)
        self.assertEqual(self.bucket.get_blob("dir/three parts").metadata, {"k": "v"})

    def test_resumable(self):
        data = os.urandom(600 * KIB)
        session = self.start("r")
        answer = self.send(session, data[: 300 * KIB], f"bytes 0-{300 * KIB - 1}/*")
        self.assertEqual((answer.status, answer.headers["Range"]), (308, f"bytes=0-{256 * KIB - 1}"))
        answer = self.send(session, b"", "bytes */*")
        self.assertEqual((answer.status, answer.headers["Range"]), (308, f"bytes=0-{256 * KIB - 1}"))
        self.assertEqual(self.send(session, data, f"bytes {300 * KIB}-{900 * KIB - 1}/{900 * KIB}").status, 400)
        answer = self.send(
            session,
            data[256 * KIB :],
            f"bytes {256 * KIB}-{len(data) - 1}/{len(data)}",
            **{"x-goog-hash": f"crc32c={crc(data)}"},
        )
        self.assertEqual((answer.status, json.loads(answer.data)["crc32c"]), (200, crc(data)))
        self.assertEqual(self.send(session, b"", "bytes */*").status, 200)
        got = self.call("GET", f"/storage/v1/b/{self.name}/o/r?alt=media", headers={"range": "bytes=10-19"})
        self.assertEqual(
            (got.status, got.data, got.headers["Content-Range"]), (206, data[10:20], f"bytes 10-19/{len(data)}")
        )
        self.assertTrue(got.headers["x-goog-hash"].startswith(f"crc32c={crc(data)},md5="))
        self.assertEqual(got.headers["x-goog-stored-content-length"], str(len(data)))

    def test_the_address_of_a_session_has_the_port_even_if_the_host_header_has_none(self):
        path = f"/upload/storage/v1/b/{self.name}/o?uploadType=resumable&name=x"
        answer = self.call("POST", path, "{}", {"Host": "127.0.0.1"})
        self.assertTrue(answer.headers["Location"].startswith(f"{self.peer.http}/upload/"), answer.headers["Location"])

    def test_open_ranges_and_empty_objects(self):
        data = os.urandom(300 * KIB)
        session = self.start("open")
        self.assertIsNone(self.send(session, b"", "bytes */*").headers["Range"])
        self.assertEqual(
            self.call(
                "PUT", session, iter([data]), {"Content-Range": "bytes 0-*/*", "Transfer-Encoding": "chunked"}
            ).status,
            200,
        )
        self.assertEqual(self.bucket.get_blob("open").size, len(data))
        self.assertEqual(self.send(self.start("empty"), b"", "bytes */0").status, 200)
        self.assertEqual(self.bucket.get_blob("empty").size, 0)
        session = self.start("known")
        self.send(session, data[: 256 * KIB], f"bytes 0-{256 * KIB - 1}/*")
        self.assertEqual(self.send(session, b"", f"bytes */{256 * KIB}").status, 200)

    def test_cancel(self):
        session = self.start("c")
        self.assertEqual(self.call("DELETE", session, headers={"content-length": "0"}).status, 499)
        self.assertEqual(self.send(session, b"x", "bytes 0-0/1").status, 499)
        self.assertEqual(self.call("PUT", session.partition("upload_id=")[0] + "upload_id=no", b"x").status, 404)

    def test_wrong_checksum_at_the_end(self):
        session = self.start("h")
        self.assertEqual(
            self.send(session, b"abc", "bytes 0-2/3", **{"x-goog-hash": f"crc32c={crc(b'abd')}"}).status, 400
        )
        self.assertIsNone(self.bucket.get_blob("h"))


class Faults(RestTest):
    def test_statuses_with_retry_after(self):
        self.peer.control(
            "faults",
            {
                "match": {"surface": "json", "method": "GET", "path": f"/b/{self.name}$"},
                "status": 503,
                "retry_after": 1,
                "times": 2,
            },
        )
        path = f"/storage/v1/b/{self.name}"
        first, second, third = (self.call("GET", path) for _ in range(3))
        self.assertEqual([first.status, second.status, third.status], [503, 503, 200])
        self.assertEqual(first.headers["Retry-After"], "1")

    def test_a_cut_upload_keeps_whole_quanta(self):
        data = os.urandom(900 * KIB)
        session = self.start("cut")
        self.peer.control("faults", {"match": {"method": "PUT"}, "cut_after_bytes": 700 * KIB})
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.send(session, data, f"bytes 0-{len(data) - 1}/{len(data)}")
        answer = self.send(session, b"", "bytes */*")
        self.assertEqual((answer.status, answer.headers["Range"]), (308, f"bytes=0-{512 * KIB - 1}"))
        answer = self.send(session, data[512 * KIB :], f"bytes {512 * KIB}-{len(data) - 1}/{len(data)}")
        self.assertEqual((answer.status, json.loads(answer.data)["crc32c"]), (200, crc(data)))

    def test_a_client_that_goes_away_leaves_whole_quanta(self):
        session = self.start("away")
        wire = http.client.HTTPConnection(self.peer.authority)
        wire.putrequest("PUT", session)
        wire.putheader("Content-Range", f"bytes 0-{900 * KIB - 1}/{900 * KIB}")
        wire.putheader("Content-Length", str(900 * KIB))
        wire.endheaders(b"x" * 300 * KIB)
        wire.close()
        time.sleep(0.2)
        self.assertEqual(self.send(session, b"", "bytes */*").headers["Range"], f"bytes=0-{256 * KIB - 1}")

    def test_a_cut_download(self):
        self.bucket.blob("d").upload_from_string(b"x" * 1000)
        self.peer.control("faults", {"match": {"path": "alt=media"}, "cut_download_after": 100})
        with self.assertRaises(http.client.IncompleteRead) as caught:
            self.call("GET", f"/storage/v1/b/{self.name}/o/d?alt=media")
        self.assertEqual(len(caught.exception.partial), 100)

    def test_a_lost_answer(self):
        self.bucket.blob("l").upload_from_string("x")
        self.peer.control("faults", {"match": {"method": "DELETE"}, "drop_response": True})
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.call("DELETE", f"/storage/v1/b/{self.name}/o/l")
        self.assertEqual(self.call("DELETE", f"/storage/v1/b/{self.name}/o/l").status, 404)

    def test_delay_and_the_list_of_calls(self):
        self.peer.control("calls", method="DELETE")
        self.peer.control("faults", {"delay_ms": 120})
        self.call("GET", f"/storage/v1/b/{self.name}")
        # A call is listed when it has been answered: of an earlier one that may be now, of this one in a moment.
        found, until = [], time.monotonic() + 10
        while not found and time.monotonic() < until:
            found = [entry for entry in self.peer.control("calls") if entry["operation"] == "buckets.get"]
        (entry,) = found
        self.assertEqual((entry["surface"], entry["method"], entry["status"]), ("json", "GET", 200))
        self.assertGreaterEqual(entry["ms"], 120)


class Strict(RestTest):
    STRICT = False

    def test_unknown_things_are_refused_by_name(self):
        base = f"/storage/v1/b/{self.name}"
        cases = (
            ("GET", f"{base}/o?prefixx=a", None, 400, "prefixx"),
            ("GET", f"{base}/o?matchGlob=a", None, 501, "matchGlob"),
            ("GET", f"{base}/nothing", None, 404, "nothing"),
            ("PATCH", base, {"labelz": {}}, 400, "labelz"),
            ("PATCH", base, {"lifecycle": {"rule": [{"condition": {"agee": 1}}]}}, 400, "agee"),
            ("PATCH", base, {"hierarchicalNamespace": {"enabled": True}}, 501, "hierarchicalNamespace"),
            ("POST", f"{base}/folders", {"name": "f/"}, 501, "folders.insert"),
            (
                "POST",
                f"{base}/notificationConfigs",
                {"topic": "//pubsub.googleapis.com/projects/p/topics/abc", "payloadFormat": "NONE"},
                400,
                "payloadFormat",
            ),
        )
        for method, path, body, status, word in cases:
            answer = self.call(method, path, json.dumps(body) if body else None)
            self.assertEqual(answer.status, status, (path, answer.data))
            self.assertIn(word, json.loads(answer.data)["error"]["message"])
        answer = self.call("GET", f"{base}/o/x?alt=media", headers={"x-goog-encryption-algorithm": "AES256"})
        self.assertEqual(answer.status, 400)
        self.assertEqual(len(self.peer.refused()), len(cases) + 1)

    def test_google_errors_are_not_refusals(self):
        before = len(self.peer.refused())
        for path, status in (
            ("/storage/v1/b/none", 404),
            ("/storage/v1/b", 400),
            (f"/storage/v1/b/{self.name}/o?maxResults=x", 400),
        ):
            self.assertEqual(self.call("GET", path).status, status)
        self.assertEqual(self.call("PATCH", f"/storage/v1/b/{self.name}", '{"labels": 7}').status, 400)
        self.assertEqual(len(self.peer.refused()), before)


class Tokens(unittest.TestCase):
    def test_tokens_and_denials(self):
        peer = Peer(
            "--require-token",
            "up",
            "--require-token",
            "admin",
            "--deny",
            "up=lake:read",
            "--deny",
            "up=land:get,delete",
        )
        self.addCleanup(peer.close)

        def call(method, path, token=None, body=None):
            wire = http.client.HTTPConnection(peer.authority)
            wire.request(method, path, body, {"authorization": f"Bearer {token}"} if token else {})
            answer = wire.getresponse()
            answer.read()
            wire.close()
            return answer.status

        for bucket in ("lake-1", "land-1"):
            self.assertEqual(call("POST", "/storage/v1/b?project=p", "admin", json.dumps({"name": bucket})), 200)
        self.assertEqual(call("GET", "/storage/v1/b/lake-1"), 401)
        self.assertEqual(call("GET", "/storage/v1/b/lake-1", "wrong"), 401)
        self.assertEqual(call("GET", "/storage/v1/b/lake-1", "up"), 403)
        self.assertEqual(call("GET", "/storage/v1/b/lake-1/o", "up"), 403)
        self.assertEqual(call("GET", "/lake-1?list-type=2", "up"), 403)
        self.assertEqual(call("GET", "/storage/v1/b/lake-1/o", "admin"), 200)
        upload = "/upload/storage/v1/b/land-1/o?uploadType=media&name=x"
        self.assertEqual(call("POST", upload, "up", b"1"), 200)
        self.assertEqual(call("POST", upload, "up", b"2"), 403)  # to overwrite is to delete
        self.assertEqual(call("GET", "/land-1/x", "up"), 403)


class Adoption(unittest.TestCase):
    def test_files_of_others_become_objects(self):
        peer = Peer("--adopt")
        self.addCleanup(peer.close)
        client = peer.client()
        self.addCleanup(client.close)
        bucket = client.create_bucket("extracts")
        os.makedirs(os.path.join(peer.root, "extracts", "out"))
        for name in ("out/1.csv", "2.csv"):
            with open(os.path.join(peer.root, "extracts", name), "w", encoding="utf-8") as file:
                file.write(name)
        self.assertEqual(bucket.blob("2.csv").download_as_bytes(), b"2.csv")
        self.assertEqual([b.name for b in client.list_blobs("extracts")], ["2.csv", "out/1.csv"])
        with open(os.path.join(peer.root, "extracts", "2.csv"), "w", encoding="utf-8") as file:
            file.write("written anew")
        self.assertEqual([b.size for b in client.list_blobs("extracts")], [12, 9])
        self.assertEqual(bucket.blob("2.csv").download_as_bytes(), b"written anew")


class Process(unittest.TestCase):
    def test_it_ends_with_its_parent(self):
        peer = Peer()
        peer.process.stdin.close()
        self.assertEqual(peer.process.wait(10), 0)
        peer.process.stdin = open(os.devnull, "wb")
        peer.close()

    def test_help(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gcs", "serve.py")
        self.assertEqual(
            subprocess.run([sys.executable, script, "--help"], stdout=subprocess.DEVNULL, check=False).returncode, 0
        )


if __name__ == "__main__":
    unittest.main()
