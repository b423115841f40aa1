"""How a corpus becomes a model: tokens, a plan, one decoder over one vocabulary, checkpoints that say what they saw.

`python -m training train|tune|generate|evaluate|tokenize`. Imports neither Beam nor Dagster.
"""
