"""From stories to an edition, and from an edition to what a reader receives."""
