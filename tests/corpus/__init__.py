"""A small honest corpus, written by us: the demo's input and the tests' truth. `site.py` serves it on loopback."""
