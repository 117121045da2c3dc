"""A start without a configuration file: which keys and model servers there are, and the pair they make."""

from router.discovery.discover import KEY_ORDER, Discovered, Pair, discover
from router.discovery.servers import Server, usual_servers

__all__ = ["KEY_ORDER", "Discovered", "Pair", "Server", "discover", "usual_servers"]
