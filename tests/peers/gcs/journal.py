"""The list of calls so far, and the log file: one JSON line per call, per refusal and per event."""

import json
import threading
import time


class Journal:
    def __init__(self, path=None):
        self._lock = threading.Lock()
        self._file = open(path, "a", encoding="utf-8") if path else None
        self.calls = []
        self.refused = []

    def call(self, *, surface, method, resource, status, started, operation=None, size_in=0, fault=None):
        entry = {
            "surface": surface,
            "method": method,
            "resource": resource,
            "operation": operation,
            "status": status,
            "at": round(started, 3),
            "ms": round((time.time() - started) * 1000, 1),
            "bytes_in": size_in,
        }
        if fault:
            entry["fault"] = fault
        with self._lock:
            self.calls.append(entry)
        self._write("call", entry)

    def refuse(self, surface, resource, message):
        """Something that this fake does not know; a test may insist that there is no such line."""
        entry = {"surface": surface, "resource": resource, "message": message}
        with self._lock:
            self.refused.append(entry)
        self._write("unsupported", entry)

    def note(self, kind, **entry):
        self._write(kind, entry)

    def clear(self):
        with self._lock:
            self.calls.clear()
            self.refused.clear()

    def _write(self, kind, entry):
        if self._file:
            with self._lock:
                self._file.write(json.dumps({"log": kind, **entry}) + "\n")
                self._file.flush()
