"""Decision tables: when music is separated, which voices are one, how two at once are heard.

In:  a corpus. Out: text. Each uses the stage's own functions on mixes with a known answer.
"""

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from pipeline import audio
from pipeline.stages.isolate_speakers import bed, groups, survey, voices

from . import double as doubles
from . import mixing
from .corpus import Corpus, Utterance
from .mixing import Mix
from .scenarios import BEDS

FILES = 4  # mixes, each with every bed
NEEDED_DB = 25.0  # music closer to the speech than this is heard, and shall be taken away


def tables(corpus: Corpus, seed: int) -> str:
    """Return the tables."""
    params = survey.Params()
    models = survey.load(params, "cpu")
    with tempfile.TemporaryDirectory() as folder:
        separation = _separation(corpus, seed, params, models, Path(folder))
    double = doubles.table(corpus, seed, params, models)
    return f"{separation}\n\n{_similarity(corpus, params, models)}\n\n{double}"


def _separation(
    corpus: Corpus, seed: int, params: survey.Params, models: survey.Models, folder: Path
) -> str:
    lines = [
        f"{'bed':12}{'needed':>8}{'separated':>11}{'of':>4}{'level dB':>20}{'tonality dB':>20}"
    ]
    sums: Counter[tuple[bool, bool]] = Counter()
    for kind, snr_db in [("none", 99.0), *((k, db) for k, all_ in BEDS.items() for db in all_)]:
        needed = kind == "music" and snr_db <= NEEDED_DB
        found = []
        for i in range(FILES):
            mix = _mix(corpus, seed * FILES + i, kind, snr_db)
            path = mix.write(folder)
            frames, spans = bed.frames_of(path), survey.find_speech(path, params, models)
            under = bed.measure(frames, spans)
            parts = survey.find_music(frames, spans, under, params)
            found.append((under.below_speech_db, under.tonality_db, bool(parts)))
            sums[(needed, found[-1][2])] += 1
        below, tonal, wanted = zip(*found, strict=True)
        name = kind if kind == "none" else f"{kind} {snr_db:.0f} dB"
        spans = [f"{min(v):.1f} … {max(v):.1f}" for v in (below, tonal)]
        lines.append(
            f"{name:12}{'yes' if needed else 'no':>8}{sum(wanted):>11}{FILES:>4}"
            f"{spans[0]:>20}{spans[1]:>20}"
        )
    lines.append(
        f"separated where needed {sums[True, True]}, missed {sums[True, False]}; "
        f"without need {sums[False, True]}, rightly left alone {sums[False, False]}"
    )
    return "\n".join(lines)


def _mix(corpus: Corpus, number: int, kind: str, snr_db: float) -> Mix:
    chance = np.random.default_rng([number, 17])
    everybody = sorted(corpus.by_speaker().items())
    _, mine = everybody[int(chance.integers(len(everybody)))]
    some = [mine[i] for i in chance.permutation(len(mine)).tolist()[:3]]
    mix = mixing.joined("mix", some, (0.4, 1.2), chance)
    return mix if kind == "none" else mixing.with_bed(mix, "mix", kind, snr_db, chance)


def _similarity(corpus: Corpus, params: survey.Params, models: survey.Models) -> str:
    """Return how alike windows are to their own and to other speakers' reference clips."""
    speakers = {name: mine[:3] for name, mine in corpus.by_speaker().items()}
    references = {name: _embedding(mine[0], params, models) for name, mine in speakers.items()}
    own, other = [], []
    for name, mine in speakers.items():
        for utterance in mine[1:]:
            found = _windows(utterance, params, models)
            for who, reference in references.items():
                (own if who == name else other).extend((found @ reference).tolist())
    lines = [f"{'similarity of 1.6 s':22}{'own kept %':>12}{'others kept %':>15}"]
    for limit in np.arange(0.24, 0.80, 0.04).tolist():
        kept = [100 * float(np.mean(np.asarray(each) >= limit)) for each in (own, other)]
        lines.append(f"{limit:<22.2f}{kept[0]:>12.1f}{kept[1]:>15.2f}")
    lines.append(f"{len(own)} own and {len(other)} other windows, {len(speakers)} speakers")
    return "\n".join(lines)


def _windows(
    utterance: Utterance, params: survey.Params, models: survey.Models
) -> voices.Embeddings:
    samples = audio.read_at(utterance.path, voices.RATE_HZ)
    spans = [(0.0, len(samples) / voices.RATE_HZ)]
    pieces = [_cut(samples, *place) for place in voices.windows(spans, params.voice_hop_s)]
    return voices.embed(pieces, models.voice)


def _embedding(
    utterance: Utterance, params: survey.Params, models: survey.Models
) -> voices.Embeddings:
    return groups.centroid(_windows(utterance, params, models))


def _cut(samples: audio.Samples, start_s: float, end_s: float) -> audio.Samples:
    first = round(start_s * voices.RATE_HZ)
    return samples[first : round(end_s * voices.RATE_HZ)][: voices.WINDOW]
