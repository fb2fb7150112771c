"""Faults on order: statuses, delays, connections that break. Ordered by POST /_fake/faults."""

import re
import threading

FIELDS = {
    "match",
    "status",
    "message",
    "reason",
    "retry_after",
    "times",
    "cut_after_bytes",
    "cut_download_after",
    "delay_ms",
    "drop_response",
    "after",
}
MATCH = {"surface", "method", "path"}
KINDS = FIELDS - {"match", "message", "reason", "retry_after", "times", "after"}


class Faults:
    def __init__(self):
        self._lock = threading.Lock()
        self._orders = []

    def add(self, order):
        unknown = set(order) - FIELDS | set(order.get("match", {})) - MATCH
        if unknown or not KINDS & set(order):
            raise ValueError(f"unknown {sorted(unknown)}" if unknown else f"one of {sorted(KINDS)} is needed")
        re.compile(order.get("match", {}).get("path", ""))
        with self._lock:
            # `times`: null stands for 'always'; `after`: so many matching calls go through first
            self._orders.append({"times": 1, "after": 0, **order})

    def clear(self):
        with self._lock:
            self._orders.clear()

    def list(self):
        with self._lock:
            return list(self._orders)

    def take(self, surface, method, path):
        """The first order that fits this call, used up by one; an empty dict when there is none."""
        with self._lock:
            for order in self._orders:
                match = order.get("match", {})
                if match.get("surface", surface) != surface or match.get("method", method) != method:
                    continue
                if not re.search(match.get("path", ""), path):
                    continue
                if order["after"] > 0:
                    order["after"] -= 1
                    continue
                if order["times"] is not None:
                    order["times"] -= 1
                    if order["times"] <= 0:
                        self._orders.remove(order)
                return order
        return {}
