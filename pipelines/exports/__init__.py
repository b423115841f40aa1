"""Exports: papers of a release in other people's formats. Each is named questions and a pure function from their answers to bytes."""
