"""The bundled offline upstream, started and stopped by the service."""

from typing import Final

from router.bundled.process import BundledProcess

PROVIDER: Final = "offline"


class OfflineProcess(BundledProcess):
    """`start()` answers its base URL, `stop()` ends it."""

    module = "router.offline"
    title = "the bundled offline upstream"
