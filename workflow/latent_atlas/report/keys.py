"""Configuration models as tables of their keys."""

import json
from collections.abc import Iterator

from latent_atlas.config.base import Config

HEAD = "| key | type | default | meaning |\n|---|---|---|---|"
PLAIN = {"string": "text", "boolean": "true or false", "null": "empty"}
NUMBERS = {"integer": "whole number", "number": "number"}
BOUNDS = {
    "minimum": "from {:g}",
    "exclusiveMinimum": "over {:g}",
    "maximum": "to {:g}",
    "exclusiveMaximum": "under {:g}",
}


def key_table(model: type[Config], defaults: dict | None = None) -> str:
    """A row a key; `defaults` stand for those of the model."""
    return _table(model.model_json_schema(), defaults)


def key_tables(*models: type[Config]) -> str:
    """The same for models and all that they consist of, each under its name."""
    schemas: dict[str, dict] = {}
    for model in models:
        schema = model.model_json_schema()
        schemas |= {model.__name__: schema} | schema.get("$defs", {})
    parts = []
    for name, schema in schemas.items():
        if "properties" in schema:
            told = " ".join(schema.get("description", "").split())
            parts.append("\n\n".join(filter(None, [f"### {name}", told, _table(schema, None)])))
    return "\n\n".join(parts)


def _table(schema: dict, defaults: dict | None) -> str:
    needed = schema.get("required", [])
    rows = [HEAD]
    for key, described in schema["properties"].items():
        default = described.get("default")
        if defaults is not None:
            default = defaults.get(key, default)
        shown = "—" if key in needed and defaults is None else _value(default)
        cells = (f"`{key}`", type_words(described), shown, described.get("description", ""))
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


def _value(value: object) -> str:
    if value in (None, "", [], {}):
        return "empty"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(part)}" for key, part in value.items())
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def type_words(schema: dict) -> str:
    """A JSON schema's type in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(map(type_words, schema[several])))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type")
    if kind == "array":
        return f"list of {type_words(schema.get('items', {}))}"
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"by name: {type_words(inner)}" if isinstance(inner, dict) and inner else "by name"
    if kind in NUMBERS:
        return " ".join([NUMBERS[kind], *_bounds(schema)])
    return PLAIN.get(kind, "any")


def _bounds(schema: dict) -> Iterator[str]:
    for bound, words in BOUNDS.items():
        if bound in schema:
            yield words.format(schema[bound])
