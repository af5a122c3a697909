"""How much an e-mail may hold, and a template may do."""

MAX_BYTES = 100_000
"""Most bytes (UTF-8) of an e-mail's HTML. Gmail cuts what is over 102 KB off, and with it the
footer; a little is left for what the way adds (a list's footer, an unsubscribe link of its own)."""

MAX_STEPS = 300_000
"""Most turns of loops and calls in one rendering. The largest edition (200 stories) takes about
60,000 in the packaged themes; this many take a few seconds."""

MAX_TEXT = 20_000_000
"""Most characters of a page, or of one value in a template. The largest edition has a million."""
