"""`collegium serve`: a local page."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import click

from collegium.cli.help import example
from collegium.cli.output import JSON, say, say_json, warn


def _address(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no IP address") from None


@click.command(epilog=example("collegium serve runs --port 8420"))
@click.argument("folder", type=click.Path(path_type=Path), default=Path(), metavar="[DIR]")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8420, show_default=True,
    help="Port to listen on; 0 for any that is free.",
)  # fmt: skip
@click.option(
    "--bind", default="127.0.0.1", show_default=True, callback=_address, metavar="ADDRESS",
    help="Address to listen on.",
)  # fmt: skip
@JSON
def serve(folder: Path, port: int, bind: str, as_json: bool) -> None:
    """Show runs, comparisons and nodes in DIR as a live, local page.

    Runs that go on are shown as they go. The page only reads; stop it with Ctrl-C.
    """
    from collegium.serving.server import serve as serve_folder

    if not ipaddress.ip_address(bind).is_loopback:
        warn(f"everybody who can reach {bind} can read the page; it asks for no password")

    def tell(url: str) -> None:
        if as_json:
            say_json({"url": url, "folder": str(folder)})
        else:
            say(f"{url} shows {folder.resolve()}; Ctrl-C ends it")

    serve_folder(folder, port, bind, tell)
