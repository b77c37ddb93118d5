"""Whom to kill, how, and at which moment: the same for the same seed and round.

In:  a seed, the number of a round, the save points of an undisturbed run.
Out: the shots of the round. The first goes to the next save point of a shuffled deck, so that every
     one has its turn before any comes again; the others are at random points and times.
"""

import itertools
import random
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

DRIVER, WORKER, ALL = "the driver", "a worker", "all at once"
TIME = "at a random time"


@dataclass(frozen=True)
class Moment:
    """When to shoot: at the `count`-th change of a kind, and a little later."""

    kind: str  # one of watching.KINDS, or TIME
    count: int
    delay_s: float

    def __str__(self) -> str:
        return self.kind if self.kind == TIME else f"{self.kind}, {self.count}"


@dataclass(frozen=True)
class Shot:
    """One kill that is intended."""

    victim: str
    signum: signal.Signals
    moment: Moment


def shots(
    seed: int, number: int, workers: int, points: Mapping[str, int], calm_s: float, most: int
) -> Iterator[Shot]:
    """Yield the shots of a round, `most` at most. `points`: how many changes of each kind an
    undisturbed run made in its `calm_s` seconds."""
    weights = (2, 1, 3) if workers > 1 else (3, 1, 0)
    rng = random.Random(f"{seed}/{number}")
    deck = [Moment(kind, k + 1, 0.0) for kind, count in points.items() for k in range(count)]
    random.Random(seed).shuffle(deck)
    first = [deck[number % len(deck)]] if deck else []
    others = (_moment(rng, points, calm_s) for _ in itertools.count())
    for moment in itertools.islice(itertools.chain(first, others), rng.randint(1, most)):
        victim = rng.choices((DRIVER, ALL, WORKER), weights)[0]
        signum = signal.SIGTERM if rng.random() < 0.25 else signal.SIGKILL
        yield Shot(victim, signum if victim == DRIVER else signal.SIGKILL, moment)


def _moment(rng: random.Random, points: Mapping[str, int], calm_s: float) -> Moment:
    if not points or rng.random() < 0.35:
        return Moment(TIME, 1, rng.random() * calm_s)
    kind = rng.choice([kind for kind, count in points.items() if count])
    # a resumed run has less before it than a new one: the early points are more likely to come
    count = rng.randint(1, max(1, points[kind] // 3))
    return Moment(kind, count, rng.choice((0.0, 0.0, rng.random() * 0.005)))
