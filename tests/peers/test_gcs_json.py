"""The JSON surface of the fake of Google Cloud Storage, driven by Google's own Python client."""

import base64
import hashlib
import io
import os
import unittest

import google_crc32c
from google.api_core.exceptions import BadRequest, Conflict, NotFound, PreconditionFailed

from peer import PeerTest

KIB = 1024


class Objects(PeerTest):
    OPTIONS = ("--rewrite-bytes-per-call", "1048576")

    def test_simple_upload_and_download(self):
        blob = self.bucket.blob("customer01/größe 1/a.csv")
        blob.metadata = {"run": "r-1"}
        blob.upload_from_string("a,b\n1,2\n", content_type="text/csv")
        self.assertEqual(blob.size, 8)
        self.assertEqual(blob.md5_hash, base64.b64encode(hashlib.md5(b"a,b\n1,2\n").digest()).decode())
        self.assertEqual(blob.crc32c, base64.b64encode(google_crc32c.Checksum(b"a,b\n1,2\n").digest()).decode())
        again = self.bucket.get_blob("customer01/größe 1/a.csv")
        self.assertEqual(
            (again.content_type, again.metadata, again.generation), ("text/csv", {"run": "r-1"}, blob.generation)
        )
        self.assertEqual(again.download_as_bytes(), b"a,b\n1,2\n")
        self.assertEqual(again.download_as_bytes(start=2, end=4), b"b\n1")
        self.assertEqual(again.download_as_bytes(start=4), b"1,2\n")
        with open(os.path.join(self.peer.root, self.name, "customer01/größe 1/a.csv"), "rb") as file:
            self.assertEqual(file.read(), b"a,b\n1,2\n")

    def test_resumable_upload_in_chunks(self):
        data = os.urandom(700 * KIB)
        for size in (len(data), None):
            blob = self.bucket.blob("big", chunk_size=256 * KIB)
            blob.upload_from_file(io.BytesIO(data), size=size, checksum="crc32c")
            self.assertEqual(self.bucket.blob("big").download_as_bytes(), data)

    def test_resumable_upload_of_a_multiple_of_the_quantum(self):
        data = os.urandom(512 * KIB)
        blob = self.bucket.blob("even", chunk_size=256 * KIB)
        blob.upload_from_file(io.BytesIO(data), checksum="md5")
        self.assertEqual(self.bucket.get_blob("even").size, len(data))

    def test_wrong_checksum_is_refused(self):
        blob = self.bucket.blob("x")
        blob.crc32c = "AAAAAA=="
        with self.assertRaises(BadRequest):
            blob.upload_from_string("abc", checksum=None)
        self.assertIsNone(self.bucket.get_blob("x"))

    def test_pages_prefixes_and_offsets(self):
        for name in ("a/1", "a/2", "a/b/3", "b", "c/1", "d"):
            self.bucket.blob(name).upload_from_string("x")
        pages = self.client.list_blobs(self.name, page_size=2)
        self.assertEqual(
            [[b.name for b in page] for page in pages.pages], [["a/1", "a/2"], ["a/b/3", "b"], ["c/1", "d"]]
        )
        found = self.client.list_blobs(self.name, delimiter="/", page_size=1)
        names = [b.name for b in found]
        self.assertEqual((names, found.prefixes), (["b", "d"], {"a/", "c/"}))
        found = self.client.list_blobs(self.name, prefix="a/", delimiter="/")
        self.assertEqual(([b.name for b in found], found.prefixes), (["a/1", "a/2"], {"a/b/"}))
        self.assertEqual(
            [b.name for b in self.client.list_blobs(self.name, start_offset="a/2", end_offset="c/1")],
            ["a/2", "a/b/3", "b"],
        )

    def test_preconditions(self):
        blob = self.bucket.blob("once")
        blob.upload_from_string("1", if_generation_match=0)
        first = blob.generation
        with self.assertRaises(PreconditionFailed):
            self.bucket.blob("once").upload_from_string("2", if_generation_match=0)
        self.bucket.blob("once").upload_from_string("2", if_generation_match=first)
        with self.assertRaises(PreconditionFailed):
            self.bucket.blob("once").delete(if_generation_match=first)
        big = self.bucket.blob("once", chunk_size=256 * KIB)
        with self.assertRaises(PreconditionFailed):
            big.upload_from_file(io.BytesIO(b"3" * 300 * KIB), if_generation_match=0)
        self.assertEqual(self.bucket.blob("once").download_as_bytes(), b"2")

    def test_compose(self):
        for name in ("p1", "p2"):
            self.bucket.blob(name).upload_from_string(name)
        whole = self.bucket.blob("whole")
        whole.content_type = "text/plain"
        whole.compose([self.bucket.blob("p1"), self.bucket.blob("p2")], if_generation_match=0)
        self.assertEqual(whole.download_as_bytes(), b"p1p2")
        self.assertEqual((whole.component_count, whole.md5_hash), (2, None))
        with self.assertRaises(BadRequest):
            whole.compose([self.bucket.blob("p1")] * 33)

    def test_rewrite_in_several_calls_and_copy(self):
        data = os.urandom(2_500_000)
        source = self.bucket.blob("from")
        source.metadata = {"k": "v"}
        source.upload_from_string(data)
        to, token, steps = self.bucket.blob("to"), None, 0
        while True:
            token, done, size = to.rewrite(source, token=token)
            steps += 1
            if token is None:
                break
        self.assertEqual((steps, done, size), (3, len(data), len(data)))
        self.assertEqual(to.download_as_bytes(), data)
        self.assertEqual(self.bucket.get_blob("to").metadata, {"k": "v"})
        copied = self.bucket.copy_blob(source, self.bucket, "copied", if_generation_match=0)
        self.assertEqual(copied.size, len(data))

    def test_move_within_the_bucket(self):
        self.bucket.blob("old").upload_from_string("x")
        self.bucket.move_blob(self.bucket.blob("old"), "new", if_generation_match=0)
        self.assertEqual([b.name for b in self.client.list_blobs(self.name)], ["new"])

    def test_names_that_cannot_be_paths(self):
        names = ["a", "a/b", "a//b", "folder/", "x/../y", "n" * 300, "p%2Fq?r#s", "..x", "+ &=.csv"]
        for name in names:
            self.bucket.blob(name).upload_from_string(name)
        self.assertEqual([b.name for b in self.client.list_blobs(self.name)], sorted(names))
        for name in names:
            self.assertEqual(self.bucket.blob(name).download_as_bytes(), name.encode())
        for bad in ("..", "x" * 1025, "a\nb", ".well-known/acme-challenge/x"):
            with self.assertRaises(BadRequest):
                self.bucket.blob(bad).upload_from_string("x")

    def test_patch_metadata(self):
        blob = self.bucket.blob("m")
        blob.metadata = {"a": "1", "b": "2"}
        blob.upload_from_string("x")
        blob.metadata = {"a": None, "c": "3"}
        blob.cache_control = "no-store"
        blob.patch()
        again = self.bucket.get_blob("m")
        self.assertEqual(
            (again.metadata, again.cache_control, again.metageneration), ({"b": "2", "c": "3"}, "no-store", 2)
        )

    def test_missing(self):
        self.assertIsNone(self.bucket.get_blob("nothing"))
        with self.assertRaises(NotFound):
            self.bucket.blob("nothing").download_as_bytes()
        with self.assertRaises(NotFound):
            self.bucket.blob("nothing").delete()
        with self.assertRaises(NotFound):
            self.client.bucket("no-such-bucket").blob("x").upload_from_string("x")

    def test_batch(self):
        for n in range(5):
            self.bucket.blob(f"{n}").upload_from_string("x")
        with self.client.batch():
            for n in range(5):
                self.bucket.blob(f"{n}").delete()
        self.assertEqual(list(self.client.list_blobs(self.name)), [])
        with self.assertRaises(NotFound):
            with self.client.batch():
                self.bucket.blob("gone").delete()


