"""Transcription: windows that map back exactly, fallbacks, and real speech of the sample.

Real decoding is done with tiny.en (fetched into the cache by the first test that needs it) and, for
languages, base.
"""

import json
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import audio
from pipeline.item import Item, Unusable, write_json
from pipeline.models import whisper_weights
from pipeline.stages import transcribe_audio as stage
from pipeline.stages.transcribe_audio import (
    alignment,
    decode,
    never,
    recording,
    spoken,
    steps,
    words,
)
from pipeline.stages.transcribe_audio.windows import Excerpt, Window, pack
from pipeline.stages.transcribe_audio.words import Word

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
TRUTH = {one["file"]: one for one in json.loads((SAMPLE / "truth.json").read_text())["recordings"]}
TINY = stage.Params(whisper_model="tiny.en")


@pytest.fixture(scope="session")
def tiny():
    """whisper tiny.en, on one thread: several get in each other's way on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield stage.load(TINY, "cpu")
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def letter(tmp_path_factory):
    """The sample's three sentences, as isolate_speakers leaves them."""
    return isolated(tmp_path_factory.mktemp("letter"), "letter.wav")


def isolated(folder: Path, file: str, last_s: float | None = None) -> Item:
    samples, rate_hz = audio.read(SAMPLE / file, 0, last_s)
    sentences = [s for s in TRUTH[file]["sentences"] if last_s is None or s["end_s"] < last_s]
    spans = [[s["start_s"], s["end_s"], 0.9] for s in sentences]
    return as_item(folder, samples, rate_hz, spans)


def as_item(folder: Path, samples, rate_hz: int, spans) -> Item:
    audio.write(folder / "audio.flac", samples, rate_hz)
    write_json(folder / "spans.json", {"target": spans, "others": []})
    return Item("take.wav", "take-1", "", folders={"isolate_speakers": str(folder)})


def transcript(item: Item, out: Path, params, loaded):
    result = stage.process(item, out, params, loaded)
    return json.loads((out / result.output).read_text()), result.facts


def letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum() or c == " ")


class TestWindows:
    @given(
        st.lists(st.tuples(st.floats(0.05, 4), st.floats(0.1, 60)), min_size=1, max_size=40),
        st.floats(0.2, 2),
    )
    def test_each_second_of_speech_is_in_exactly_one_window(self, steps, pause_s):
        spans, at_s = [], 0.0
        for gap_s, length_s in steps:
            spans.append((at_s + gap_s, at_s + gap_s + length_s))
            at_s = spans[-1][1]

        windows = pack(spans, at_s + 1, 28, pause_s, lambda start, end: (start + end) / 2)

        packed = [span for window in windows for span in window.spans]
        assert sum(b - a for a, b in packed) == pytest.approx(sum(b - a for a, b in spans))
        assert packed == sorted(packed)
        assert {edge for span in spans for edge in span} <= {e for span in packed for e in span}
        assert all(window.duration_s <= 28.001 for window in windows)

    def test_short_pauses_stay_and_long_ones_shrink(self):
        window = pack([(1, 3), (3.5, 5), (50, 52)], 60, 28, 1, None)[0]

        assert [(e.start_s, e.end_s) for e in window.excerpts] == [(0.5, 5.5), (49.5, 52.5)]
        assert window.duration_s == 8

    def test_a_time_in_the_window_maps_back_to_the_sample(self):
        window = pack([(1, 3), (3.5, 5), (50, 52)], 60, 28, 1, None)[0]

        assert window.on_recording(0.5, 1.5) == (1, 2)
        assert window.on_recording(5.5, 7.5) == (50, 52)

    def test_a_word_over_a_seam_stays_on_the_side_where_most_of_it_is(self):
        window = Window((Excerpt(10, 12, ((10, 12),)), Excerpt(50, 52, ((50, 52),))))

        assert window.on_recording(1.9, 2.5) == (50, 50.5)
        assert window.on_recording(1.2, 2.1) == pytest.approx((11.2, 12))

    def test_a_word_in_a_pause_goes_to_the_edge_of_the_nearest_span(self):
        window = Window((Excerpt(0, 10, ((1, 3), (7, 9))),))

        assert window.on_recording(3.5, 4) == (3, 3)
        assert window.on_recording(6, 6.5) == (7, 7)

    def test_a_window_ends_at_the_longest_pause_of_its_last_third(self):
        spans = [(0, 9), (9.2, 20), (20.9, 24), (24.1, 40)]

        windows = pack(spans, 41, 28, 1, None)

        assert [window.spans for window in windows] == [tuple(spans[:2]), tuple(spans[2:])]

    def test_only_a_span_longer_than_a_window_is_cut_and_at_the_quietest_place(self, tmp_path):
        samples = np.full(70 * 1000, 0.1, np.float32)
        samples[20_000:20_100] = 0  # the only quiet places
        samples[40_000:40_100] = 0
        audio.write(tmp_path / "audio.flac", samples, 1000)

        windows = recording._windows(tmp_path / "audio.flac", [(0.0, 70.0)], stage.Params())

        cuts = [window.spans[0][1] for window in windows[:2]]
        assert cuts == pytest.approx([20.05, 40.05], abs=0.051)
        assert windows[1].excerpts[0].start_s == windows[0].excerpts[0].end_s

    def test_the_spans_of_a_window_alone_share_its_sound(self):
        window = Window((Excerpt(0, 10, ((1, 3), (7, 9))), Excerpt(20, 22, ((21, 22),))))

        alone = window.parted(window.spans)

        assert [one.excerpts[0] for one in alone] == [
            Excerpt(0, 5, ((1, 3),)),
            Excerpt(5, 10, ((7, 9),)),
            Excerpt(20, 22, ((21, 22),)),
        ]


