"""The bundled local model, started and stopped by the service."""

from router.bundled.process import BundledProcess
from router.errors import SetupError
from router.local.weights import HOW_TO_INSTALL, installed


class LocalProcess(BundledProcess):
    """`start()` answers its base URL, `stop()` ends it."""

    module = "router.local"
    title = "the bundled local model"

    def start(self) -> str:
        """As every bundled upstream's.

        Raises:
            SetupError: it is not installed, or does not come up.
        """
        if not installed():
            raise SetupError(f"{self.title} is not installed; {HOW_TO_INSTALL}")
        return super().start()
