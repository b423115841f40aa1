"""Deduplication of source files: the machinery of texts, with shingles of tokens, marks included, and numbers of its own."""

import dataclasses

from pipelines.dedup.text import TEXT_DEDUP

CODE_DEDUP = dataclasses.replace(
    TEXT_DEDUP,
    name="dedup.code",
    parameters=(
        # Chosen: StarCoder (arXiv 2305.06161, 2402.19173) takes 0.7, which merges files that share a skeleton; on the 109
        # files of neardup/code_pairs both find every pair above themselves and no other.
        ("threshold", 0.8),
        ("shingle_words", 5),  # Source: The Stack, Kocetkov et al. 2022, arXiv 2211.15533: 5-grams
        # Chosen: without marks and with `_` as a gap, similarities were up to 0.08 off those of tokens; so they are 0.008.
        ("punctuation", True),
        ("permutations", 128),  # as for texts
        # Chosen: two files of fewer (24 tokens, some four lines) at 0.8 differ by the line that counts.
        ("min_shingles", 20),
        *((name, value) for name, value in TEXT_DEDUP.parameters if name in ("hot_bucket_cap", "max_removed_share")),
    ),
)
