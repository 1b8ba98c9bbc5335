"""``python -m collegium``: the command line."""

from collegium.cli.entry import main

main()
