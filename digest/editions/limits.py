"""How much an e-mail may hold, and a template may do."""

MAX_BYTES = 100_000
"""Most bytes (UTF-8) of an e-mail's HTML. Gmail cuts what is over 102 KB off, and with it the
footer; a little is left for what the way adds (a list's footer, an unsubscribe link of its own)."""

MAX_READER_ADDRESS = 900
"""Most characters of an address of a reader's own, for unsubscribing or preferences: a line of a
header may have 998 (RFC 5322, 2.1.1), and an address in it can't be folded."""

MAX_STEPS = 300_000
"""Most steps of one rendering: turns of loops, calls, filters, hundreds of characters. The largest
edition (200 stories, each with all that there can be) takes under a quarter in the packaged themes
(`tests/editions/test_sandbox.py`); this many take a second or two."""
