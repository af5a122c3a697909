"""The JSON Schema of `feeds.yaml`, for editors: `python -m digest.config.schema` prints it."""

from __future__ import annotations

import json
import sys
from typing import Any

from digest.config.feeds_yaml import Config


def feeds_schema() -> dict[str, Any]:
    """The schema (2020-12) of what `load_config` accepts, as far as JSON Schema can say it."""
    schema = Config.model_json_schema(by_alias=True, mode="validation")
    for model in (schema, *schema["$defs"].values()):
        model["properties"] = {key: _not_null(field) for key, field in model["properties"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "feeds.yaml",
    }


def _not_null(field: dict[str, Any]) -> dict[str, Any]:
    """A key that may be left out may not be empty: `null` and that default go."""
    kinds = [kind for kind in field.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == len(field.get("anyOf", [])):
        return field
    rest = {key: value for key, value in field.items() if key not in ("anyOf", "default")}
    return {**kinds[0], **rest} if len(kinds) == 1 else {"anyOf": kinds, **rest}


def main() -> None:
    """Print the schema as `docs/feeds.schema.json` holds it."""
    sys.stdout.write(json.dumps(feeds_schema(), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
