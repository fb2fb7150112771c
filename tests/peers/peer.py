"""What the tests of the fakes share: a running fake of Google Cloud Storage, and Google's clients on it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.request

import grpc
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

HERE = os.path.dirname(os.path.abspath(__file__))


class Peer:
    def __init__(self, *options, root=None):
        self.folder = tempfile.mkdtemp(prefix="gcs-peer-")
        self.root = root or os.path.join(self.folder, "root")
        self.log = os.path.join(self.folder, "log")
        command = [
            sys.executable,
            os.path.join(HERE, "gcs", "serve.py"),
            "--root",
            self.root,
            "--log",
            self.log,
            "--with-parent",
        ]
        self.process = subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        addresses = json.loads(self.process.stdout.readline())
        self.http, self.grpc = addresses["http"], addresses["grpc"]
        self.authority = self.http.removeprefix("http://")

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self):
        return storage.Client(
            project="test-project",
            credentials=AnonymousCredentials(),
            client_options=ClientOptions(api_endpoint=self.http),
        )

    def channel(self):
        return grpc.insecure_channel(self.grpc.removeprefix("http://"))

    def control(self, what, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.http}/_fake/{what}", data, method=method or ("POST" if data else "GET")
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def refused(self):
        with open(self.log, encoding="utf-8") as file:
            return [line for line in map(json.loads, file) if line["log"] == "unsupported"]


class PeerTest(unittest.TestCase):
    """One fake for all tests of a class, a bucket for each test."""

    OPTIONS = ()
    STRICT = True  # at the end nothing may have been refused

    @classmethod
    def setUpClass(cls):
        cls.peer = Peer(*cls.OPTIONS)
        cls.client = cls.peer.client()

    @classmethod
    def tearDownClass(cls):
        refused = cls.peer.refused()
        cls.client.close()
        cls.peer.close()
        if cls.STRICT and refused:
            raise AssertionError(f"the fake refused: {refused}")

    def setUp(self):
        self.peer.control("faults", method="DELETE")
        self.name = (
            self.id().rpartition(".")[2].replace("_", "-").replace("google", "g")[:63].strip("-")
        )  # `google` is not allowed in a name
        self.bucket = self.client.create_bucket(self.name)
