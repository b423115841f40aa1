"""Deduplication with proof: every removal names a kept witness and a verified similarity.

    signatures -> candidates (pairs that may be similar) -> verify (edges) -> elect (who is kept, who is merged)

Only signatures and candidates differ by modality; `text.py` puts the four together for texts.
"""
