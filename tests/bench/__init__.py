"""Benchmarks: `make bench` measures the running product beside a baseline of the same run."""
