"""What all tests share."""

from pipeline.executors import tame_threads

tame_threads()  # before any test imports torch
