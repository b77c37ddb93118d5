"""bfloat16, which some CPUs multiply in: whisper's encoder, here also on a CPU that does not."""

import copy

import numpy as np
import pytest
import torch

from pipeline import audio
from pipeline.models import bfloat16, has_bfloat16, in_bfloat16, load_whisper
from pipeline.stages import transcribe_audio
from pipeline.stages.transcribe_audio.openai_engine import OpenAiWhisper
from tests.test_half import words
from tests.test_transcribe_audio import SAMPLE

NAME = "tiny.en"


@pytest.fixture(scope="module")
def plain():
    return OpenAiWhisper(load_whisper(NAME, "cpu"))


@pytest.fixture(scope="module")
def fast(plain):
    model = copy.deepcopy(plain.model)
    in_bfloat16(model.encoder)
    return OpenAiWhisper(model)


@pytest.fixture(scope="module")
def letter():
    return audio.read_at(SAMPLE / "letter.wav", 16_000, 0, 8)


def test_it_hears_the_same_words_at_the_same_times(plain, fast, letter):
    exact, ours = words(plain, letter), words(fast, letter)

    assert exact[0].startswith("Dear Thomas")
    assert ours[:2] == exact[:2]  # greedy, and drawn by chance
    np.testing.assert_allclose(ours[2], exact[2], atol=2)  # frames of 20 ms
    np.testing.assert_allclose(ours[3], exact[3], atol=0.05)


def test_features_are_nearer_to_those_of_float32_than_those_of_int8(plain, fast, letter):
    pytest.importorskip("ctranslate2")
    params = transcribe_audio.Params(whisper_model=NAME, asr_engine="faster-whisper")
    int8 = transcribe_audio.load(params, "cpu").engine
    int8._encoder = None  # CTranslate2's own, as where there is no bfloat16
    mels = [plain.spectrogram(letter)]
    exact = plain.encode(mels)[0]

    apart = [float((each.encode(mels)[0] - exact).norm()) for each in (fast, int8)]

    assert 0 < 2 * apart[0] < apart[1]


@pytest.mark.skipif(not has_bfloat16(), reason="this processor has no AMX")
def test_features_depend_neither_on_the_batch_nor_on_the_threads(fast, letter):
    mels = [fast.spectrogram(np.roll(letter, shift)) for shift in (0, 8_000, 20_000)]
    threads = torch.get_num_threads()
    together = fast.encode(mels)

    torch.set_num_threads(1)
    alone = [fast.encode([mel])[0] for mel in mels]
    torch.set_num_threads(threads)

    assert all(torch.equal(one, other) for one, other in zip(together, alone, strict=True))


@pytest.mark.parametrize("engine", ["openai-whisper", "faster-whisper"])
@pytest.mark.parametrize("has", [True, False])
def test_an_engine_encodes_in_it_where_the_processor_has_it(
    plain, fast, letter, monkeypatch, engine, has
):
    pytest.importorskip("ctranslate2")
    monkeypatch.setattr(transcribe_audio, "has_bfloat16", lambda: has)
    params = transcribe_audio.Params(whisper_model=NAME, asr_engine=engine)

    loaded = transcribe_audio.load(params, "cpu").engine
    features = loaded.encode([loaded.spectrogram(letter)])[0]

    assert features.dtype == torch.float32
    assert torch.equal(features, fast.encode([plain.spectrogram(letter)])[0]) == has


@pytest.mark.parametrize(
    ("known", "limit", "has"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, None, True),
        ({"amx_bf16": True, "avx512_bf16": True}, "all", True),
        ({"amx_bf16": True, "avx512_bf16": True}, "AVX512_CORE_AMX", True),
        ({"amx_bf16": True, "avx512_bf16": True}, "AVX512_CORE", False),
        ({"amx_bf16": False, "avx512_bf16": True}, None, False),
        ({"architecture": "aarch64"}, None, False),
    ],
)
def test_a_processor_has_it_with_amx_unless_the_user_forbids_it(monkeypatch, known, limit, has):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known)
    monkeypatch.delenv(bfloat16.LIMIT, raising=False)
    if limit:
        monkeypatch.setenv(bfloat16.LIMIT, limit)

    assert has_bfloat16() == has
