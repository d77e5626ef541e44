"""A CustomResourceDefinition's schema, made strict: an unknown field is an error, not something to prune."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

Schema = dict[str, Any]
OPEN = "x-kubernetes-preserve-unknown-fields"
EITHER = "x-kubernetes-int-or-string"


def validator(path: Path, version: str) -> Draft202012Validator:
    """For objects of one version of the definition in `path`."""
    definition = yaml.load(path.read_text(), yaml.CSafeLoader)
    (schema,) = (
        each["schema"]["openAPIV3Schema"]
        for each in definition["spec"]["versions"]
        if each["name"] == version
    )
    return Draft202012Validator(strict(schema))


def strict(schema: Schema) -> Schema:
    """The same schema in which objects with listed properties have no others.

    `metadata` is Kubernetes' own and is left open where the definition says nothing about it.
    """
    result = {key: value for key, value in schema.items() if key not in ("properties", "items")}
    if schema.get(EITHER):
        return {"type": ["integer", "string"]}
    if "items" in schema:
        result["items"] = strict(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = strict(schema["additionalProperties"])
    if "properties" in schema:
        result["properties"] = {name: strict(each) for name, each in schema["properties"].items()}
        if not schema.get(OPEN):
            result.setdefault("additionalProperties", False)
    return result


def complaints(checked: Draft202012Validator, document: dict[str, Any]) -> list[str]:
    """What is wrong, with the path to it."""
    return [f"{error.json_path}: {error.message[:200]}" for error in checked.iter_errors(document)]
