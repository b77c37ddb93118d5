"""How good the clips are, on mixes with known answers built from real recordings.

    .venv/bin/python bench/quality.py FOLDER                 all scenarios, about 8 minutes
    .venv/bin/python bench/quality.py FOLDER --only read,fast --clips 20 --seed 2
    .venv/bin/python bench/quality.py FOLDER --set enhancement_mode=none --set separation=never
    .venv/bin/python bench/quality.py FOLDER --tables        on music, voices alike, two at once
    .venv/bin/python bench/quality.py FOLDER --owners 6      whose voice is kept, 6 others each

FOLDER holds recordings of an LJ Speech kind (`id|text` in transcripts.txt or metadata.csv), of a
LibriSpeech kind (speaker-…), and conversations with turns.rttm; or any, with manifest.tsv: path,
speaker, text. Columns: words wrong in the clips' texts, of them those that clips begin or end with,
and those inside; words wrong of whisper alone on the whole file; words wrong when whisper hears the
clips (`ear`), at edges and inside again; the words at edges where the recording is heard around the
clip, up to the next sound (`loose`: is anything cut off?), and in the whole file (`uncut`: are they
hard alone, without their neighbours?); edges with 100 ms of silence, edges cut in sound; share of
the target's speech in clips, and of what of it can make a clip (`able`: between pauses, nobody else
there, 2 s with its silence; turns.rttm is right to some 0.3 s only); share of clip speech that is
the target's; clips that were invented; where there are breaths, coughs or laughs beside the words,
edges in the middle of one, and those in clips. The last line is all rows together: words where
whisper heard the whole file, purity where somebody is wanted.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # for running it as a script

from bench.mixes import corpus, decisions, owners, scenarios, scoring, table  # noqa: E402
from bench.mixes.flow import Done, Stages  # noqa: E402
from bench.mixes.mixing import Mix  # noqa: E402
from bench.mixes.reference import WHISPER_HZ, Whisper  # noqa: E402
from bench.mixes.sounds import Samples  # noqa: E402
from pipeline import audio  # noqa: E402
from pipeline.config import Settings  # noqa: E402
from pipeline.executors import tame_threads  # noqa: E402
from pipeline.item import Unusable  # noqa: E402


def main() -> None:
    """Build the mixes, run the stages, print the table."""
    options = _options()
    tame_threads()
    found = corpus.read(options.folder)
    if options.tables:
        print(decisions.tables(found, options.seed))
        return
    if options.owners:
        print(owners.table(found, options.owners, options.seed))
        return
    wanted = options.only.split(",") if options.only else None
    all_jobs = scenarios.jobs(found, options.clips, options.seed)
    unknown = set(wanted or ()) - set(all_jobs)
    if unknown:
        sys.exit(f"--only {','.join(sorted(unknown))}: there are {', '.join(all_jobs)}")
    bench = Bench(options)
    print(table.head(options))
    for name, build in all_jobs.items():
        if wanted is None or name in wanted:
            print(bench.row(name, build()), flush=True)
    print(table.row("all", bench.total))


class Bench:
    """Stages and whisper, loaded once."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._stages = Stages(options.device)
        self._whisper = Whisper(options.model, options.device)
        self.total = scoring.Score()
        self._folder = Path(options.keep or tempfile.mkdtemp(prefix="quality-"))

    def row(self, name: str, job: scenarios.Job) -> str:
        """Run a job; return its row."""
        folder = self._folder / name.replace(" ", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        files = [mix.write(folder) for mix in job.mixes]
        try:
            done = self._stages.run(files, folder / "work", self._settings(job))
        except Unusable as err:
            return table.refusal(name, job, str(err))
        total = scoring.Score()
        for mix, one, file in zip(job.mixes, done, files, strict=True):
            total += self._scored(mix, one, file, job)
        if not self._options.keep:
            shutil.rmtree(folder)
        self.total += scoring.summable(total, job.target)
        return table.row(name, total) + table.notes(job, done, verbose=self._options.verbose)

    def _scored(self, mix: Any, done: Done, file: Path, job: scenarios.Job) -> scoring.Score:
        cuts = [at_s for clip in done.clips for at_s in (clip["start_s"], clip["end_s"])]
        words = self._whisper.words(mix, cuts)
        result = scoring.score(mix, words, done, job.target)
        if words and job.target is None:
            whole = self._whisper.transcribe(file)
            result.whole = scoring.count([mix.text()], [whole])
            spans = [(clip["start_s"], clip["end_s"]) for clip in done.clips]
            result.uncut = scoring.uncut(words, spans, whole)
        if words and done.clips:
            true = [scoring.in_clip(words, (c["start_s"], c["end_s"])) for c in done.clips]
            heard = self._whisper.hear(whole_clips(done))
            result.heard = scoring.count(true, heard)
            result.loose = scoring.count(true, self._whisper.hear(loose_clips(mix, done, file)))
            if self._options.verbose:
                print(table.differences(done, true, heard))
        return result

    def _settings(self, job: scenarios.Job) -> Settings:
        given = {"language": "en", "whisper_model": self._options.model, **job.settings}
        if job.reference:
            given["target_speaker"] = str(job.reference.path.absolute())
        settings = Settings(**given)
        return replace(settings, **_typed(settings, self._options.set))


def whole_clips(done: Done) -> Iterator[Samples]:
    """Yield what is in the clips, as whisper wants it."""
    return (audio.read_at(done.folder / clip["file"], WHISPER_HZ) for clip in done.clips)


def loose_clips(mix: Mix, done: Done, file: Path) -> Iterator[Samples]:
    """Yield the recording where the clips were cut, unprocessed, up to the next sound beside it."""
    loud = scoring.loud_frames(mix)
    for clip in done.clips:
        span = scoring.loosened(loud, (clip["start_s"], clip["end_s"]))
        yield audio.read_at(file, WHISPER_HZ, *span)


def _typed(settings: Settings, given: Sequence[str]) -> dict[str, Any]:
    """Return `name=value` words as settings of the right kind."""
    pairs = dict(word.split("=", 1) for word in given)
    return {name: type(getattr(settings, name))(value) for name, value in pairs.items()}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog=__doc__.partition("\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="recordings, see below")
    parser.add_argument("--only", default="", help="scenarios, with commas")
    parser.add_argument("--clips", type=int, default=20, help="utterances of a reader a scenario")
    parser.add_argument("--seed", type=int, default=0, help="which utterances, pauses, noises")
    parser.add_argument("--model", default="base", help="whisper's weights, for both sides")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--tables", action="store_true", help="decision tables instead")
    parser.add_argument(
        "--owners", type=int, default=0, metavar="N", help="instead: dialogues with N others each"
    )
    parser.add_argument("--keep", default="", help="folder in which mixes and clips stay")
    parser.add_argument("--verbose", action="store_true", help="every error and rejection")
    return parser.parse_args()


if __name__ == "__main__":
    main()
