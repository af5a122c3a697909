"""Feeds: addresses in, articles out. `fetch` does the reading, `parse` the understanding."""
