"""`python -m digest` is the same as the console script `digest`."""

from digest.cli import main

main()
