"""The workbench: prompts, models and parameters held against each other, column by column."""
