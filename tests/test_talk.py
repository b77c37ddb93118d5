"""What the end of a run says."""

import logging

import pytest

from pipeline.checkpoint import Checkpoint, Record
from pipeline.talk import say_dataset


@pytest.mark.parametrize(
    ("clips", "expected"),
    [
        (1, "⚠️ 1 clip to train on, fewer than the batch size of 8: the trainers make no step"),
        (7, "⚠️ 7 clips to train on, fewer than the batch size of 8: the trainers make no step"),
        (8, ""),
    ],
)
def test_a_dataset_smaller_than_a_batch_is_said_so(tmp_path, caplog, clips, expected):
    with Checkpoint.open(tmp_path, views={}) as checkpoint:
        checkpoint.configure({"settings": {"batch_size": 8}})
        facts = {"clips": clips + 1, "train_clips": clips}
        checkpoint.save(Record("book", "*", "done", "", "work/book/all/x", 1, facts=facts))
        with caplog.at_level(logging.INFO, "pipeline"):
            say_dataset(checkpoint, tmp_path, "book")

    said = [line for line in caplog.messages if "batch" in line]
    assert len(said) == bool(expected)
    assert all(line.startswith(expected) for line in said)
