"""float16, which a GPU computes in: here on the CPU, slowly, by the same code."""

import copy

import numpy as np
import pytest
import torch
from whisper.model import ModelDimensions, Whisper

from pipeline import audio
from pipeline.models import half, load_whisper
from pipeline.stages.segment_audio.listening import Listener
from pipeline.stages.transcribe_audio.openai_engine import OpenAiWhisper
from tests.test_transcribe_audio import SAMPLE

NAME = "tiny.en"


@pytest.fixture(scope="module")
def plain():
    """whisper in float32, on one thread: several get in each other's way on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_whisper(NAME, "cpu")
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def small(plain):
    """The same model as a GPU has it."""
    return half.halved(copy.deepcopy(plain))


@pytest.fixture
def toy():
    """A whisper of two narrow layers, with weights by chance; published ones are float16, too."""
    torch.manual_seed(0)
    model = Whisper(ModelDimensions(80, 150, 64, 2, 2, 100, 448, 64, 2, 2)).eval()
    torch.nn.init.normal_(model.decoder.positional_embedding)  # as it is made it holds anything
    for each in model.parameters():
        each.data = each.data.half().float()
    return model


def test_published_weights_lose_nothing(plain, small):
    assert not half.is_half(plain)  # a CPU's
    assert half.is_half(small)
    assert bytes_of(small) < 0.51 * bytes_of(plain)
    for one, other in zip(plain.parameters(), small.parameters(), strict=True):
        assert torch.equal(one, other.float())


def bytes_of(model):
    return sum(each.numel() * each.element_size() for each in model.parameters())


def test_no_number_changes(toy):
    """Whisper turns float32 weights to float16 at each use: the same ones, bit for bit."""
    mel, tokens = torch.randn(2, 80, 300).half(), torch.tensor([[1, 2, 3], [4, 5, 6]])
    small = half.halved(copy.deepcopy(toy))

    with torch.no_grad():
        features = toy.encoder(mel)
        assert torch.equal(small.encoder(mel), features)
        assert torch.equal(small.decoder(tokens, features), toy.decoder(tokens, features))


def test_a_gpu_that_gives_no_numbers_in_float16_computes_in_float32(toy, caplog):
    """As some of NVIDIA's GTX 16xx do; here by a weight that is too large for float16."""
    toy.encoder.conv1.weight.data *= 1e8

    assert not half.is_half(half.halved(toy))
    assert "float16 gives no numbers on cpu; computing in float32, slower" in caplog.text


def test_it_hears_the_same_words_at_the_same_times(plain, small):
    samples = audio.read_at(SAMPLE / "letter.wav", 16_000, 0, 8)
    heard = [words(OpenAiWhisper(model), samples) for model in (plain, small)]

    assert heard[0][0].startswith("Dear Thomas")
    assert heard[0][:2] == heard[1][:2]  # greedy, and drawn by chance
    np.testing.assert_allclose(heard[0][2], heard[1][2], atol=2)  # frames of 20 ms
    np.testing.assert_allclose(heard[0][3], heard[1][3], atol=0.02)


def words(engine, samples):
    features = engine.encode([engine.spectrogram(samples)])
    (found,) = engine.decode(features, "en", 1)
    drawn = engine.sample(features[0], "en", 0.2, 1)
    (aligned,) = engine.align(features, [found.tokens], [800], "en")
    starts = [aligned.frames[aligned.tokens == i][0] for i in range(len(found.tokens))]
    return found.text, drawn.text, starts, aligned.probabilities


def test_a_clip_fits_its_text_as_well(plain, small):
    samples = audio.read_at(SAMPLE / "letter.wav", 24_000, 0, 4)
    texts = ["Dear Thomas, your parcel arrived on Tuesday", "The cat sat on the mat"]
    fits = []
    for model in (plain, small):
        listener = Listener(NAME, "cpu", _model=[model])
        rows = listener.fits(listener.features(samples), texts, "en")
        fits.append([np.mean(row) for row in rows])

    np.testing.assert_allclose(fits[0], fits[1], atol=0.02)
    assert fits[1][0] > fits[1][1] + 2
