"""Ramps: a label leads a growing part of its callers to another version, and is watched."""
