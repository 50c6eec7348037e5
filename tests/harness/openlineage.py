"""What OpenLineage's JSON schemas ask of an event and its facets, without asking its server for them.

No package brings the schemas themselves. The client that is locked has a class for each type of them, made of them by their own program:
types, what is required, allowed values, and the address of the schema, with its version. So each class is a JSON schema again here. What
the classes leave out is added: formats, and what the client fills in by itself but the schemas require.
"""

import enum
import importlib
import json
import pkgutil
import types
import typing
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import attr
from jsonschema import Draft202012Validator, FormatChecker
from openlineage.client import generated
from openlineage.client.generated import base
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

OF_OURS = Path(__file__).parents[2] / "docs" / "lineage_facets.json"
FORMATS = {"eventTime": "date-time", "runId": "uuid", "producer": "uri", "schemaURL": "uri", "_producer": "uri", "_schemaURL": "uri"}
FILLED_IN = {"producer", "schemaURL", "_producer", "_schemaURL"}  # by the client, if nobody has
PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Any: {},
    type(None): {"type": "null"},
}
LISTS = {"facets", "inputFacets", "outputFacets"}


def faults(event: dict[str, Any]) -> list[str]:
    """What is wrong with the event, each with its place; every facet is held to the schema that it names."""
    found = list(_faults(event, _address(base.RunEvent), "event"))
    for place, facet in facets_of(event):
        address = str(facet.get("_schemaURL"))
        if address in addresses():
            found += _faults(facet, address, place)
        elif "openlineage.io" in address or address.startswith("urn:landfall:"):
            found.append(f"{place}: there is no schema {address}")
    return found


def facets_of(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each facet of the run, the job and the datasets, with its place."""
    datasets = [(f"{kind}[{number}]", each) for kind in ("inputs", "outputs") for number, each in enumerate(event.get(kind, []))]
    for place, holder in (("run", event.get("run", {})), ("job", event.get("job", {})), *datasets):
        for kind in sorted(LISTS & holder.keys()):
            yield from ((f"{place}.{kind}.{name}", facet) for name, facet in holder[kind].items())


def _faults(instance: Any, address: str, place: str) -> Iterator[str]:
    validator = Draft202012Validator({"$ref": address}, registry=_registry(), format_checker=_formats())
    for error in validator.iter_errors(instance):
        yield f"{place}{error.json_path.removeprefix('$')}: {error.message}"


@cache
def addresses() -> frozenset[str]:
    """The addresses of all schemas that there are: OpenLineage's, as the client has them, and ours."""
    ours = json.loads(OF_OURS.read_text())
    return frozenset([*(_address(kind) for kind in _classes()), *(f"{ours['$id']}#/$defs/{name}" for name in ours["$defs"])])


@cache
def _registry() -> Any:
    """Schemas by their address; one that is missing is an error, and nobody is asked for it."""
    documents: dict[str, dict[str, Any]] = {}
    for kind in _classes():
        document, _, name = _address(kind).partition("#/$defs/")
        documents.setdefault(document, {"$id": document, "$defs": {}})["$defs"][name] = _schema(kind)
    ours = json.loads(OF_OURS.read_text())
    documents[ours["$id"]] = ours
    made = [(address, Resource(contents=each, specification=DRAFT202012)) for address, each in documents.items()]
    return Registry().with_resources(made)


@cache
def _classes() -> list[type]:
    """The client's classes that have a schema of their own."""
    modules = [importlib.import_module(f"{generated.__name__}.{each.name}") for each in pkgutil.iter_modules(generated.__path__)]
    found = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type) and attr.has(kind)}
    return sorted((kind for kind in found if hasattr(kind, "_get_schema")), key=_address)


def _address(kind: Any) -> str:
    return str(kind._get_schema())


def _schema(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    properties, required = {}, []
    for field in attr.fields(kind):
        properties[field.name] = _of_type(hints[field.name])
        if field.name in FORMATS:
            properties[field.name] = {"type": "string", "format": FORMATS[field.name]}
        if field.default is attr.NOTHING or field.name in FILLED_IN:
            required.append(field.name)
    return {"type": "object", "properties": properties, "required": required}


def _of_type(hint: Any) -> dict[str, Any]:
    """Null is left out by the client when it writes an event, so what may be missing may not be null."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        kinds = [_of_type(each) for each in arguments if each is not type(None)]
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _of_type(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of_type(arguments[1])}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [each.value for each in hint]}
    if attr.has(hint):
        return {"$ref": _address(hint)} if hasattr(hint, "_get_schema") else _schema(hint)
    return PLAIN[hint]


@cache
def _formats() -> FormatChecker:
    """Those that OpenLineage names; jsonschema passes over a format whose library is not there."""
    checker = FormatChecker(formats=())
    checker.checks("date", ValueError)(lambda text: bool(date.fromisoformat(text)))
    checker.checks("date-time", ValueError)(lambda text: "T" in text and datetime.fromisoformat(text).tzinfo is not None)
    checker.checks("uuid", ValueError)(lambda text: bool(UUID(text)))
    checker.checks("uri", ValueError)(lambda text: bool(urlsplit(text).scheme))
    return checker
