"""The words that the plain (not FastAPI) routes are described in: JSON Schema and OpenAPI 3.1, a little shorter."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 1}
TIME: Schema = {"type": "string", "format": "date-time"}


def record(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "required": required, "properties": properties}


def listing(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def json_answer(name: str, described: str) -> Schema:
    return {"description": described, "content": {"application/json": {"schema": reference(name)}}}


def path_parameter(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": STRING}


def header(name: str, described: str) -> Schema:
    return {"name": name, "in": "header", "schema": STRING, "description": described}


def query_parameter(name: str, described: str) -> Schema:
    return {"name": name, "in": "query", "schema": STRING, "description": described}


def operation(
    operation_id: str,
    summary: str,
    tag: str,
    parameters: list[Schema],
    responses: Schema,
    body: str = "",
) -> Schema:
    described: Schema = {
        "operationId": operation_id,
        "summary": summary,
        "tags": [tag],
        "parameters": parameters,
        "responses": responses,
    }
    if body:
        content = {"application/json": {"schema": reference(body)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


IDEMPOTENCY_KEY = header("Idempotency-Key", "the same key with the same body gives the same answer")
