"""Judges gRPC requests as they came over the wire, by Google's own Python packages: a JSON list of [path of the call, message in hex] on
standard input, and for each on standard output what it holds, as JSON, and the REST request that Google's own transport makes of it.

Which class a call takes, and which REST method it stands for, is read from Google's transports. A field that the class does not know is
an error.
"""

import json
import sys
from urllib.parse import quote

import grpc
from google.api_core import path_template
from google.cloud._storage_v2.services.storage.transports import grpc as storage
from google.protobuf import json_format, unknown_fields
from google.pubsub_v1.services.publisher.transports import grpc as publisher
from google.pubsub_v1.services.publisher.transports import rest_base as publisher_rest
from google.pubsub_v1.services.subscriber.transports import grpc as subscriber
from google.pubsub_v1.services.subscriber.transports import rest_base as subscriber_rest

# Storage has no REST form that is described.
TRANSPORTS = [
    (publisher.PublisherGrpcTransport, publisher_rest._BasePublisherRestTransport),
    (subscriber.SubscriberGrpcTransport, subscriber_rest._BaseSubscriberRestTransport),
    (storage.StorageGrpcTransport, None),
]


class Noted(grpc.Channel):
    """Notes which class each call takes."""

    def __init__(self):
        self.classes = {}

    def _call(self, path, request_serializer=None, *_others, **_more):
        kind = getattr(request_serializer, "__self__", None)
        # Those that every service has (IAM) are of another make; nobody here calls them by gRPC.
        if kind is not None:
            self.classes[path] = kind
        return lambda *_others, **_more: None

    unary_unary = unary_stream = stream_unary = stream_stream = _call

    def subscribe(self, *_):
        pass

    def unsubscribe(self, *_):
        pass

    def close(self):
        pass


def known():
    """Class and REST form of each call, by its path."""
    calls = {}
    for transport, rest in TRANSPORTS:
        channel = Noted()
        made = transport(channel=channel)
        # Not by way of the channel that logs: that one asks when a call is made.
        made._logged_channel, made._stubs = channel, {}
        for name in dir(type(made)):
            if isinstance(getattr(type(made), name), property):
                getattr(made, name)
        for path, message in channel.classes.items():
            calls[path] = (message, getattr(rest, f"_Base{path.rsplit('/')[-1]}", None))
    return calls


def strange(message, at):
    """Yields the places of fields that the class does not know."""
    if len(unknown_fields.UnknownFieldSet(message)):
        yield at
    for field, value in message.ListFields():
        if field.type != field.TYPE_MESSAGE:
            continue
        if field.message_type.GetOptions().map_entry:
            inner = list(value.values()) if field.message_type.fields_by_name["value"].type == field.TYPE_MESSAGE else []
        else:
            inner = value if field.is_repeated else [value]
        for one in inner:
            yield from strange(one, f"{at}.{field.name}")


def told(message):
    return json_format.MessageToDict(message, use_integers_for_enums=False)


def rest_of(form, message):
    """Verb, path with query, and body; nothing where there is no such method."""
    if form is None or not hasattr(form, "_get_http_options"):
        return None
    sent = path_template.transcode(form._get_http_options(), message)
    query = sorted(flat(told(sent["query_params"])))
    target = sent["uri"] + "".join(f"{'&' if n else '?'}{k}={quote(v, safe='')}" for n, (k, v) in enumerate(query))
    return {"verb": sent["method"].upper(), "target": target, "body": told(sent["body"]) if "body" in sent else None}


def flat(value, at=""):
    """Names and texts of query parameters."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from flat(inner, f"{at}{name}.")
        elif isinstance(inner, list):
            yield from ((at + name, str(one)) for one in inner)
        else:
            yield at + name, str(inner).lower() if isinstance(inner, bool) else str(inner)


def main():
    calls = known()
    out = []
    for path, text in json.load(sys.stdin):
        if path not in calls:
            sys.exit(f"Google has no call {path}")
        kind, form = calls[path]
        message = kind.pb().FromString(bytes.fromhex(text))
        places = list(strange(message, kind.__name__))
        if places:
            sys.exit(f"{path}: fields that Google does not know in {', '.join(places)}")
        out.append({"message": told(message), "rest": rest_of(form, message)})
    json.dump(out, sys.stdout)


main()
