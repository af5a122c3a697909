"""The folder where editions wait. Nothing reaches a reader but from there."""
