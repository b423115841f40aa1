"""Splits: what a capture holds becomes items (a page its main text). Each parent gets one decision, each child one parent."""
