"""How a corpus becomes a model. Empty so far."""
