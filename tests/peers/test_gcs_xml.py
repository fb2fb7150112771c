"""The XML surface of the fake of Google Cloud Storage, by raw calls shaped as the crate object_store makes them."""

import http.client
import unittest
import xml.etree.ElementTree as ET
from urllib.parse import quote, urlencode

from peer import PeerTest

SPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
TYPE = {"content-type": "application/octet-stream"}


def encoded(text):
    """As object_store: all but letters and digits."""
    return "".join(chr(b) if chr(b).isalnum() and b < 128 else f"%{b:02X}" for b in text.encode())


class XmlTest(PeerTest):
    def setUp(self):
        super().setUp()
        self.wire = http.client.HTTPConnection(self.peer.authority)
        self.addCleanup(self.wire.close)

    def call(self, method, key=None, body=None, query=None, headers=None):
        path = (
            f"/{encoded(self.name)}"
            + (f"/{encoded(key)}" if key is not None else "")
            + (f"?{urlencode(query)}" if query else "")
        )
        self.wire.request(method, path, body, {"authorization": "Bearer t", **(headers or {})})
        answer = self.wire.getresponse()
        answer.data = answer.read()
        return answer

    def put(self, key, data=b"x", **headers):
        answer = self.call("PUT", key, data, headers={**TYPE, **headers})
        self.assertEqual(answer.status, 200, answer.data)
        return answer


