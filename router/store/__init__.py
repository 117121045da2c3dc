"""The one folder that imports redis: connections, scripts, and the embedded Valkey."""
