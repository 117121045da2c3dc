"""A JSON Schema of `pennyroute.yaml`, so that editors complete and check it."""

import json
from typing import Any, Final

from router.settings.models import Settings

FILE_NAME: Final = "pennyroute.schema.json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema. It knows each field, not what must hold between them: `pennyroute config check` does."""
    schema = Settings.model_json_schema(by_alias=True, mode="validation")
    schema["$schema"] = _DIALECT
    schema["title"] = "pennyroute.yaml"
    return schema


def schema_text() -> str:
    """The schema as it is committed."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
