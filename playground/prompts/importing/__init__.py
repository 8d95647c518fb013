"""Prompts of other products, turned into ours, with a report of what changed. Pure."""
