"""A flow of cheap stages on the real runner: `python -m tests.cheap INPUT --output OUT [...]`.

Recordings are text files. What a text says decides what happens to it: "drop" is dropped, unwanted,
"boom" raises, "late" in the second stage, "die" kills its process, "segv" by a null pointer, "exit"
calls sys.exit, "hog" wants 2 GB of memory, "halt" says that the stage cannot work; "wait" takes its
time, "compute" too, in one call into C; "swallow" makes an error of its own of a stop,
"stubborn" goes on after it; "hold" goes on when there is a file a.go beside a.wav.
"""

import os

from pipeline.plan import Step

PAUSE_S = float(os.environ.get("CHEAP_PAUSE_S", "0.005"))  # what a file takes in a stage

FLOW = tuple(
    Step(name, doing, done, view, package="tests.cheap", collective=name == "book")
    for name, doing, done, view in (
        ("take", "📥 Taking", "taken", "taken_files"),
        ("shout", "📣 Shouting", "shouted", "shouted_files"),
        ("book", "📦 Binding", "bound", ""),
    )
)
