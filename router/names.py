"""Names that mean something without being explained: what is taken where nobody says otherwise."""

from pathlib import Path
from typing import Final

DEFAULT_ROUTE: Final = "default"
"""The route of whoever names none."""

AUTO: Final = "auto"
"""What a caller may write for it in `model`."""

CONFIG_FILE: Final = Path("pennyroute.yaml")
"""The configuration, in the working directory."""

DATA_DIR: Final = Path(".pennyroute")
"""Where the embedded store keeps its data, and what waits for a store that is away."""
