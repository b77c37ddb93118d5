"""Kokoro Dataset Pipeline: recordings in, a dataset that trains Kokoro / StyleTTS2 out."""

import os

__version__ = "0.1.0"

# subtle: here, since it is read as numpy is loaded, in every process, also a worker's. Products of
# numpy differ in the last digit by how many threads OpenBLAS has, and so would bytes by the number
# of workers and of cores; torch's, measured the same way, do not. What they cost here is not felt.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# What runs here is nobody else's business: onnxruntime sends names and hashes of models, errors and
# times to its maker since 1.29, and Ray counts who uses it. Before either is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
