"""One plain script a stage. Their order stands in `pipeline/runner.py`; none imports another."""