class Buckets(PeerTest):
    def test_life_of_a_bucket(self):
        with self.assertRaises(Conflict):
            self.client.create_bucket(self.name)
        self.bucket.labels = {"env": "demo"}
        self.bucket.iam_configuration.uniform_bucket_level_access_enabled = True
        self.bucket.add_lifecycle_delete_rule(age=3)
        self.bucket.patch()
        again = self.client.get_bucket(self.name)
        self.assertEqual((again.labels, again.metageneration), ({"env": "demo"}, 2))
        self.assertTrue(again.iam_configuration.uniform_bucket_level_access_enabled)
        self.assertEqual(list(again.lifecycle_rules)[0]["condition"], {"age": 3})
        self.assertEqual(again.soft_delete_policy.retention_duration_seconds, 604800)
        self.assertIn(self.name, [b.name for b in self.client.list_buckets(prefix=self.name[:4])])
        again.blob("x").upload_from_string("x")
        with self.assertRaises(Conflict):
            again.delete()
        again.blob("x").delete()
        again.delete()
        with self.assertRaises(NotFound):
            self.client.get_bucket(self.name)
        self.assertFalse(os.path.exists(os.path.join(self.peer.root, self.name)))

    def test_versions(self):
        self.bucket.versioning_enabled = True
        self.bucket.patch()
        for text in ("1", "2"):
            self.bucket.blob("v").upload_from_string(text)
        self.bucket.blob("v").delete()
        self.assertEqual(list(self.client.list_blobs(self.name)), [])
        old = list(self.client.list_blobs(self.name, versions=True))
        self.assertEqual([b.download_as_bytes(if_generation_match=b.generation) for b in old], [b"1", b"2"])
        with self.assertRaises(Conflict):
            self.bucket.delete()
        for version in old:
            version.delete()
        self.assertEqual(list(self.client.list_blobs(self.name, versions=True)), [])
        self.bucket.delete()

    def test_soft_delete_and_restore(self):
        self.bucket.blob("s").upload_from_string("1")
        self.bucket.blob("s").upload_from_string("2")
        self.bucket.blob("s").delete()
        gone = list(self.client.list_blobs(self.name, soft_deleted=True))
        self.assertEqual(len(gone), 2)
        self.assertIsNotNone(gone[0].hard_delete_time)
        back = self.bucket.restore_blob("s", generation=gone[0].generation)
        self.assertEqual(back.download_as_bytes(), b"1")

    def test_without_soft_delete(self):
        self.bucket.soft_delete_policy.retention_duration_seconds = 0
        self.bucket.patch()
        self.bucket.blob("s").upload_from_string("1")
        self.bucket.blob("s").delete()
        self.assertEqual(list(self.client.list_blobs(self.name, soft_deleted=True)), [])

    def test_notification_config(self):
        made = self.bucket.notification(
            topic_name="arrivals",
            topic_project="test-project",
            payload_format="JSON_API_V1",
            event_types=["OBJECT_FINALIZE"],
            blob_name_prefix="customer01/",
            custom_attributes={"who": "me"},
        )
        made.create()
        found = list(self.bucket.list_notifications())
        self.assertEqual([n.notification_id for n in found], [made.notification_id])
        self.assertEqual(self.bucket.get_notification(made.notification_id).blob_name_prefix, "customer01/")
        self.bucket.blob("other/x").upload_from_string("x")
        self.bucket.blob("customer01/x").upload_from_string("x")
        blob = self.bucket.blob("customer01/x")
        blob.upload_from_string("y")
        sent = [n["attributes"] for n in self.peer.control("notifications") if n["attributes"]["bucketId"] == self.name]
        self.assertEqual([a["objectId"] for a in sent], ["customer01/x"] * 2)
        self.assertEqual(sent[1]["overwroteGeneration"], sent[0]["objectGeneration"])
        made.delete()
        self.assertEqual(list(self.bucket.list_notifications()), [])

    def test_policies(self):
        policy = self.bucket.get_iam_policy(requested_policy_version=3)
        policy.bindings.append({"role": "roles/storage.objectCreator", "members": {"user:a@example.com"}})
        self.bucket.set_iam_policy(policy)
        self.assertEqual(self.bucket.get_iam_policy().bindings[-1]["role"], "roles/storage.objectCreator")
        wanted = ["storage.objects.get", "storage.objects.create"]
        self.assertEqual(self.bucket.test_iam_permissions(wanted), wanted)
        self.assertIn("gs-project-accounts", self.client.get_service_account_email())


if __name__ == "__main__":
    unittest.main()
