"""`python -m router.local`: the bundled local model, by itself."""

import os
import sys

from router.bundled.serve import arguments, serve
from router.local.model import LocalModel
from router.local.speaker import LocalSpeaker
from router.local.weights import HOW_TO_INSTALL, installed, weights


def main() -> None:
    """Serves; see `router.bundled.serve`."""
    parser = arguments("router.local", "SmolLM2-135M by llama.cpp, over the OpenAI wire.")
    # Its threads wait for each other busily: with every core taken, a loaded machine is 20 times slower.
    half = max(1, len(os.sched_getaffinity(0)) // 2)
    parser.add_argument("--threads", type=int, default=half, help="cores it may keep busy; half unless told")
    chosen = parser.parse_args()
    if not installed():
        sys.exit(f"the local model is not installed; {HOW_TO_INSTALL}")
    serve(LocalSpeaker(LocalModel(weights(), chosen.threads)), chosen.port)


if __name__ == "__main__":
    main()
