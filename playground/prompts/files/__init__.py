"""Prompts as plain files that live in git: front matter in YAML, then messages in Jinja. Pure."""
