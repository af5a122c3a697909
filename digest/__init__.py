"""`digest`: RSS feeds in, a briefing out in which nothing is invented."""

__version__ = "0.1.0"
