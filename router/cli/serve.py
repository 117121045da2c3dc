"""`pennyroute serve`: the service itself."""

from typing import Annotated

import typer

from router.cli.options import ConfigOption, DataDirOption, example
from router.names import DATA_DIR


@example("pennyroute serve", "pennyroute serve --port 9000 --workers 4 --config pennyroute.yaml")
def serve(
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen on; any other than loopback needs an API key to exist. "
            "Unset: the configuration's, 127.0.0.1.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            metavar="PORT",
            help="TCP port; 0 takes a free one. Unset: the configuration's, 8080.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=256, metavar="N", help="Processes that answer. Unset: 1.", show_default=False
        ),
    ] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Start the service.

    The embedded store starts with it, unless REDIS_URL names another. Needs no configuration and no key:
    with neither, it looks for provider keys in the environment and for local servers, and else answers
    from the bundled offline upstream. Ctrl-C stops it, SIGTERM drains it.
    """
    from router.serve import ServeOptions, run

    raise typer.Exit(
        run(ServeOptions(host=host, port=port, workers=workers, config=config, data_dir=data_dir))
    )
