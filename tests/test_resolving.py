"""Voices that the survey took for one, told apart once the target's is known.

Embeddings are made by hand: two voices 0.6 alike (as by a bad telephone; a survey may take them for
one), each window a little off its voice, as windows are.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import pipeline.stages.isolate_speakers as last
from pipeline.item import Item, Unusable
from pipeline.stages.isolate_speakers import agree, resolve, turns, voices
from pipeline.stages.isolate_speakers.groups import centroid

HOP_S = 0.4
OFF = 0.02  # of 192 numbers each: windows are 0.96 like the middle of their voice


def voice(likeness: float, axis: int) -> voices.Embeddings:
    """A voice that is so much like the one along the first axis."""
    found = np.zeros(voices.SIZE, np.float32)
    found[0], found[axis] = likeness, np.sqrt(1 - likeness**2)
    return found


TARGET, ALIKE, STRANGER = voice(1.0, 1), voice(0.6, 2), voice(0.3, 3)
ANOTHER = voice(0.0, 5)


def recording(
    *said: voices.Embeddings, windows: int = 12, seed: int = 0
) -> tuple[dict, np.ndarray]:
    """A survey that heard one voice in all turns, 0.5 s apart, and the embeddings."""
    chance = np.random.default_rng(seed)
    spans, places, found = [], [], []
    for who in said:
        start_s = spans[-1][1] + 0.5 if spans else 0.0
        starts = [round(start_s + i * HOP_S, 3) for i in range(windows)]
        places += [(s, round(s + 1.6, 3)) for s in starts]
        spans.append((start_s, places[-1][1]))
        found += [voices.unit(who + chance.normal(0, OFF, voices.SIZE)) for _ in starts]
    embeddings, labels = np.array(found), np.zeros(len(found), np.int64)
    heard = turns.find_turns(spans, places, labels.tolist())
    named = turns.describe_voices(heard, embeddings, labels)
    survey = {"speech": spans, "parts": spans, "windows": places, "turns": heard, "voices": named}
    return survey, embeddings


def rules(survey: dict, embeddings: np.ndarray, target: voices.Embeddings = TARGET) -> list[str]:
    pieces = last.owned(survey, embeddings, voices.unit(target)[None], last.Params())
    return [piece.rule for piece in pieces]


def test_another_who_is_like_the_target_is_not_kept():
    """At 0.6 he passes the limit of 0.55; that the target is there too tells him apart."""
    survey, embeddings = recording(TARGET, ALIKE, TARGET, ALIKE)

    found = rules(survey, embeddings)

    assert centroid(embeddings[12:24]) @ TARGET > last.Params().target_similarity
    assert [rule == "" for rule in found] == [True, False, True, False]


def test_three_voices_taken_for_one_are_three():
    survey, embeddings = recording(TARGET, ALIKE, voice(0.58, 4), TARGET)

    finer = resolve.resolved(survey, embeddings, TARGET[None], 0.48)

    assert [who for _, _, who in finer["turns"]] == [0, 1, 2, 0]
    assert len(finer["voices"]) == 3


@pytest.mark.parametrize("seed", range(5))
def test_a_voice_alone_stays_one(seed):
    """Chance in its windows makes no second voice: all of it is kept."""
    survey, embeddings = recording(TARGET, TARGET, TARGET, seed=seed)

    finer = resolve.resolved(survey, embeddings, TARGET[None], 0.48)

    assert len(finer["voices"]) == 1
    assert set(rules(survey, embeddings)) == {""}


@pytest.mark.parametrize(
    ("short", "owner"),
    [
        (voice(0.55, 4), 0),  # like the target, and nobody else
        (voice(0.4, 4), 2),  # too little
        (voices.unit(TARGET + ANOTHER), 2),  # a window across a change
    ],
)
def test_a_second_that_is_clearly_like_a_known_voice_is_its(short, owner):
    """Two voices of 4 s; a third one speaks for 0.8 s. Whoever is known keeps his windows."""
    embeddings = np.array([TARGET] * 10 + [ANOTHER] * 10 + [short] * 2, np.float32)
    labels = np.repeat([0, 1, 2], [10, 10, 2])

    found = resolve.known_again(labels, embeddings, [0.4] * 22)

    assert found.tolist() == [0] * 10 + [1] * 10 + [owner] * 2


def test_where_nobody_is_known_everybody_stays():
    """Of 2 s and 2 s neither is known."""
    embeddings = np.array([TARGET] * 5 + [ALIKE] * 5, np.float32)
    labels = np.repeat([0, 1], [5, 5])

    assert resolve.known_again(labels, embeddings, [0.4] * 10).tolist() == labels.tolist()


def test_a_turn_between_two_voices_is_uncertain():
    """Half of one and half of the other, as when both speak: nobody's, whatever its likeness."""
    survey, embeddings = recording(TARGET, TARGET, STRANGER, STRANGER)
    labels = np.repeat([0, 1], 24)
    survey["turns"] = turns.find_turns(survey["speech"], survey["windows"], labels.tolist())
    survey["voices"] = turns.describe_voices(survey["turns"], embeddings, labels)
    embeddings[12:24] = voices.unit(TARGET + STRANGER)

    found = rules(survey, embeddings)

    assert float(voices.unit(TARGET + STRANGER) @ TARGET) > last.Params().target_similarity
    assert found[0] == ""
    assert "" not in found[1:]


