"""The bundled offline upstream: the OpenAI wire with no model behind it, for when there is no key."""
