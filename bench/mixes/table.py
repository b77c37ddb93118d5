"""The rows that bench/quality.py prints."""

import argparse
from collections import Counter
from collections.abc import Sequence

from bench.wrong_words import normalizer
from pipeline.models import resolve_whisper, whisper_digest

from .flow import Done
from .scenarios import Job
from .scoring import Score, Words

COLUMNS = (
    "clips", "text%", "edge%", "inner%", "whole%", "ear%", "edge%", "inner%", "loose%", "uncut%",
    "silent%", "cut", "yield%", "able%", "pure%", "inv", "half", "held",
)  # fmt: skip
WIDTH = 20


def head(options: argparse.Namespace) -> str:
    """Return what was run, and the names of the columns."""
    digest = whisper_digest(resolve_whisper(options.model, options.device))[:12]
    said = f"{options.model} ({digest}), seed {options.seed}, {options.clips} utterances a reader"
    return f"{said} {' '.join(options.set)}\n{'':{WIDTH}}" + "".join(f"{c:>9}" for c in COLUMNS)


def row(name: str, total: Score) -> str:
    """Return one line of the table."""
    share = 100 * total.used_s / max(0.01, total.speech_s)
    able = 100 * total.able_used_s / max(0.01, total.able_s)
    pure = 100 * total.target_s / max(0.01, total.clip_speech_s)
    silent = 100 * total.silent_edges / max(1, total.edges)
    cells = [
        f"{total.clips}", *_inside(total.text), _percent(total.whole), *_inside(total.heard),
        f"{total.loose.edge_percent:.1f}" if total.loose.true else "",
        f"{total.uncut.edge_percent:.1f}" if total.uncut.edge_true else "",
        f"{silent:.1f}" if total.edges else "", f"{total.cut_edges}",
        f"{share:.1f}" if total.speech_s else "", f"{able:.1f}" if total.able_s else "",
        f"{pure:.1f}" if total.clip_speech_s else "", f"{total.invented}",
        *((f"{total.half_sounds}", f"{total.held_sounds}") if total.sounds else ()),
    ]  # fmt: skip
    return f"{name:{WIDTH}}" + "".join(f"{cell:>9}" for cell in cells)


def notes(job: Job, done: Sequence[Done], verbose: bool) -> str:
    """Return lines on what went wrong with a job; with `verbose` also the rejections."""
    lines = [f"    {one.name}: {one.dropped}" for one in done if one.dropped]
    if job.asks:
        lines.append("    WRONG: should have asked for a clip")
    if verbose:
        lines += [_rejections(one) for one in done]
    return "".join(f"\n{line}" for line in lines)


def refusal(name: str, job: Job, reason: str) -> str:
    """Return the line of a job that asked for a clip."""
    return f"{name:{WIDTH}} {'asked, as it should' if job.asks else 'WRONG: asked'}: {reason}"


def differences(done: Done, true: Sequence[str], heard: Sequence[str]) -> str:
    """Return the clips whose text or sound is not what was said."""
    normal = normalizer()
    lines = []
    for clip, want, ear in zip(done.clips, true, heard, strict=True):
        texts = {"true": normal(want), "text": normal(clip["text"]), "ear": normal(ear)}
        if len(set(texts.values())) > 1:
            lines.append(f"    {clip['id']} {clip['start_s']:.2f}-{clip['end_s']:.2f}")
            lines += [f"      {which:5}{text}" for which, text in texts.items()]
    return "\n".join(lines)


def _rejections(done: Done) -> str:
    seconds: Counter[str] = Counter()
    for each in done.rejected:
        seconds[each["rule"]] += each["end_s"] - each["start_s"]
    listed = ", ".join(f"{rule} {s:.1f} s" for rule, s in seconds.most_common())
    lines = [f"    {done.name} rejected: {listed or 'nothing'}"]
    for each in done.rejected:
        if each["end_s"] - each["start_s"] > 0.5:
            place = f"{each['start_s']:.2f}-{each['end_s']:.2f}"
            lines.append(f"      {place} {each['rule']}: {each['reason']} {each.get('text', '')}")
    return "\n".join(lines)


def _inside(words: Words) -> tuple[str, str, str]:
    """Return the errors of all words, of those at edges of clips, and of the others."""
    if not words.true:
        return "", "", ""
    return _percent(words), f"{words.edge_percent:.1f}", f"{words.inner_percent:.1f}"


def _percent(words: Words) -> str:
    return f"{words.percent:.2f}" if words.true else ""
