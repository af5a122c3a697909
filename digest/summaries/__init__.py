"""Summaries: which sentences of an article tell a reader most."""
