"""The two sides of bench/pipeline.py, each a process of its own: naive.py and ours.py."""
