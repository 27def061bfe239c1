"""SARIF 2.1.0: required properties, allowed words, references that fit.

The tables are the specification's (OASIS, SARIF 2.1.0): each object's properties that SHALL be
there, and all that we write beside them.
"""

from __future__ import annotations

from typing import Any

# Object: (required, further ones that we write), by section.
OBJECTS: dict[str, tuple[set[str], set[str]]] = {
    "log": ({"version", "runs"}, {"$schema"}),  # 3.13
    "run": ({"tool"}, {"results", "artifacts", "invocations", "columnKind"}),  # 3.14
    "tool": ({"driver"}, set()),  # 3.18
    "toolComponent": ({"name"}, {"version", "semanticVersion", "rules"}),  # 3.19
    "invocation": ({"executionSuccessful"}, set()),  # 3.20
    "artifact": (set(), {"location"}),  # 3.24
    "result": (  # 3.27
        {"message"},
        {
            "ruleId",
            "ruleIndex",
            "level",
            "locations",
            "partialFingerprints",
            "properties",
            "suppressions",
        },
    ),
    "suppression": ({"kind"}, {"justification"}),  # 3.35
    "location": (set(), {"physicalLocation"}),  # 3.28
    "physicalLocation": (set(), {"artifactLocation", "region"}),  # 3.29; one of two is required
    "artifactLocation": (set(), {"uri"}),  # 3.4
    "region": (set(), {"startLine"}),  # 3.30
    "reportingDescriptor": (  # 3.49
        {"id"},
        {"name", "shortDescription", "fullDescription", "help", "defaultConfiguration"},
    ),
    "reportingConfiguration": (set(), {"level"}),  # 3.50
    "message": ({"text"}, set()),  # 3.11.7; text or id
    "multiformatMessageString": ({"text"}, set()),  # 3.12
}
LEVELS = {"none", "note", "warning", "error"}  # 3.27.10


def checked(kind: str, thing: dict[str, Any]) -> dict[str, Any]:
    required, more = OBJECTS[kind]
    assert required <= thing.keys() <= required | more, kind
    return thing


def check(log: dict[str, Any]) -> dict[str, Any]:
    """Walk a log as the specification describes it; return its run."""
    checked("log", log)
    assert "2.1.0" == log["version"]
    (run,) = log["runs"]
    checked("run", run)
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    driver = checked("toolComponent", checked("tool", run["tool"])["driver"])
    for one in driver["rules"]:
        checked("reportingDescriptor", one)
        for text in ("shortDescription", "fullDescription", "help"):
            assert checked("multiformatMessageString", one[text])["text"]
        assert checked("reportingConfiguration", one["defaultConfiguration"])["level"] in LEVELS
    ids = [one["id"] for one in driver["rules"]]
    assert len(set(ids)) == len(ids)
    uris = {checked("artifact", one)["location"]["uri"] for one in run["artifacts"]}
    assert len(uris) == len(run["artifacts"])  # 3.14.15: unique
    for one in run["invocations"]:
        assert checked("invocation", one)["executionSuccessful"] in (True, False)
    for result in run["results"]:
        checked("result", result)
        assert checked("message", result["message"])["text"]
        assert result["level"] in LEVELS
        assert result["ruleId"] == ids[result["ruleIndex"]]
        for one in result.get("suppressions", ()):
            assert checked("suppression", one)["kind"] in ("inSource", "external")
        for location in result.get("locations", ()):
            located(location, uris)
        assert all(isinstance(one, str) for one in result["partialFingerprints"].values())
        assert isinstance(result["properties"], dict)
    return run


def located(location: dict[str, Any], uris: set[str]) -> None:
    place = checked("physicalLocation", checked("location", location)["physicalLocation"])
    assert checked("artifactLocation", place["artifactLocation"])["uri"] in uris
    if "region" in place:
        assert checked("region", place["region"])["startLine"] >= 1
