"""Judges OpenLineage events: a JSON list of them on standard input, complaints on standard output, one a line.

The judge is OpenLineage's own client: its classes are generated from the published JSON schema of the specification and of each facet,
so every field, requirement, type and schema version is theirs. With --spec DIR the events are also validated against the JSON schemas
themselves, which lie there as OpenLineage.json and NAMEFacet.json.
"""

import argparse
import enum
import importlib
import json
import pathlib
import pkgutil
import re
import sys
import types
import typing

import attr
import jsonschema
import referencing
from openlineage.client import generated
from openlineage.client.generated import base

CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json"


def classes():
    """The facets by their names: ParentRunFacet …"""
    found = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for name, value in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).items():
            if isinstance(value, type) and issubclass(value, base.BaseFacet):
                found[name] = value
    return found


FACETS = classes()


def facet_class(value, wanted):
    """The class that the facet says it is of; one of our own is of the kind that is wanted here."""
    url = value.get("_schemaURL", "")
    name = re.split(r"[/.#]", url.removesuffix(".json"))[-1]
    return FACETS.get(name, wanted)


def check(value, wanted, at):
    """Yields what is wrong with the value at a place."""
    origin = typing.get_origin(wanted)
    if origin in (types.UnionType, typing.Union):
        [wanted] = [one for one in typing.get_args(wanted) if one is not type(None)]
        if value is not None:
            yield from check(value, wanted, at)
    elif origin is list:
        if not isinstance(value, list):
            yield f"{at}: is no list"
            return
        for number, one in enumerate(value):
            yield from check(one, typing.get_args(wanted)[0], f"{at}/{number}")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{at}: is no object"
            return
        for name, one in value.items():
            yield from check(one, typing.get_args(wanted)[1], f"{at}/{name}")
    elif attr.has(wanted):
        yield from check_class(value, wanted, at)
    elif issubclass(wanted, enum.Enum):
        if value not in [one.value for one in wanted]:
            yield f"{at}: {value!r} is none of {wanted.__name__}"
    elif wanted is not typing.Any and (not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool))):
        yield f"{at}: {value!r} is no {wanted.__name__}"


def check_class(value, wanted, at):
    if not isinstance(value, dict):
        yield f"{at}: is no object"
        return
    is_facet = issubclass(wanted, base.BaseFacet)
    if is_facet:
        kind = wanted
        wanted = facet_class(value, wanted)
        if not issubclass(wanted, kind):
            yield f"{at}: a {wanted.__name__} where a {kind.__name__} belongs"
        if value.get("_schemaURL") != wanted._get_schema():
            yield f"{at}/_schemaURL: {value.get('_schemaURL')!r} instead of {wanted._get_schema()!r}"
    hints = typing.get_type_hints(wanted)
    fields = {field.name: field for field in attr.fields(wanted)}
    for name in value.keys() - fields.keys():
        # Only facets of our own may have fields that the specification does not know.
        if not (is_facet and wanted in base.__dict__.values()):
            yield f"{at}/{name}: {wanted.__name__} has no such field"
    for name, field in fields.items():
        # In the schema these are required; the classes fill them in.
        needed = name in ("_producer", "_schemaURL", "producer", "schemaURL") or field.default is attr.NOTHING
        if name not in value:
            if needed:
                yield f"{at}/{name}: is missing"
            continue
        yield from check(value[name], hints[name], f"{at}/{name}")
        if field.validator is not None:
            try:
                field.validator(None, field, value[name])
            except (ValueError, TypeError) as error:
                yield f"{at}/{name}: {error}"


def schemas(folder):
    """Validators by the URL of the schema."""
    resources, urls = [], {}
    for file in sorted(pathlib.Path(folder).glob("*.json")):
        schema = json.loads(file.read_text())
        resources.append((schema["$id"], referencing.Resource.from_contents(schema)))
        urls[file.stem] = schema["$id"]
    registry = referencing.Registry().with_resources(resources)

    def validator(url):
        return jsonschema.Draft202012Validator(
            {"$ref": url}, registry=registry, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        )

    return validator, urls


def facets(event):
    """Each facet of an event: its place and itself."""
    holders = [("run", event["run"]), ("job", event["job"])]
    holders += [(f"{side}/{n}", one) for side in ("inputs", "outputs") for n, one in enumerate(event.get(side, []))]
    for at, holder in holders:
        for kind in ("facets", "inputFacets", "outputFacets"):
            for name, facet in holder.get(kind, {}).items():
                yield f"{at}/{kind}/{name}", facet


def validate(events, folder):
    """Yields what the published schemas say; the last value counts what was looked at."""
    validator, urls = schemas(folder)
    whole = validator(f"{CORE}#/$defs/RunEvent")
    judged = set()
    for number, event in enumerate(events):
        for error in whole.iter_errors(event):
            yield f"{number}: {error.json_path}: {error.message}"
        for at, facet in facets(event):
            name = re.split(r"[/.#]", facet["_schemaURL"].removesuffix(".json"))[-1]
            if name in urls:
                judged.add(name)
                for error in validator(f"{urls[name]}#/$defs/{name}").iter_errors(facet):
                    yield f"{number}/{at}: {error.json_path}: {error.message}"
    print(f"validated against OpenLineage.json and {', '.join(sorted(judged))}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", help="a folder with the published JSON schemas")
    arguments = parser.parse_args()
    events = json.load(sys.stdin)
    complaints = []
    for number, event in enumerate(events):
        complaints += check(event, base.RunEvent, str(number))
    if arguments.spec:
        complaints += validate(events, arguments.spec)
    print("\n".join(complaints))
    print(f"judged {len(events)} events", file=sys.stderr)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
