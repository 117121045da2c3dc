"""What the bundled upstreams have in common: the OpenAI wire, and living with the service."""
