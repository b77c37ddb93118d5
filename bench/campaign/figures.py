"""What came of all rounds, in words.

In:  rounds. Out: lines; every breach with what is needed to see it again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from bench.campaign.rounds import Job, Kill, Round
from bench.campaign.shots import TIME

MOST_LISTED = 6  # breaches of a round


def summary(job: Job, rounds: Sequence[Round], seconds: float) -> list[str]:
    """Return the figures of a campaign, readable."""
    kills = [kill for each in rounds for kill in each.kills]
    return [
        f"{len(rounds)} rounds of {job.command} in {seconds:.0f} s "
        f"({60 * len(rounds) / seconds:.0f} a minute): {sum(each.runs for each in rounds)} runs, "
        f"{sum(each.workers > 1 for each in rounds)} rounds with two workers, "
        f"{sum(each.by_exec for each in rounds)} through python -m",
        f"kills: {len(kills)}",
        *_counts("of", (_victim(kill) for kill in kills)),
        *_counts("during", (kill.step for kill in kills)),
        *_counts("when", (kill.shot.moment.kind for kill in kills)),
        f"save points of an undisturbed run: {sum(job.points.values())}, "
        f"killed at: {len(_points(kills))}",
        f"files taken up: {_sum(rounds, 'taken_up')}",
        f"files in hand at a kill and redone: {_sum(rounds, 'redone')}",
        f"artefacts in place without their line, kept: {_sum(rounds, 'adopted')}",
        f"most files lost by a kill: {max((kill.lost for kill in kills), default=0)}",
        f"done files processed again: {_sum(rounds, 'done_again')}",
        f"differences: {_sum(rounds, 'differences')}",
        f"breaches: {sum(len(each.breaches) for each in rounds)}",
        *(line for each in rounds if each.breaches for line in _breach(job, each)),
    ]


def _victim(kill: Kill) -> str:
    return f"{kill.shot.victim} by {kill.shot.signum.name}"


def _points(kills: Iterable[Kill]) -> set[tuple[str, int]]:
    """Return the save points that were hit."""
    moments = (kill.shot.moment for kill in kills)
    return {(m.kind, m.count) for m in moments if m.kind != TIME and m.delay_s == 0.0}


def _counts(head: str, values: Iterable[str]) -> Iterator[str]:
    for value, count in Counter(values).most_common():
        yield f"  {head} {value}: {count}"


def _sum(rounds: Iterable[Round], name: str) -> int:
    return sum(getattr(each, name) for each in rounds)


def _breach(job: Job, each: Round) -> Iterator[str]:
    yield f"round {each.number} (--seed {job.seed} --only {each.number}), kept in {each.folder}:"
    for kill in each.kills:
        yield f"  shot: {_victim(kill)}, {kill.shot.moment}, during {kill.step}"
    yield from (f"  BREACH {what}" for what in each.breaches[:MOST_LISTED])
    if len(each.breaches) > MOST_LISTED:
        yield f"  … and {len(each.breaches) - MOST_LISTED} more"
