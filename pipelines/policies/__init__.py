"""Policies: rules as tables, each number with its source. They read signals and cost next to nothing."""
