"""Pure functions over text: markup to plain text, cleaning, sentences, addresses."""
