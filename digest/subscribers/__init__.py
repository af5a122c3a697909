"""Who gets what: addresses, lists of people in CSV, signed links."""
