"""The commands. `digest.cli:main` is the entry point."""

from digest.cli.app import main

__all__ = ["main"]