class TestWords:
    @pytest.mark.parametrize(
        ("text", "count"),
        [
            (" It rained. We stayed.", 2),
            (" Mr. Smith met J. Doe at No. 4.", 1),
            (" It cost 3.5 million. So they say", 2),
            (' "Stop!" he said.', 1),
            (' He said "Stop!" Then he left.', 2),
            (" Born in the U.S. in May.", 1),
        ],
    )
    def test_sentences_end_where_a_reader_says(self, text, count):
        split = [Word(" " + word, 0, 1, 1) for word in text.split()]

        found = words.sentences(split)

        assert len(found) == count
        assert [word for sentence in found for word in sentence] == split

    def test_times_never_go_backwards(self):
        window = Window((Excerpt(0, 5, ((0, 2), (3, 5))),))
        heard = [
            words._Timed(w, [], a, b, 1)
            for w, a, b in ((" a", 0, 1.5), (" b", 1.2, 1.9), (" c", 1.9, 2.4), (" d", 2.0, 2.6))
        ]

        timed = list(words.on_recording(heard, window))

        edges = [edge for word in timed for edge in (word.start_s, word.end_s)]
        assert edges == sorted(edges)


@dataclass
class Result:
    text: str = "a text"
    avg_logprob: float = -0.2
    compression_ratio: float = 1.2
    no_speech_prob: float = 0.1
    tokens: tuple[int, ...] = (1,)


class Texts:
    """An engine that only knows where text tokens end."""

    eot = 50_000

    def tokenizer(self, _language):
        return self


ENGINE = Texts()


