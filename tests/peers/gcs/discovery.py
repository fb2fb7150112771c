"""Google's own description of the JSON API (from google-api-python-client): routes, parameters, fields of bodies."""

import json
import os
import re
from urllib.parse import unquote

import googleapiclient

from .errors import Unsupported, invalid

_FILE = os.path.join(os.path.dirname(googleapiclient.__file__), "discovery_cache", "documents", "storage.v1.json")
UPLOAD_PREFIXES = ("/upload/storage/v1/", "/resumable/upload/storage/v1/")


class Method:
    def __init__(self, described):
        self.id = described["id"].removeprefix("storage.")
        self.verb = described["httpMethod"]
        self.template = described.get("flatPath") or described["path"]
        self.parameters = described.get("parameters", {})
        self.request = described.get("request", {}).get("$ref")
        pattern = re.sub(r"\{\+?(\w+)\}", r"(?P<\1>[^/]+)", self.template)
        self.pattern = re.compile(f"^{pattern}$")
        self.literals = len(re.sub(r"\{\+?\w+\}", "", self.template))


class Discovery:
    def __init__(self):
        with open(_FILE, encoding="utf-8") as file:
            document = json.load(file)
        self.schemas = document["schemas"]
        self.common = document["parameters"]
        self.methods = []
        self._collect(document)
        self.methods.sort(key=lambda m: -m.literals)

    def _collect(self, node):
        for described in node.get("methods", {}).values():
            self.methods.append(Method(described))
        for child in node.get("resources", {}).values():
            self._collect(child)

    def route(self, verb, raw_path):
        """→ (Method, path parameters), for a path below /storage/v1/ with its percent-encoding still in place."""
        other = None
        for method in self.methods:
            found = method.pattern.match(raw_path)
            if found and method.verb == verb:
                return method, {k: unquote(v) for k, v in found.groupdict().items()}
            other = other or found
        if other:
            raise Unsupported(f"no such method: {verb} {raw_path}")
        raise Unsupported(f"unknown path: {verb} {raw_path}", 404)

    def query(self, method, pairs):
        """Checked and converted query parameters; a parameter not described is refused."""
        values = {}
        for name, text in pairs:
            described = method.parameters.get(name) or self.common.get(name)
            if described is None or described.get("location") == "path":
                raise Unsupported(f"unknown query parameter '{name}' for {method.id}", 400)
            value = self._scalar(described, text, name)
            if described.get("repeated"):
                values.setdefault(name, []).append(value)
            elif name in values:
                raise invalid(f"Query parameter '{name}' given twice.", name)
            else:
                values[name] = value
        for name, described in method.parameters.items():
            if described.get("required") and described["location"] == "query" and name not in values:
                raise invalid(f"Required parameter: {name}", name, reason="required")
        return values

    def _scalar(self, described, text, name):
        kind = described.get("type")
        try:
            if kind == "boolean":
                return {"true": True, "false": False}[text.lower()]
            if kind == "integer" or described.get("format") in ("int64", "uint64"):
                return int(text)
        except (KeyError, ValueError):
            raise invalid(f"Invalid value for {name}: '{text}'", name) from None
        if "enum" in described and text not in described["enum"]:
            raise invalid(f"Invalid value '{text}'. Values must be within: {described['enum']}", name)
        return text

    def body(self, schema, value, where=""):
        """Refuses a field that Google's description does not have, and values of the wrong type."""
        self._value(self.schemas[schema], value, where or schema)

    def _value(self, schema, value, where):
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"]]
        if value is None:
            return  # null clears a field in a patch
        kind = schema.get("type")
        if kind == "object":
            if not isinstance(value, dict):
                raise invalid(f"Invalid value at '{where}': an object is expected.", where)
            known, further = schema.get("properties", {}), schema.get("additionalProperties")
            for key, inner in value.items():
                if key in known:
                    self._value(known[key], inner, f"{where}.{key}")
                elif further is not None:
                    self._value(further, inner, f"{where}.{key}")
                else:
                    raise Unsupported(f"unknown field '{key}' at '{where}'", 400)
        elif kind == "array":
            if not isinstance(value, list):
                raise invalid(f"Invalid value at '{where}': a list is expected.", where)
            for index, inner in enumerate(value):
                self._value(schema["items"], inner, f"{where}[{index}]")
        elif kind == "boolean" and not isinstance(value, bool):
            raise invalid(f"Invalid value at '{where}': true or false is expected.", where)
        elif kind == "integer" or (kind == "string" and schema.get("format") in ("int64", "uint64")):
            if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value)):
                raise invalid(f"Invalid value at '{where}': a whole number is expected.", where)
        elif kind == "string" and not isinstance(value, str):
            raise invalid(f"Invalid value at '{where}': a string is expected.", where)
