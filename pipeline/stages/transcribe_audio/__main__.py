"""python -m pipeline.stages.transcribe_audio: this stage alone, on one recording."""

from pipeline.standalone import main

main("transcribe_audio")
