"""How data becomes a corpus. `pipelines/spine.py` names the rooms in order; start reading there."""
