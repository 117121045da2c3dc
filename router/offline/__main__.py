"""`python -m router.offline`: the bundled offline upstream, by itself."""

from router.bundled.serve import arguments, serve
from router.offline.speaker import OfflineSpeaker


def main() -> None:
    """Serves; see `router.bundled.serve`."""
    parser = arguments("router.offline", "The OpenAI wire with no model behind it.")
    parser.add_argument(
        "--latency-scale", type=float, default=1.0, help="multiplies every wait; 0 waits for nothing"
    )
    chosen = parser.parse_args()
    serve(OfflineSpeaker(chosen.latency_scale), chosen.port)


if __name__ == "__main__":
    main()