class TestFallback:
    RULES = decode.Rules("en", 1, 2.4, -1.0, 0.6, 0, 4)

    @pytest.mark.parametrize(
        ("result", "wrong"),
        [
            (Result(), False),
            (Result(compression_ratio=2.5), True),
            (Result(avg_logprob=-1.1), True),
            (Result(avg_logprob=-1.1, no_speech_prob=0.7), False),  # silence
            (Result("and so on and so on and so on and so on"), True),
            (Result(no_speech_prob=float("nan")), False),
        ],
    )
    def test_what_is_decoded_again(self, result, wrong):
        assert decode.is_wrong(result, self.RULES) == wrong

    @pytest.mark.parametrize("text", ["no no no", "very very very very good", "a b c d e f g", ""])
    def test_people_repeat_themselves_a_little(self, text):
        assert not decode.is_loop(text)

    def test_temperatures_rise_until_a_decode_is_believed(self, monkeypatch):
        tried = []

        def sampled(_model, _feature, seed, temperature, _rules):
            tried.append((seed, temperature))
            return Result() if temperature == 0.6 else Result(avg_logprob=-2)

        monkeypatch.setattr(decode, "_sampled", sampled)

        heard = decode._second_try(ENGINE, None, "take 1.000", Result(avg_logprob=-3), self.RULES)

        assert [temperature for _, temperature in tried] == [0.2, 0.4, 0.6]
        assert tried[0][0] == "0 take 1.000 0.2"
        assert heard.tokens == (1,)

    def test_silence_has_no_words(self):
        silence = Result(avg_logprob=-1.1, no_speech_prob=0.7)

        assert decode._second_try(ENGINE, None, "", silence, self.RULES).tokens == ()

    @pytest.mark.parametrize(
        "words",
        [
            "CUDA out of memory",
            "CUDA failed with error out of memory",
            "CUBLAS_STATUS_ALLOC_FAILED",
        ],
    )
    def test_batches_are_halved_when_memory_runs_out(self, words):
        sizes = []

        def run(part):
            sizes.append(len(part))
            if len(part) > 2:
                raise RuntimeError(words)
            return [item * 10 for item in part]

        assert decode.in_batches(run, [1, 2, 3, 4, 5, 6, 7], 7) == [10, 20, 30, 40, 50, 60, 70]
        assert sizes == [7, 3, 1, 1, 1, 1, 1, 1, 1]

    def test_sampling_depends_on_the_seed_and_leaves_torch_alone(self, tiny, letter):
        import torch

        path = letter.path("isolate_speakers", "audio.flac")
        window = Window((Excerpt(0, 8, ((0, 8),)),))
        feature = spoken.encoded(path, [window], tiny.engine, 1)[0]
        before = torch.random.get_rng_state()

        texts = [
            decode._sampled(tiny.engine, feature, seed, 1.0, self.RULES).text
            for seed in ("a", "a", "b")
        ]

        assert texts[0] == texts[1] != texts[2]
        assert torch.equal(before, torch.random.get_rng_state())

    def test_a_window_that_loops_for_ever_is_decoded_span_by_span(
        self, tiny, letter, tmp_path, monkeypatch
    ):
        seen = []

        def looping(result, _):
            seen.append(result.text)
            return len(seen) == 1

        monkeypatch.setattr(decode, "loops", looping)
        monkeypatch.setattr(decode, "is_wrong", lambda *_: False)

        found, facts = transcript(letter, tmp_path, TINY, tiny)

        spans = letter.load_json("isolate_speakers", "spans.json")["target"]
        assert facts["words"] > 10
        assert found["segments"][0]["end_s"] <= spans[0][1]

    def test_a_sentence_that_whisper_left_out_is_heard_by_itself(
        self, tiny, letter, tmp_path, monkeypatch
    ):
        """The first decode gives all but the second of three sentences, as greedy decoding may."""
        whole, _ = transcript(letter, tmp_path, TINY, tiny)
        first, _, third = (segment["text"] for segment in whole["segments"])
        engine, windows = tiny.engine, []
        decoded = engine.decode

        def skipping(features, language, beam_size):
            windows.append(len(features))
            found = decoded(features, language, beam_size)
            if len(windows) > 1:
                return found
            tokens = tuple(engine.tokenizer("en").encode(f" {first} {third}"))
            return [replace(found[0], text=f"{first} {third}", tokens=tokens)]

        monkeypatch.setattr(engine, "decode", skipping)

        again, _ = transcript(letter, tmp_path, TINY, tiny)

        given = [letters(segment["text"]) for segment in again["segments"]]
        assert given == [letters(segment["text"]) for segment in whole["segments"]]
        assert windows == [1, 3]  # the one before it, it, the one after

    def test_a_window_with_text_in_every_span_is_decoded_once(
        self, tiny, letter, tmp_path, monkeypatch
    ):
        windows = []
        decoded = tiny.engine.decode

        def counted(features, language, beam_size):
            windows.append(len(features))
            return decoded(features, language, beam_size)

        monkeypatch.setattr(tiny.engine, "decode", counted)

        transcript(letter, tmp_path, TINY, tiny)

        assert windows == [1]


