"""Prompts held in memory for calls, and kept fresh in every process."""
