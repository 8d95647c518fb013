"""The pages of prompts: list, prompt, editor, comparison."""
