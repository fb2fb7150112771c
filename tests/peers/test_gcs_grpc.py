"""The gRPC surface of the fake of Google Cloud Storage, by Google's own messages, beside the JSON surface."""

import base64
import unittest
from urllib.parse import quote

import grpc
from google.cloud._storage_v2.types import storage as types
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import empty_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from peer import PeerTest

SERVICE = "/google.storage.v2.Storage/"
REQUESTS = {
    **{
        n: getattr(types, f"{n}Request").pb()
        for n in (
            "CreateBucket",
            "GetBucket",
            "ListBuckets",
            "UpdateBucket",
            "DeleteBucket",
            "GetObject",
            "ListObjects",
            "UpdateObject",
            "DeleteObject",
            "RestoreObject",
            "RewriteObject",
            "ComposeObject",
            "MoveObject",
        )
    },
    "GetIamPolicy": iam_policy_pb2.GetIamPolicyRequest,
    "TestIamPermissions": iam_policy_pb2.TestIamPermissionsRequest,
}
ANSWERS = {
    "ListBuckets": types.ListBucketsResponse.pb(),
    "ListObjects": types.ListObjectsResponse.pb(),
    "RewriteObject": types.RewriteResponse.pb(),
    "DeleteBucket": empty_pb2.Empty,
    "DeleteObject": empty_pb2.Empty,
    "GetIamPolicy": policy_pb2.Policy,
    "TestIamPermissions": iam_policy_pb2.TestIamPermissionsResponse,
}


