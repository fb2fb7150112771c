"""The judge of OpenLineage events is worth nothing if it lets everything pass."""

import copy
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import judge_lineage as judge  # noqa: E402

CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
FACETS = "https://openlineage.io/spec/facets/"


def event():
    schema = FACETS + "1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"
    return {
        "eventType": "COMPLETE",
        "eventTime": "2017-07-29T10:00:00.000Z",
        "producer": "urn:a",
        "schemaURL": CORE + "RunEvent",
        "run": {"runId": "01890a5d-ac96-774b-bcce-b302099a8057"},
        "job": {"namespace": "n", "name": "j"},
        "inputs": [
            {
                "namespace": "n",
                "name": "i",
                "inputFacets": {"own": {"_producer": "urn:a", "_schemaURL": CORE + "InputDatasetFacet", "anything": 1}},
            }
        ],
        "outputs": [
            {
                "namespace": "n",
                "name": "o",
                "facets": {"schema": {"_producer": "urn:a", "_schemaURL": schema, "fields": [{"name": "c"}]}},
            }
        ],
    }


def said(value):
    return list(judge.check(value, judge.base.RunEvent, "0"))


class Judge(unittest.TestCase):
    def test_a_right_event_passes(self):
        self.assertEqual(said(event()), [])

    def test_wrong_events_are_found(self):
        schema = ["outputs", 0, "facets", "schema"]
        own = ["inputs", 0, "inputFacets", "own"]
        for path, value, words in [
            (["run", "runId"], "7", "badly formed"),
            (["eventType"], "DONE", "is none of EventType"),
            (["eventTime"], "2017-07-29", "has to contain time"),
            (["job", "name"], None, "is no str"),
            (["job", "title"], "x", "has no such field"),
            (["inputs"], {}, "is no list"),
            ([*schema, "fields", 0, "kind"], "x", "has no such field"),
            ([*schema, "fields", 0], {"type": "INT64"}, "name: is missing"),
            ([*schema, "_schemaURL"], FACETS + "1-0-0/SchemaDatasetFacet.json", "instead of"),
            ([*own, "_schemaURL"], CORE + "BaseFacet", "a BaseFacet where"),
            ([*own, "_schemaURL"], FACETS + "1-2-0/SchemaDatasetFacet.json", "where a InputDatasetFacet belongs"),
        ]:
            with self.subTest(path=path, value=value):
                broken = copy.deepcopy(event())
                place = broken
                for step in path[:-1]:
                    place = place[step]
                place[path[-1]] = value
                self.assertTrue(any(words in one for one in said(broken)), said(broken))
        for name in ("eventTime", "producer", "schemaURL", "run", "job"):
            broken = event()
            del broken[name]
            self.assertIn(f"0/{name}: is missing", said(broken))
