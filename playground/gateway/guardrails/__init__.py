"""Checks on what goes to a model and what comes back: pure functions, no Django, no I/O."""