class TestAlignment:
    def test_words_and_times_are_those_of_whisper_itself(self, tiny, letter, monkeypatch):
        """Two windows of different length in one batch, against whisper's code, one by one."""
        from whisper.timing import add_word_timestamps

        sound = letter.path("isolate_speakers", "audio.flac")
        windows = [Window((Excerpt(0, end, ((0, end),)),)) for end in (14, 6)]
        engine, model = tiny.engine, tiny.engine.model
        features = spoken.encoded(sound, windows, engine, 2)
        heard = decode.decode(engine, features, ["a", "b"], TestFallback.RULES)
        found = decode.align(engine, heard, [1400, 600], TestFallback.RULES)
        monkeypatch.setattr(type(model), "forward", lambda self, mel, t: self.decoder(t, mel))

        for window, one, path in zip(windows, heard, found, strict=True):
            ours = words.timed_words(engine.tokenizer("en"), one.tokens, path, window)
            segment = {"seek": 0, "start": 0.0, "end": window.duration_s, "tokens": one.tokens}
            add_word_timestamps(
                segments=[segment],
                model=model,
                tokenizer=engine.tokenizer("en"),
                mel=one.features,
                num_frames=round(window.duration_s * 100),
                last_speech_timestamp=0.0,
            )
            theirs = segment["words"]

            assert [word.word for word in ours] == [word["word"] for word in theirs]
            assert [w.start_s for w in ours] == pytest.approx([w["start"] for w in theirs])
            assert [w.end_s for w in ours] == pytest.approx([w["end"] for w in theirs])
            assert [w.probability for w in ours] == pytest.approx(
                [w["probability"] for w in theirs], abs=1e-4
            )

    def test_the_path_is_the_cheapest_of_all(self):
        chance = np.random.default_rng(0)
        costs = [chance.normal(size=shape) for shape in ((4, 6), (3, 3), (1, 5), (5, 1))]

        paths = alignment.cheapest_paths(costs)

        for cost, (tokens, frames) in zip(costs, paths, strict=True):
            steps = set(zip(np.diff(tokens), np.diff(frames), strict=True))
            assert (tokens[0], frames[0]) == (0, 0)
            assert (tokens[-1] + 1, frames[-1] + 1) == cost.shape
            assert steps <= {(0, 1), (1, 0), (1, 1)}
            assert cost[tokens, frames].sum() == pytest.approx(self.least(cost), abs=1e-5)

    def least(self, cost):
        """Return what the cheapest path costs, by trying all of them."""
        if cost.shape == (1, 1):
            return cost[0, 0]
        shorter = [cost[:-1], cost[:, :-1], cost[:-1, :-1]]
        return cost[-1, -1] + min(self.least(one) for one in shorter if one.size)

    def test_the_median_is_that_of_sorting(self):
        import torch

        values = torch.rand(2, 3, 20, generator=torch.Generator().manual_seed(0))

        found = alignment.median(values)

        padded = torch.nn.functional.pad(values, (3, 3, 0, 0), mode="reflect")
        assert torch.equal(found, padded.unfold(-1, 7, 1).median(dim=-1).values)


