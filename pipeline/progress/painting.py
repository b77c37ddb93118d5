"""Lines at the bottom of a terminal, repainted; what is logged goes by above them.

By rich, which knows NO_COLOR, widths and resizing. The cursor stays visible: a run may end by a
signal at any moment, and must leave a terminal that one can go on with.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from pipeline.console import diverted, shows_signs

PAINTS_A_SECOND = 2


class _Console(Console):
    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002 - it always is
        return False


@contextlib.contextmanager
def painted(lines: Callable[[], Sequence[str]]) -> Iterator[None]:
    """Within this block `lines()` stand at the bottom of the terminal."""
    console = _Console(file=sys.stdout, highlight=False, emoji=False)

    def picture() -> Group:
        texts = [_line(line) for line in lines()]
        return Group(*texts)

    def say(text: str) -> None:
        console.print(Text(text), soft_wrap=True)

    live = Live(
        console=console,
        get_renderable=picture,
        refresh_per_second=PAINTS_A_SECOND,
        transient=True,
    )
    with live, diverted(say):
        yield


def _line(line: str) -> Text:
    step, colon, rest = line.partition(":")
    ellipsis = "ellipsis" if shows_signs(sys.stdout) else "crop"
    text = Text(no_wrap=True, overflow=ellipsis)  # type: ignore[arg-type]
    text.append(step, style="bold cyan").append(f"{colon}{rest}")
    return text
