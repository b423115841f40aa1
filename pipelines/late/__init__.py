"""Late policy: what other thresholds, another policy or another recipe would have kept, from what a run stored.

    change   RULE=VALUE -> another recipe
    stored   what the last run stands on: its recipe, its rooms, its signatures
    replay   the dispositions of a run under the other recipe: rules over stored signals, and an election from stored edges
    whatif   what is gained and lost between the two
    cut      a signal's histogram and where a rule cuts it

Nothing is decoded or measured again. Texts are read only of items that would come back, to edit and sign them, and of
pairs that were never compared.
"""
