"""What bench/pipeline.py counts: time inside of time once, and runs side by side."""

import json
import types
from pathlib import Path

import numpy as np
import pytest

from bench import blocks, separation, workers
from bench import pipeline as bench
from bench.race import ours


def test_time_within_timed_code_counts_once():
    now = [0.0]
    parts = ours.Parts(lambda: now[0])

    def inner():
        now[0] += 2.0

    load = parts.on("start", inner)

    def outer():
        now[0] += 1.0
        load()
        load()
        now[0] += 3.0

    parts.on("transcription", outer)()

    assert parts.parts_s == {"start": 4.0, "transcription": 4.0}


def test_a_function_that_fails_is_timed_too():
    clock = ours.Clock()

    with pytest.raises(ZeroDivisionError):
        clock.on("noise", lambda: 1 / 0)()

    assert clock.wall.parts_s["noise"] > 0


def test_everything_that_is_timed_exists():
    """A part whose function was renamed would count as the pipeline's own time."""
    import importlib

    for places in (ours.PARTS | ours.SEPARATION).values():
        for module, owner, names in places:
            place = importlib.import_module(module)
            place = getattr(place, owner) if owner else place
            assert all(callable(getattr(place, name)) for name in names)
    for _, module, loader in ours.NETWORKS:
        assert callable(getattr(importlib.import_module(module), loader))


def test_a_networks_time_is_a_part_and_its_loading_is_not():
    import torch

    clock, place = ours.Clock(), types.SimpleNamespace(load=lambda size: torch.nn.Linear(size, 1))
    ours.put_on_network(clock, "who speaks", place, "load")

    network = place.load(3)
    assert dict(clock.wall.parts_s) == {}
    assert network(torch.ones(1, 3)).shape == (1, 1)
    assert clock.wall.parts_s["who speaks"] > 0


def test_the_table_has_overhead_with_and_without_start(capsys):
    naive = bench.Times(60.0, {"start": 10.0, "separation": 50.0})
    fast = bench.Times(14.0, {"start": 4.0, "transcription": 8.0})

    bench._print("wall", {bench.NAIVE: [naive], bench.CLEAN: [fast]}, total_s=100.0)

    rows = {line[:26].strip(): line[26:].split() for line in capsys.readouterr().out.splitlines()}
    assert rows["the rest"] == ["0.00", "2.00"]
    assert rows["overhead"] == ["20.0%", "75.0%"]
    assert rows["overhead without start"] == ["0.0%", "25.0%"]
    assert rows["times as fast as naive"] == ["1.00", "4.29"]


def test_a_side_that_fails_ends_the_bench_with_its_words(tmp_path: Path):
    with pytest.raises(RuntimeError, match="no such file"):
        bench._run(["python3", "-c", "raise SystemExit('no such file')"], tmp_path / "out")


def test_times_come_from_the_side_itself(tmp_path: Path):
    code = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
    times = {"cpu": {"whole_s": 3.0, "parts_s": {"start": 1.0, "noise": 1.5}}}

    found = bench._run(["python3", "-c", code, "{}.json", json.dumps(times)], tmp_path / "out")[
        "cpu"
    ]

    assert (found.whole_s, found.start_s, found.compute_s) == (3.0, 1.0, 1.5)


@pytest.mark.parametrize("off, expected_db", [(0.1, 20.0), (1.0, 0.0), (0.0, np.inf)])
def test_sdr_is_the_power_over_that_of_the_error(off, expected_db):
    wanted = np.ones(100, np.float32)

    assert separation.sdr_db(wanted, wanted + np.float32(off)) == pytest.approx(expected_db)


def test_segments_that_overlap_otherwise_give_back_what_went_in():
    """With a network that does nothing, every share gives the mixture: no row has a seam."""
    mixture = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    nothing = separation.Separator("nothing", 1000, 800, 100, lambda mono: mono.copy())

    for share in separation.SHARES:
        voices, _ = separation._separated(nothing, mixture, share)
        assert separation.sdr_db(mixture, voices) > 100


def test_pieces_of_any_length_are_measured_against_one_pass(tmp_path, monkeypatch):
    from bench.mixes import sounds
    from pipeline import audio
    from pipeline.stages.enhance_audio import cleaning

    for name in ("PIECE", "CONTEXT"):
        monkeypatch.setattr(cleaning, name, getattr(cleaning, name))  # put back afterwards
    (tmp_path / "speech").mkdir()
    sound = sounds.music(4.0, np.random.default_rng(0))
    audio.write(tmp_path / "speech/a.wav", sound, sounds.RATE_HZ)
    options = types.SimpleNamespace(speech=tmp_path / "speech", minutes=0.05, noise_db=-40.0)
    blocks._write(options, tmp_path)

    found = []
    for piece_s in (60.0, 1.0):
        assert blocks._measured(tmp_path, piece_s, 0.5)["cpu_s"] > 0
        found.append(np.load(tmp_path / "found.npy"))
    assert len(found[0]) == len(found[1]) == 3 * 24_000
    assert np.abs(found[0] - found[1]).max() < 10 ** (-138 / 20)


def test_what_follows_two_dashes_is_the_pipelines():
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("input")
    parser.add_argument("--repeat", type=int)

    options, flags = workers._split(parser, ["in", "--repeat", "1", "--", "--device", "cpu"])
    assert (options.input, options.repeat, flags) == ("in", 1, ["--device", "cpu"])
    assert workers._split(parser, ["in"])[1] == []
