"""The flow: its steps in order, and the words for each. Data only: a look at it costs nothing."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step of a flow, and the words for it. A name with a dot is a part of its stage."""

    name: str  # the module in `package`
    doing: str = ""  # "🎵 Enhancing: audio3.wav"
    done: str = ""  # "⏭️ Already enhanced: audio1.wav"
    view: str = ""  # its list of outputs in the state file
    package: str = "pipeline.stages"
    collective: bool = False  # over all recordings at once; its module says so too

    @property
    def stage(self) -> str:
        """The stage that it is, or is a part of."""
        return self.name.partition(".")[0]

    @property
    def module(self) -> str:
        """The full name of its module."""
        return f"{self.package}.{self.name}"


FLOW = (
    Step("download_audio", "📥 Downloading", "downloaded", "downloaded_files"),
    Step("download_audio.unique", "👯 Looking for duplicates", "compared", collective=True),
    Step("isolate_speakers.survey", "👂 Listening for voices", "listened to"),
    Step("isolate_speakers.agree", "🎯 Choosing the target speaker", "chosen", collective=True),
    Step("isolate_speakers", "🎤 Isolating", "isolated", "isolated_files"),
    Step("enhance_audio", "🎵 Enhancing", "enhanced", "enhanced_files"),
    Step("transcribe_audio.agree", "🌍 Finding out the language", "agreed", collective=True),
    Step("transcribe_audio", "📝 Transcribing", "transcribed", "transcribed_files"),
    Step("segment_audio", "✂️ Segmenting", "segmented", "segmented_files"),
    Step("build_dataset", "📦 Building the dataset", "built", collective=True),
)


def views(flow: Iterable[Step] = FLOW) -> dict[str, str]:
    """Return the names of the lists of outputs in the state file, by step."""
    return {step.name: step.view for step in flow if step.view}
