"""Speech spans packed into windows for whisper, with a map back to the recording.

In:  spans of speech in seconds on the recording's time line.
Out: windows of at most `limit_s`, each a row of excerpts of the recording.
Left out: samples. Natural pauses stay; longer ones shrink to `pause_s`, their middle is cut out.

Measured (design): packed windows are faster and better than one utterance a window, 4.2 against
5.9% of words wrong.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from itertools import groupby

from pipeline.audio import Seconds

Span = tuple[Seconds, Seconds]  # start, end on the recording's time line

MODEL_S: Seconds = 30.0  # whisper's window; its positions are trained for exactly this


@dataclass(frozen=True)
class Excerpt:
    """A piece of the recording which a window contains, and the speech in it."""

    start_s: Seconds
    end_s: Seconds
    spans: tuple[Span, ...]

    @property
    def duration_s(self) -> Seconds:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Window:
    """Excerpts in a row, as whisper hears them."""

    excerpts: tuple[Excerpt, ...]

    @property
    def duration_s(self) -> Seconds:
        return sum(excerpt.duration_s for excerpt in self.excerpts)

    @property
    def spans(self) -> tuple[Span, ...]:
        return tuple(span for excerpt in self.excerpts for span in excerpt.spans)

    def on_recording(self, start_s: Seconds, end_s: Seconds) -> Span:
        """Return a word's time on the recording: inside one span, that which it overlaps most.

        >>> here, there = Excerpt(10, 12, ((10, 12),)), Excerpt(50, 51, ((50, 51),))
        >>> Window((here, there)).on_recording(1, 2.4)
        (11.0, 12)
        """
        at_s = 0.0
        candidates = []
        for excerpt in self.excerpts:
            shift_s = excerpt.start_s - at_s
            at_s += excerpt.duration_s
            candidates += [
                _overlap(span, start_s + shift_s, end_s + shift_s) for span in excerpt.spans
            ]
        return max(candidates)[1]

    def parted(self, apart: Container[Span]) -> "tuple[Window, ...]":
        """Return a window for each span that is in `apart`, and for each run of spans between them.

        With the sound around them: together they are all of this window.
        """
        pieces = [_padded(e, i) for e in self.excerpts for i in range(len(e.spans))]
        # a span that is apart is a key of its own; all others share False, run by run
        runs = groupby(pieces, lambda piece: piece.spans[0] in apart and piece.spans[0])
        return tuple(_window(list(run)) for _, run in runs)


def _overlap(span: Span, start_s: Seconds, end_s: Seconds) -> tuple[Seconds, Span]:
    """Return (seconds inside the span, negative when beside it; the time clamped into it)."""
    first, last = max(start_s, span[0]), min(end_s, span[1])
    clamped = (min(first, span[1]), max(last, span[0]))
    return last - first, clamped


def _padded(excerpt: Excerpt, index: int) -> Excerpt:
    """Return the part of an excerpt around one of its spans, to the middle of the pauses."""
    spans = excerpt.spans
    start = (spans[index - 1][1] + spans[index][0]) / 2 if index else excerpt.start_s
    is_last = index == len(spans) - 1
    end = excerpt.end_s if is_last else (spans[index][1] + spans[index + 1][0]) / 2
    return Excerpt(start, end, (spans[index],))


def pack(
    spans: Sequence[Span],
    duration_s: Seconds,
    limit_s: Seconds,
    pause_s: Seconds,
    quietest: Callable[[Seconds, Seconds], Seconds],
) -> list[Window]:
    """Return windows which together contain each span once, in order.

    A window ends at the longest pause of its last third, where a sentence most likely ends. Only a
    span that is longer than a window is cut, at `quietest(from_s, to_s)` on the recording.
    """
    pieces = _pieces(spans, duration_s, limit_s, pause_s, quietest)
    windows = []
    while pieces:
        count = _fitting(pieces, limit_s)
        windows.append(_window(pieces[:count]))
        pieces = pieces[count:]
    return windows


def _pieces(
    spans: Sequence[Span],
    duration_s: Seconds,
    limit_s: Seconds,
    pause_s: Seconds,
    quietest: Callable[[Seconds, Seconds], Seconds],
) -> list[Excerpt]:
    """Return one excerpt a span, with up to half of `pause_s` of sound at each side."""
    half_s = pause_s / 2
    parts = [part for span in spans for part in _cut(span, limit_s - pause_s, quietest)]
    pieces = []
    for i, (start, end) in enumerate(parts):
        before = parts[i - 1][1] if i else -start
        after = parts[i + 1][0] if i + 1 < len(parts) else 2 * duration_s - end
        left = max(start - half_s, (before + start) / 2)
        right = min(end + half_s, (end + after) / 2)
        pieces.append(Excerpt(left, right, ((start, end),)))
    return pieces


def _cut(
    span: Span, limit_s: Seconds, quietest: Callable[[Seconds, Seconds], Seconds]
) -> list[Span]:
    parts = []
    start, end = span
    while end - start > limit_s:
        cut = quietest(start + limit_s / 2, start + limit_s)
        parts.append((start, cut))
        start = cut
    return [*parts, (start, end)]


def _fitting(pieces: Sequence[Excerpt], limit_s: Seconds) -> int:
    """Return how many of the first pieces make the next window."""
    total_s = 0.0
    best = (0.0, 1)  # the pause after a piece, and how many pieces that makes
    for count, piece in enumerate(pieces, 1):
        total_s += piece.duration_s
        if total_s > limit_s:
            return best[1]
        if count == len(pieces):
            return count
        pause_s = pieces[count].spans[0][0] - piece.spans[0][1]
        is_early = total_s <= limit_s * 2 / 3
        best = (0.0, count) if is_early else max(best, (pause_s, count))
    return len(pieces)


def _window(pieces: Sequence[Excerpt]) -> Window:
    """Return a window, neighbours on the recording joined to one excerpt."""
    joined: list[Excerpt] = []
    for piece in pieces:
        if joined and piece.start_s - joined[-1].end_s < 1e-6:
            last = joined.pop()
            joined.append(Excerpt(last.start_s, piece.end_s, (*last.spans, *piece.spans)))
        else:
            joined.append(piece)
    return Window(tuple(joined))
