"""Notifications of the fake of Google Cloud Storage: to a recording publisher, and to Google's emulator."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
from concurrent import futures

import grpc
from google.pubsub_v1.types import pubsub

from peer import Peer

PUBLISH = "/google.pubsub.v1.Publisher/Publish"


class Recorder(grpc.GenericRpcHandler):
    """Takes what is published; refuses the first message once, as a service that is not up yet."""

    def __init__(self):
        self.messages, self.failures = [], 1
        self.server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[self])
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def service(self, details):
        assert details.method == PUBLISH
        return grpc.unary_unary_rpc_method_handler(
            self.publish, pubsub.PublishRequest.pb().FromString, lambda m: m.SerializeToString()
        )

    def publish(self, request, context):
        if self.failures:
            self.failures -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        self.messages += [(request.topic, dict(m.attributes), m.data) for m in request.messages]
        return pubsub.PublishResponse.pb()(message_ids=["1"] * len(request.messages))

    def wait(self, count):
        end = time.time() + 10
        while len(self.messages) < count and time.time() < end:
            time.sleep(0.02)
        return self.messages


def put_three(peer, project="test-project", topic="arrivals"):
    client = peer.client()
    bucket = client.create_bucket("landing")
    bucket.notification(
        topic_name=topic, topic_project=project, payload_format="JSON_API_V1", event_types=["OBJECT_FINALIZE"]
    ).create()
    generations = {}
    for name in ("c/1.csv", "c/2.csv", "c/end_file.txt"):
        blob = bucket.blob(name)
        blob.upload_from_string(name)
        generations[name] = str(blob.generation)
    bucket.blob("c/1.csv").delete()
    client.close()
    return generations


class Notifications(unittest.TestCase):
    def run_with(self, *options):
        recorder = Recorder()
        self.addCleanup(recorder.server.stop, 0)
        peer = Peer("--pubsub", f"127.0.0.1:{recorder.port}", *options)
        self.addCleanup(peer.close)
        return recorder, put_three(peer)

    def test_each_object_is_published(self):
        recorder, generations = self.run_with()
        messages = recorder.wait(3)
        self.assertEqual({m[0] for m in messages}, {"projects/test-project/topics/arrivals"})
        self.assertEqual({m[1]["objectId"]: m[1]["objectGeneration"] for m in messages}, generations)
        self.assertEqual({m[1]["eventType"] for m in messages}, {"OBJECT_FINALIZE"})
        resource = json.loads(messages[0][2])
        self.assertEqual((resource["bucket"], resource["size"]), ("landing", str(len(resource["name"]))))
        self.assertEqual(
            set(messages[0][1]),
            {
                "bucketId",
                "objectId",
                "objectGeneration",
                "eventType",
                "eventTime",
                "notificationConfig",
                "payloadFormat",
            },
        )

    def test_duplicates(self):
        recorder, generations = self.run_with("--duplicate-notifications")
        names = sorted(m[1]["objectId"] for m in recorder.wait(6))
        self.assertEqual(names, sorted([*generations, *generations]))


class Emulator(unittest.TestCase):
    def test_googles_emulator_gets_them(self):
        sdk = os.path.dirname(os.path.dirname(os.path.realpath(shutil.which("gcloud") or "/none/none")))
        program = os.path.join(sdk, "platform", "pubsub-emulator", "bin", "cloud-pubsub-emulator")
        if not os.path.exists(program):
            self.skipTest("Google's Pub/Sub emulator is not installed")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder, True)
        command = [program, "--host=127.0.0.1", f"--port={port}", f"--data-dir={folder}"]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self.addCleanup(end_group, process)
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(60)

            def call(method, request, answer):
                send = channel.unary_unary(
                    f"/google.pubsub.v1.{method}", lambda m: m.SerializeToString(), answer.pb().FromString
                )
                return send(request, timeout=30)

            topic, subscription = (
                "projects/test-project/topics/arrivals",
                "projects/test-project/subscriptions/receiver",
            )
            call("Publisher/CreateTopic", pubsub.Topic.pb()(name=topic), pubsub.Topic)
            call(
                "Subscriber/CreateSubscription",
                pubsub.Subscription.pb()(name=subscription, topic=topic),
                pubsub.Subscription,
            )
            peer = Peer("--pubsub", f"127.0.0.1:{port}")
            self.addCleanup(peer.close)
            generations, got, end = put_three(peer), {}, time.time() + 30
            while len(got) < 3 and time.time() < end:
                pull = pubsub.PullRequest.pb()(subscription=subscription, max_messages=10)
                for received in call("Subscriber/Pull", pull, pubsub.PullResponse).received_messages:
                    got[received.message.attributes["objectId"]] = received.message.attributes["objectGeneration"]
            self.assertEqual(got, generations)


def end_group(process):
    """The emulator is a shell script with a Java program below it."""
    os.killpg(process.pid, 15)
    process.wait(20)


if __name__ == "__main__":
    unittest.main()