class Objects(XmlTest):
    def test_put_get_head_delete(self):
        made = self.put("a b/ä.parquet", b"0123456789", **{"x-goog-meta-run": "7", "Cache-Control": "no-store"})
        self.assertTrue(made.headers["ETag"].startswith('"'))
        generation = made.headers["x-goog-generation"]
        got = self.call("GET", "a b/ä.parquet")
        self.assertEqual(
            (got.data, got.headers["ETag"], got.headers["x-goog-generation"]),
            (b"0123456789", made.headers["ETag"], generation),
        )
        self.assertEqual((got.headers["x-goog-meta-run"], got.headers["Cache-Control"]), ("7", "no-store"))
        head = self.call("HEAD", "a b/ä.parquet")
        self.assertEqual((head.headers["Content-Length"], head.data), ("10", b""))
        self.assertTrue(head.headers["Last-Modified"].endswith("GMT"))
        for text, data, content in (
            ("bytes=2-4", b"234", "bytes 2-4/10"),
            ("bytes=7-", b"789", "bytes 7-9/10"),
            ("bytes=-2", b"89", "bytes 8-9/10"),
            ("bytes=8-99", b"89", "bytes 8-9/10"),
        ):
            part = self.call("GET", "a b/ä.parquet", headers={"range": text})
            self.assertEqual((part.status, part.data, part.headers["Content-Range"]), (206, data, content))
        self.assertEqual(self.call("GET", "a b/ä.parquet", headers={"range": "bytes=10-"}).status, 416)
        self.assertEqual(self.call("GET", "a b/ä.parquet", query={"generation": generation}).status, 200)
        self.assertEqual(self.bucket.blob("a b/ä.parquet").download_as_bytes(), b"0123456789")
        self.assertEqual(self.call("DELETE", "a b/ä.parquet").status, 204)
        gone = self.call("GET", "a b/ä.parquet")
        self.assertEqual((gone.status, ET.fromstring(gone.data).findtext("Code")), (404, "NoSuchKey"))
        self.assertEqual(self.call("DELETE", "a b/ä.parquet").status, 404)

    def test_conditions(self):
        made = self.put("_delta_log/0.json", b"1", **{"x-goog-if-generation-match": "0"})
        again = self.call("PUT", "_delta_log/0.json", b"2", headers={**TYPE, "x-goog-if-generation-match": "0"})
        self.assertEqual((again.status, ET.fromstring(again.data).findtext("Code")), (412, "PreconditionFailed"))
        self.put("_delta_log/0.json", b"3", **{"x-goog-if-generation-match": made.headers["x-goog-generation"]})
        etag = self.call("HEAD", "_delta_log/0.json").headers["ETag"]
        self.assertEqual(self.call("GET", "_delta_log/0.json", headers={"if-match": etag}).status, 200)
        self.assertEqual(self.call("GET", "_delta_log/0.json", headers={"if-match": '"other"'}).status, 412)
        self.assertEqual(self.call("GET", "_delta_log/0.json", headers={"if-none-match": etag}).status, 304)
        since = {"if-modified-since": "Thu, 01 Jan 2099 00:00:00 GMT"}
        self.assertEqual(self.call("GET", "_delta_log/0.json", headers=since).status, 304)
        until = {"if-unmodified-since": "Thu, 01 Jan 1970 00:00:00 GMT"}
        self.assertEqual(self.call("GET", "_delta_log/0.json", headers=until).status, 412)

    def test_listing(self):
        for key in ("a/1", "a/2", "b&c", "d/x"):
            self.put(key)
        keys, token = [], None
        while True:
            query = {"list-type": "2", "max-keys": "3", **({"continuation-token": token} if token else {})}
            root = ET.fromstring(self.call("GET", query=query).data)
            keys += [c.findtext(f"{SPACE}Key") for c in root.findall(f"{SPACE}Contents")]
            token = root.findtext(f"{SPACE}NextContinuationToken")
            if not token:
                break
        self.assertEqual(keys, ["a/1", "a/2", "b&c", "d/x"])
        root = ET.fromstring(self.call("GET", query={"list-type": "2", "delimiter": "/"}).data)
        self.assertEqual([p.findtext(f"{SPACE}Prefix") for p in root.findall(f"{SPACE}CommonPrefixes")], ["a/", "d/"])
        item = root.find(f"{SPACE}Contents")
        self.assertEqual(
            (item.findtext(f"{SPACE}Size"), item.findtext(f"{SPACE}ETag")),
            ("1", self.call("HEAD", "b&c").headers["ETag"]),
        )
        root = ET.fromstring(self.call("GET", query={"list-type": "2", "prefix": "a/", "start-after": "a/1"}).data)
        self.assertEqual([c.findtext(f"{SPACE}Key") for c in root.findall(f"{SPACE}Contents")], ["a/2"])

    def test_copy(self):
        self.put("from/x", b"abc", **{"content-type": "text/csv"})
        source = {"x-goog-copy-source": f"{encoded(self.name)}/{encoded('from/x')}", "content-length": "0"}
        self.assertEqual(self.call("PUT", "to/x", headers=source).status, 200)
        got = self.call("GET", "to/x")
        self.assertEqual((got.data, got.headers["Content-Type"]), (b"abc", "text/csv"))
        self.assertEqual(self.call("PUT", "to/x", headers={**source, "x-goog-if-generation-match": "0"}).status, 412)
        missing = {**source, "x-goog-copy-source": f"{self.name}/nothing"}
        self.assertEqual(self.call("PUT", "to/y", headers=missing).status, 404)

    def test_multipart_upload(self):
        def start():
            answer = self.call("POST", "big", query={"uploads": ""}, headers={**TYPE, "content-length": "0"})
            return ET.fromstring(answer.data).findtext(f"{SPACE}UploadId")

        def part(upload, number, data):
            return self.call(
                "PUT", "big", data, query={"partNumber": number, "uploadId": upload}, headers=TYPE
            ).headers["ETag"]

        def complete(upload, *etags):
            parts = "".join(
                f"<Part><ETag>{e}</ETag><PartNumber>{n}</PartNumber></Part>" for n, e in enumerate(etags, 1)
            )
            body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
            return self.call("POST", "big", body, query={"uploadId": upload})

        upload = start()
        one, two = b"1" * (5 << 20), b"22"
        done = complete(upload, part(upload, 1, one), part(upload, 2, two))
        self.assertEqual(done.status, 200, done.data)
        self.assertEqual(ET.fromstring(done.data).findtext(f"{SPACE}ETag"), self.call("HEAD", "big").headers["ETag"])
        self.assertEqual(self.bucket.blob("big").download_as_bytes(), one + two)
        self.assertEqual(complete(upload, "x").status, 404)
        small = start()
        refused = complete(small, part(small, 1, b"1"), part(small, 2, b"2"))
        self.assertEqual((refused.status, ET.fromstring(refused.data).findtext("Code")), (400, "EntityTooSmall"))
        self.assertEqual(
            self.call("DELETE", "big", query={"uploadId": small}, headers={**TYPE, "content-length": "0"}).status, 204
        )
        self.assertEqual(self.call("DELETE", "big", query={"uploadId": small}).status, 404)


class Strict(XmlTest):
    STRICT = False

    def test_unknown_things_are_refused(self):
        for method, key, query, headers in (
            ("GET", None, {"list-type": "2", "fetch-owner": "true"}, {}),
            ("GET", None, {"prefix": "a"}, {}),
            ("GET", "x", {"acl": ""}, {}),
            ("PUT", "x", None, {"x-goog-acl": "public-read"}),
            ("POST", "x", {"compose": ""}, {}),
        ):
            answer = self.call(method, key, b"" if method != "GET" else None, query, headers)
            self.assertIn(answer.status, (400, 501), (method, key, query))
        self.assertEqual(len(self.peer.control("refused")), 5)
        self.assertEqual(len(self.peer.refused()), 5)

    def test_an_empty_bearer_token_is_anonymous(self):
        self.put("x", authorization="Bearer ")

    def test_a_key_of_any_kind_is_not_decoded_twice(self):
        self.put("100%25.csv")
        self.assertEqual([b.name for b in self.client.list_blobs(self.name)], ["100%25.csv"])
        self.assertEqual(quote("100%25.csv", safe=""), "100%2525.csv")


if __name__ == "__main__":
    unittest.main()
