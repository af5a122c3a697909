"""The only door to torch, transformers and sentence-transformers."""
