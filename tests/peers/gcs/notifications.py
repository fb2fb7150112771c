"""Notification configs, and their messages to Pub/Sub: in the background, at least once, in no promised order."""

import json
import queue
import random
import re
import threading
import time

import grpc
from google.pubsub_v1.types import pubsub

from .errors import Unsupported, invalid
from .model import now_us, rfc3339
from .render import object_json

EVENTS = ("OBJECT_FINALIZE", "OBJECT_METADATA_UPDATE", "OBJECT_DELETE", "OBJECT_ARCHIVE")
TOPIC = re.compile(r"^//pubsub\.googleapis\.com/(projects/[^/]+/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254})$")


def check_config(bucket, body):
    """A config as it is kept; raises Google's 400s."""
    topic = body.get("topic", "")
    if not TOPIC.match(topic):
        raise invalid(f"Invalid topic: '{topic}'; it must be //pubsub.googleapis.com/projects/P/topics/T", "topic")
    if body.get("payload_format") not in ("JSON_API_V1", "NONE"):
        raise invalid("payload_format must be JSON_API_V1 or NONE.", "payload_format")
    for event in body.get("event_types") or []:
        if event not in EVENTS:
            raise invalid(f"Invalid event type: {event}", "event_types")
    if len(bucket.notifications) >= 100:
        raise invalid("A bucket can have at most 100 notification configurations.")
    for event in body.get("event_types") or EVENTS:
        if sum(event in (c.get("event_types") or EVENTS) for c in bucket.notifications.values()) >= 10:
            raise invalid(
                f"A bucket can have at most 10 notification configurations for {event}.", reason="limitExceeded"
            )
    kept = {
        k: body[k]
        for k in ("topic", "payload_format", "event_types", "object_name_prefix", "custom_attributes")
        if body.get(k)
    }
    unknown = set(body) - {
        *kept,
        "id",
        "etag",
        "kind",
        "selfLink",
        "event_types",
        "object_name_prefix",
        "custom_attributes",
    }
    if unknown:
        raise Unsupported(f"field 'Notification.{unknown.pop()}' is not in this fake")
    return kept


class Notifier:
    """Listens to the store. Without an address the messages are only kept, for /_fake/notifications."""

    def __init__(self, journal, base_url, address=None, duplicate=False):
        self.journal, self.base_url, self.duplicate = journal, base_url, duplicate
        self.sent = []
        self._queue = queue.Queue()
        self._publish = _publisher(address) if address else None
        if self._publish:
            threading.Thread(target=self._run, name="notifications", daemon=True).start()

    def event(self, kind, bucket, thing, other):
        """Called under the store's lock: it only makes the messages."""
        for config in bucket.notifications.values():
            if kind not in (config.get("event_types") or EVENTS) or not thing.name.startswith(
                config.get("object_name_prefix", "")
            ):
                continue
            attributes = {
                **config.get("custom_attributes", {}),
                "bucketId": bucket.name,
                "objectId": thing.name,
                "objectGeneration": str(thing.generation),
                "eventType": kind,
                "eventTime": rfc3339(now_us()).replace("Z", "000Z"),
                "notificationConfig": f"projects/_/buckets/{bucket.name}/notificationConfigs/{config['id']}",
                "payloadFormat": config["payload_format"],
            }
            if other:
                attributes["overwroteGeneration" if kind == "OBJECT_FINALIZE" else "overwrittenByGeneration"] = str(
                    other
                )
            data = b""
            if config["payload_format"] == "JSON_API_V1":
                data = json.dumps(object_json(thing, self.base_url), indent=2).encode()
            message = (TOPIC.match(config["topic"])[1], attributes, data)
            self.sent.append({"topic": message[0], "attributes": attributes, "data": data.decode()})
            for _ in range(2 if self.duplicate else 1):
                self._queue.put(message)

    def _run(self):
        while True:
            batch = [self._queue.get()]
            if self.duplicate:
                time.sleep(0.05)  # let neighbours gather, so that the order can be mixed
                while not self._queue.empty():
                    batch.append(self._queue.get())
                random.shuffle(batch)
            for message in batch:
                self._send(*message)

    def _send(self, topic, attributes, data):
        for attempt in range(20):
            try:
                self._publish(topic, attributes, data)
                self.journal.note("published", topic=topic, attributes=attributes)
                return
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.NOT_FOUND:
                    self.journal.note("lost", topic=topic, attributes=attributes, why="no such topic")
                    return
                time.sleep(min(0.1 * 2**attempt, 5))
        self.journal.note("lost", topic=topic, attributes=attributes, why="Pub/Sub does not answer")


def _publisher(address):
    request_type, response_type = pubsub.PublishRequest.pb(), pubsub.PublishResponse.pb()
    channel = grpc.insecure_channel(address)
    call = channel.unary_unary(
        "/google.pubsub.v1.Publisher/Publish",
        request_serializer=request_type.SerializeToString,
        response_deserializer=response_type.FromString,
    )

    def publish(topic, attributes, data):
        request = request_type(topic=topic)
        request.messages.add(data=data, attributes=attributes)
        call(request, timeout=10)

    return publish