class TestFasterWhisper:
    @pytest.fixture(scope="class")
    def fast(self):
        pytest.importorskip("ctranslate2")
        return stage.load(replace(TINY, asr_engine="faster-whisper"), "cpu")

    def test_it_says_the_same_at_the_same_times(self, tiny, fast, letter, tmp_path):
        params = replace(TINY, asr_engine="faster-whisper")

        ours, _ = transcript(letter, tmp_path, TINY, tiny)
        theirs, facts = transcript(letter, tmp_path, params, fast)

        both = [
            [word for s in found["segments"] for word in s["words"]] for found in (ours, theirs)
        ]
        matcher = SequenceMatcher(None, *([word["word"] for word in words] for words in both))
        pairs = [
            (both[0][block.a + i], both[1][block.b + i])
            for block in matcher.get_matching_blocks()
            for i in range(block.size)
        ]
        assert facts["words"] == len(both[1])
        assert len(pairs) >= 0.8 * len(both[0])
        assert np.median([abs(a["start_s"] - b["start_s"]) for a, b in pairs]) <= 0.04
        assert np.median([abs(a["probability"] - b["probability"]) for a, b in pairs]) < 0.1

    def test_it_runs_on_the_file_that_openai_whisper_reads(self):
        """Written for CTranslate2 and read again by our reader, it is the same, bit by bit."""
        from pipeline import models
        from pipeline.models import ct2, ct2_writer, whisper_weights

        dims, state = whisper_weights.read_checkpoint(models.path_of("tiny.en"))
        arrays = {name: tensor.numpy() for name, tensor in state.items()}

        found, again = ct2.convert(ct2.read(ct2_writer.model_bin(dims, arrays)))

        assert found == dims
        assert again.keys() == arrays.keys()
        assert all(np.array_equal(again[name], arrays[name]) for name in arrays)

    def test_a_model_of_many_languages_hears_which_it_is(self, letter, tmp_path):
        params = replace(TINY, whisper_model="base", asr_engine="faster-whisper")
        pytest.importorskip("ctranslate2")

        found, facts = transcript(letter, tmp_path, params, stage.load(params, "cpu"))
        assert facts["language"] == "en"
        assert "parcel arrived on Tuesday" in " ".join(s["text"] for s in found["segments"])

    def test_what_loops_is_drawn_again_with_the_seed_alone(self, fast, tmp_path):
        first_sentence = isolated(tmp_path, "letter.wav", 5.5)
        hard = replace(TINY, asr_engine="faster-whisper", fallback_logprob=-0.01)
        outs = [tmp_path / name for name in "ab"]
        for out in outs:
            out.mkdir()
            found, _ = transcript(first_sentence, out, hard, fast)

        assert found["segments"][0]["temperature"] > 0
        first, second = ((out / "transcript.json").read_bytes() for out in outs)
        assert first == second

    def test_a_gpu_that_cannot_be_used_is_the_stages_not_each_files(self):
        """Here there is none, or no CUDA: CTranslate2's own words, and the way out."""
        fast = replace(TINY, asr_engine="faster-whisper")

        with pytest.raises(Unusable, match=r"cannot compute on cuda:7: CUDA .*; use --device cpu"):
            stage.load(fast, "cuda:7")

    @pytest.mark.parametrize(
        ("kind", "known", "chosen"),
        [
            ("cpu", {"float32", "int8", "int8_float32"}, "int8"),
            (
                "cuda",
                {"float32", "float16", "int8", "int8_float16", "int8_float32"},
                "int8_float16",
            ),
            ("cuda", {"float32", "int8", "int8_float32"}, "int8_float32"),
            ("cuda", {"float32"}, "float32"),
        ],
    )
    def test_it_computes_in_the_fastest_type_that_the_device_knows(self, kind, known, chosen):
        assert whisper_weights.compute_type(kind, known) == chosen

    def test_it_is_asked_for_by_name_where_it_is_not_installed(self, monkeypatch):
        import sys

        monkeypatch.setitem(sys.modules, "ctranslate2", None)

        with pytest.raises(Unusable, match=r"faster-whisper\]', or --asr-engine openai-whisper"):
            stage.load(replace(TINY, asr_engine="faster-whisper"), "cpu")


class TestNever:
    @pytest.mark.parametrize("many_languages", [True, False])
    def test_no_text_can_have_a_quotation_mark_and_whispers_own_list_holds(self, many_languages):
        from whisper.tokenizer import get_tokenizer

        tokenizer = get_tokenizer(many_languages, language="en", task="transcribe")

        found = set(never.never(tokenizer))
        left = [i for i in range(tokenizer.eot) if i not in found]
        assert not [i for i in left if '"' in tokenizer.decode([i])]
        assert {tokenizer.encode(end)[0] for end in (".", ",", "?", "'s")} <= {*left}
        assert found >= {*tokenizer.non_speech_tokens, tokenizer.sot, tokenizer.translate}

    @pytest.mark.parametrize(
        ("name", "module"), [("openai-whisper", "openai_engine"), ("faster-whisper", "ct2_engine")]
    )
    def test_both_engines_obey(self, name, module, letter, tmp_path, monkeypatch):
        """With one word of the sample forbidden, as the marks are, they write another one."""
        pytest.importorskip("ctranslate2")
        params = replace(TINY, asr_engine=name)
        loaded = stage.load(params, "cpu")
        (word,) = loaded.engine.tokenizer("en").encode(" Tuesday")
        before, _ = transcript(letter, tmp_path, params, loaded)

        monkeypatch.setattr(
            f"pipeline.stages.transcribe_audio.{module}.never",
            lambda tokenizer: [*never.never(tokenizer), word],
        )

        after, _ = transcript(letter, tmp_path, params, loaded)
        assert "Tuesday" in " ".join(s["text"] for s in before["segments"])
        assert "Tuesday" not in " ".join(s["text"] for s in after["segments"])


