"""Templates: compiled and rendered in a sandbox, with fragments, within a budget. Pure."""
