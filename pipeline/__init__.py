"""Kokoro Dataset Pipeline: recordings in, a dataset that trains Kokoro / StyleTTS2 out."""

__version__ = "0.1.0"