class TestPrompt:
    @pytest.mark.parametrize("name", ["openai-whisper", "faster-whisper"])
    def test_a_name_is_spelled_as_the_prompt_has_it(self, name, tmp_path):
        """And nothing of the prompt itself gets into the text."""
        pytest.importorskip("ctranslate2")
        item = isolated(tmp_path, "monologue.flac", 6.0)

        def said(prompt: str) -> str:
            params = replace(TINY, asr_engine=name, initial_prompt=prompt)
            (tmp_path / f"out{prompt}").mkdir()
            loaded = stage.load(params, "cpu")
            found, _ = transcript(item, tmp_path / f"out{prompt}", params, loaded)
            return " ".join(segment["text"] for segment in found["segments"])

        after = "was built in 1893 by a company of retired sailors."
        assert said("") == f"The Harbor at Millbrook {after}"
        assert said("The harbour of Millbrooke.") == f"The harbour at Millbrooke {after}"

    @pytest.mark.parametrize("name", ["openai-whisper", "faster-whisper"])
    def test_a_text_without_end_after_the_longest_prompt_is_a_loop_and_no_error(self, name):
        """Prompt and text together would have more tokens than whisper has places for."""
        pytest.importorskip("ctranslate2")
        params = replace(TINY, asr_engine=name, initial_prompt="and " * 223)
        engine = stage.load(params, "cpu").engine
        samples = audio.read_at(SAMPLE / "letter.wav", 16_000, 0, 8)

        (found,) = engine.decode(engine.encode([engine.spectrogram(samples)]), "en", 1)

        assert len(found.tokens) > 200
        assert decode.is_loop(found.text)

    def test_a_prompt_that_whisper_would_cut_is_refused(self):
        with pytest.raises(
            ValueError, match=r"^--initial-prompt: 225 tokens, but whisper takes 22"
        ):
            stage.check(replace(TINY, initial_prompt="Best wishes, " * 75))

    def test_whispers_own_signs_are_refused_in_a_prompt(self):
        with pytest.raises(
            ValueError, match=r"^--initial-prompt: '<\|' begins a sign of whisper's"
        ):
            stage.check(replace(TINY, initial_prompt="The end.<|endoftext|>"))