class GrpcTest(PeerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wire = cls.peer.channel()

    @classmethod
    def tearDownClass(cls):
        cls.wire.close()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.path = f"projects/_/buckets/{self.name}"

    def call(self, rpc, routing=None, /, service=SERVICE, **fields):
        request = REQUESTS[rpc](**fields)
        kind = types.Bucket.pb() if "Bucket" in rpc else types.Object.pb()
        send = self.wire.unary_unary(
            service + rpc,
            request_serializer=lambda m: m.SerializeToString(),
            response_deserializer=ANSWERS.get(rpc, kind).FromString,
        )
        routing = {"bucket": self.path} if routing is None else routing
        text = "&".join(f"{k}={quote(v, safe='')}" for k, v in routing.items())
        return send(request, metadata=[("x-goog-request-params", text)] if text else [])

    def fails(self, code, rpc, routing=None, /, **fields):
        with self.assertRaises(grpc.RpcError) as caught:
            self.call(rpc, routing, **fields)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        return caught.exception

    def put(self, name, text="x"):
        blob = self.bucket.blob(name)
        blob.upload_from_string(text)
        return blob


class Control(GrpcTest):
    def test_buckets(self):
        name = "made-by-grpc"
        path = f"projects/_/buckets/{name}"
        bucket = types.Bucket.pb()(project="projects/other", location="europe-west3", labels={"a": "1"})
        bucket.versioning.enabled = True
        bucket.soft_delete_policy.retention_duration.seconds = 0
        bucket.iam_config.uniform_bucket_level_access.enabled = True
        rule = bucket.lifecycle.rule.add()
        rule.action.type_, rule.condition.age_days = "Delete", 3
        made = self.call(
            "CreateBucket", {"project": "projects/other"}, parent="projects/_", bucket_id=name, bucket=bucket
        )
        self.assertEqual((made.name, made.location, made.project), (path, "EUROPE-WEST3", "projects/other"))
        seen = self.client.get_bucket(name)
        self.assertEqual((seen.versioning_enabled, seen.labels, seen.location), (True, {"a": "1"}, "EUROPE-WEST3"))
        self.assertEqual(list(seen.lifecycle_rules)[0]["condition"], {"age": 3})
        error = self.fails(
            grpc.StatusCode.ALREADY_EXISTS,
            "CreateBucket",
            {"project": "projects/other"},
            parent="projects/_",
            bucket_id=name,
            bucket=types.Bucket.pb()(project="projects/other"),
        )
        self.assertIn("already own it", error.details())
        change = types.Bucket.pb()(name=path, labels={"b": "2"})
        after = self.call(
            "UpdateBucket", {"bucket": path}, bucket=change, update_mask={"paths": ["labels.b", "labels.a"]}
        )
        self.assertEqual(dict(after.labels), {"b": "2"})
        self.assertTrue(after.versioning.enabled)
        page = self.call("ListBuckets", {"project": "projects/other"}, parent="projects/other")
        self.assertEqual([b.name for b in page.buckets], [path])
        self.client.bucket(name).blob("x").upload_from_string("1")
        self.fails(grpc.StatusCode.FAILED_PRECONDITION, "DeleteBucket", {"bucket": path}, name=path)
        self.call("DeleteObject", {"bucket": path}, bucket=path, object_="x")
        left = self.call("ListObjects", {"bucket": path}, parent=path, versions=True).objects
        self.call("DeleteObject", {"bucket": path}, bucket=path, object_="x", generation=left[0].generation)
        self.call("DeleteBucket", {"bucket": path}, name=path)
        self.fails(grpc.StatusCode.NOT_FOUND, "GetBucket", {"bucket": path}, name=path)

    def test_objects(self):
        blob = self.put("a/1", "hello")
        found = self.call("GetObject", bucket=self.path, object_="a/1")
        self.assertEqual((found.generation, found.size, found.content_type), (blob.generation, 5, "text/plain"))
        self.assertEqual(found.checksums.crc32c.to_bytes(4, "big").hex(), base64.b64decode(blob.crc32c).hex())
        change = types.Object.pb()(name="a/1", bucket=self.path, metadata={"k": "v"}, content_type="text/csv")
        after = self.call("UpdateObject", object_=change, update_mask={"paths": ["metadata", "content_type"]})
        self.assertEqual((dict(after.metadata), after.metageneration), ({"k": "v"}, 2))
        self.assertEqual(self.bucket.get_blob("a/1").content_type, "text/csv")
        self.fails(
            grpc.StatusCode.FAILED_PRECONDITION, "DeleteObject", bucket=self.path, object_="a/1", if_generation_match=1
        )
        self.fails(
            grpc.StatusCode.ABORTED,
            "GetObject",
            bucket=self.path,
            object_="a/1",
            if_generation_not_match=blob.generation,
        )
        self.call("DeleteObject", bucket=self.path, object_="a/1")
        error = self.fails(grpc.StatusCode.NOT_FOUND, "GetObject", bucket=self.path, object_="a/1")
        info = error_details_pb2.ErrorInfo()
        self.assertTrue(rpc_status.from_call(error).details[0].Unpack(info))
        self.assertEqual(info.reason, "notFound")
        soft = self.call("ListObjects", parent=self.path, soft_deleted=True).objects
        back = self.call("RestoreObject", bucket=self.path, object_="a/1", generation=soft[0].generation)
        self.assertEqual(self.bucket.blob("a/1").download_as_bytes(), b"hello")
        self.assertGreater(back.generation, blob.generation)

    def test_listing_in_pages(self):
        for name in ("a/1", "a/2", "b", "c/1"):
            self.put(name)
        first = self.call("ListObjects", parent=self.path, delimiter="/", page_size=2)
        second = self.call(
            "ListObjects", parent=self.path, delimiter="/", page_size=2, page_token=first.next_page_token
        )
        self.assertEqual((list(first.prefixes), [o.name for o in first.objects]), (["a/"], ["b"]))
        self.assertEqual((list(second.prefixes), second.next_page_token), (["c/"], ""))
        masked = self.call("ListObjects", parent=self.path, prefix="b", read_mask={"paths": ["name", "size"]})
        self.assertEqual((masked.objects[0].size, masked.objects[0].generation), (1, 0))

    def test_compose_rewrite_move(self):
        self.put("p1", "1")
        self.put("p2", "2")
        whole = self.call(
            "ComposeObject",
            destination=types.Object.pb()(name="whole", bucket=self.path, content_type="text/plain"),
            source_objects=[{"name": "p1"}, {"name": "p2"}],
            if_generation_match=0,
        )
        self.assertEqual((whole.size, whole.component_count, whole.checksums.md5_hash), (2, 2, b""))
        routing = {"bucket": self.path, "source_bucket": self.path}
        answer = self.call(
            "RewriteObject",
            routing,
            source_bucket=self.path,
            source_object="whole",
            destination_bucket=self.path,
            destination_name="copy",
        )
        self.assertTrue(answer.done)
        self.assertEqual(self.bucket.blob("copy").download_as_bytes(), b"12")
        moved = self.call("MoveObject", bucket=self.path, source_object="copy", destination_object="moved")
        self.assertEqual((moved.name, self.bucket.get_blob("copy")), ("moved", None))

    def test_policies(self):
        self.assertTrue(self.call("GetIamPolicy", resource=self.path).bindings)
        control = "/google.storage.control.v2.StorageControl/"
        found = self.call(
            "TestIamPermissions", service=control, resource=self.path, permissions=["storage.objects.get"]
        )
        self.assertEqual(list(found.permissions), ["storage.objects.get"])

    def test_the_routing_header_is_required(self):
        for routing in ({}, {"bucket": "projects/_/buckets/other"}):
            error = self.fails(grpc.StatusCode.INVALID_ARGUMENT, "GetBucket", routing, name=self.path)
            self.assertIn("x-goog-request-params", error.details())

    def test_faults(self):
        self.peer.control(
            "faults", {"match": {"surface": "grpc", "method": "GetBucket"}, "status": 503, "retry_after": 1, "times": 2}
        )
        error = self.fails(grpc.StatusCode.UNAVAILABLE, "GetBucket", name=self.path)
        self.assertEqual(len(rpc_status.from_call(error).details), 2)
        self.fails(grpc.StatusCode.UNAVAILABLE, "GetBucket", name=self.path)
        self.call("GetBucket", name=self.path)


class Strict(GrpcTest):
    STRICT = False

    def test_what_is_not_there_is_unimplemented(self):
        bucket = types.Bucket.pb()(project="projects/p")
        bucket.hierarchical_namespace.enabled = True
        error = self.fails(
            grpc.StatusCode.UNIMPLEMENTED,
            "CreateBucket",
            {"project": "projects/p"},
            parent="projects/_",
            bucket_id="hns",
            bucket=bucket,
        )
        self.assertIn("Bucket.hierarchical_namespace", error.details())
        error = self.fails(grpc.StatusCode.UNIMPLEMENTED, "ListObjects", parent=self.path, match_glob="*.csv")
        self.assertIn("match_glob", error.details())
        for method in (
            "/google.storage.v2.Storage/BidiReadObject",
            "/google.storage.control.v2.StorageControl/CreateFolder",
        ):
            with self.assertRaises(grpc.RpcError) as caught:
                self.wire.unary_unary(method)(b"")
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
        messages = [line["message"] for line in self.peer.refused()]
        self.assertEqual(len(messages), 4, messages)


if __name__ == "__main__":
    unittest.main()