def test_a_target_heard_through_another_microphone_is_known_again():
    """The clip is 0.6 like him here; turns that are 0.5 like the clip are 0.9 like him here."""
    here = voice(0.6, 5)
    apart = voices.unit(here + 0.45 * voice(0.0, 6) - 0.05 * TARGET)
    survey, embeddings = recording(here, here, here, apart)

    found = rules(survey, embeddings)

    assert float(apart @ TARGET) < last.Params().target_similarity
    assert found == [""] * len(found)


def surveyed(folder: Path, name: str, *said: voices.Embeddings) -> Item:
    """A recording after its survey."""
    survey, embeddings = recording(*said)
    (folder / name).mkdir()
    (folder / name / "survey.json").write_text(json.dumps(survey))
    np.save(folder / name / "embeddings.npy", embeddings.astype(np.float16))
    return Item(name, name, "", {"isolate_speakers.survey": str(folder / name)})


def agreed(folder: Path, *items: Item, **settings: str) -> voices.Embeddings:
    """The target that the recordings agree on without a clip."""
    (folder / "out").mkdir(exist_ok=True)
    agree.process(items, folder / "out", agree.Params(**settings), agree.Models(None))
    return np.array(json.loads((folder / "out" / "target.json").read_text())["embedding"])


def test_without_a_clip_two_voices_taken_for_one_are_asked_about(tmp_path):
    """Half and half in one voice: never a mix, but the seconds, a place and both ways out."""
    item = surveyed(tmp_path, "call.wav", TARGET, ALIKE, TARGET, ALIKE)
    said = r"sounds like two alike: 12 s and 12 s \(for example in call.wav\).*--target-speaker"

    with pytest.raises(Unusable, match=said):
        agreed(tmp_path, item)

    target = agreed(tmp_path, item, unclear_target="longest")
    assert max(target @ TARGET, target @ ALIKE) > 0.95  # one of them, not the middle of both


def test_without_a_clip_the_longer_of_two_taken_for_one_is_the_target(tmp_path):
    """Three turns to one: he is wanted, not the middle of both, which would keep the other too."""
    target = agreed(tmp_path, surveyed(tmp_path, "call.wav", TARGET, TARGET, ALIKE, TARGET))

    assert target @ TARGET > 0.95
    assert target @ ALIKE < 0.65


def test_over_several_recordings_the_same_half_is_the_target(tmp_path):
    """In the second the other speaks more; he is still not wanted."""
    one = surveyed(tmp_path, "one", TARGET, TARGET, TARGET, TARGET, ALIKE)
    two = surveyed(tmp_path, "two", ALIKE, ALIKE, TARGET)

    assert agreed(tmp_path, one, two) @ ALIKE < 0.65