class TestRealSpeech:
    def test_the_words_are_right_in_order_and_inside_the_spans(self, tiny, letter, tmp_path):
        found, facts = transcript(letter, tmp_path, TINY, tiny)
        starts = [segment["start_s"] for segment in found["segments"]]

        truth = TRUTH["letter.wav"]["sentences"]
        wanted = letters(" ".join(s["text"] for s in truth)).split()
        given = letters(" ".join(s["text"] for s in found["segments"])).split()
        assert len(set(wanted) & set(given)) >= 0.8 * len(set(wanted))
        timed = [word for segment in found["segments"] for word in segment["words"]]
        edges = [edge for word in timed for edge in (word["start_s"], word["end_s"])]
        assert edges == sorted(edges)
        for word in timed:
            inside = [s["start_s"] <= word["start_s"] <= word["end_s"] <= s["end_s"] for s in truth]
            assert any(inside), word
        assert starts == pytest.approx([s["start_s"] for s in truth], abs=0.3)  # one a sentence
        assert facts["words"] == len(timed)
        assert facts["model"] == "tiny.en"
        assert facts["language"] == "en"

    def test_batch_size_and_repetition_change_nothing(self, tiny, tmp_path):
        source = isolated(tmp_path, "monologue.flac", 24)
        short = replace(TINY, window_s=9.0)
        outs = []
        for batch in (1, 4, 4):
            (out := tmp_path / f"{len(outs)}").mkdir()
            stage.process(source, out, replace(short, transcribe_batch=batch), tiny)
            outs.append((out / "transcript.json").read_bytes())

        texts = [[s["text"] for s in json.loads(out)["segments"]] for out in outs]
        assert texts[0] == texts[1] and len(texts[0]) >= 4
        assert outs[1] == outs[2]

    def test_beams_of_several_windows_are_those_of_each_by_itself(self, tiny, letter):
        """Windows of different length, so that one is searched on after the others are done."""
        import whisper

        engine = tiny.engine
        samples = audio.read_at(letter.path("isolate_speakers", "audio.flac"), 16_000)
        parts = [samples, samples[:60_000], samples[60_000:]]
        features = engine.encode([engine.spectrogram(part) for part in parts])
        options = whisper.DecodingOptions(
            language="en",
            without_timestamps=True,
            suppress_tokens=never.never(engine.tokenizer("en")),
            beam_size=3,
            fp16=False,
        )

        alone = [whisper.decode(engine.model, one[None], options)[0] for one in features]
        found = engine.decode(features, "en", 3)

        assert [one.tokens for one in found] == [tuple(one.tokens) for one in alone]
        for one, other in zip(found, alone, strict=True):
            assert one.avg_logprob == pytest.approx(other.avg_logprob, abs=1e-4)
            assert one.no_speech_prob == pytest.approx(other.no_speech_prob, abs=1e-4, nan_ok=True)

    def test_keys_laid_out_anew_decode_the_same(self, tiny, letter):
        """Two windows of different length at a time, so that one goes on after the other ends."""
        import torch
        import whisper

        engine = tiny.engine
        samples = audio.read_at(letter.path("isolate_speakers", "audio.flac"), 16_000)
        features = engine.encode(
            [engine.spectrogram(samples), engine.spectrogram(samples[:60_000])]
        )
        options = whisper.DecodingOptions(language="en", without_timestamps=True, fp16=False)

        plain = whisper.decode(engine.model, torch.stack(features), options)
        with steps.laid_out(engine.model):
            found = whisper.decode(engine.model, torch.stack(features), options)

        assert [one.tokens for one in found] == [one.tokens for one in plain]
        for one, other in zip(found, plain, strict=True):
            assert one.avg_logprob == pytest.approx(other.avg_logprob, abs=1e-4)
        attentions = [block.cross_attn for block in engine.model.decoder.blocks]
        assert not any("qkv_attention" in vars(each) for each in attentions)

    def test_no_speech_makes_no_segments(self, tiny, tmp_path):
        item = as_item(tmp_path, np.zeros(16_000, np.float32), 16_000, [])

        found, facts = transcript(item, tmp_path, TINY, tiny)

        assert found["segments"] == []
        assert facts["words"] == 0

    def test_a_span_of_noise_does_not_break_it(self, tiny, tmp_path):
        noise = np.random.default_rng(0).normal(0, 0.01, 32_000).astype(np.float32)
        item = as_item(tmp_path, noise, 16_000, [[0.0, 2.001, 0.9]])

        found, _ = transcript(item, tmp_path, TINY, tiny)

        assert all(segment["end_s"] <= 2.0 for segment in found["segments"])

    def test_the_language_is_heard(self, letter, tmp_path):
        base = stage.load(stage.Params(whisper_model="base"), "cpu")

        found, _ = transcript(letter, tmp_path, stage.Params(whisper_model="base"), base)

        assert found["language"] == "en"
        assert found["language_probability"] > 0.8

    @pytest.mark.parametrize(
        ("params", "reason"),
        [
            (replace(TINY, language="de"), "English only"),
            (replace(TINY, language="elvish"), "whisper knows"),
            (replace(TINY, language="German"), "--language German: give its code, de"),
            (replace(TINY, window_s=31.0), "window-s"),
            (stage.Params(whisper_model="gone.pt"), "no such file"),
        ],
    )
    def test_settings_that_cannot_work_stop_the_stage(self, params, reason):
        with pytest.raises(Unusable, match=reason):
            stage.load(params, "cpu")


def test_the_languages_are_whispers():
    from whisper.tokenizer import LANGUAGES

    from pipeline.stages.transcribe_audio import languages

    assert set(LANGUAGES) == languages.LANGUAGES
