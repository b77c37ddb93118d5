"""Mixes with known answers, built from real recordings, for bench/quality.py.

Read corpus.py (which recordings), sounds.py (music, noise, laughter), mixing.py (one mix and its
truth), meeting.py (a room full of talk, an excerpt), flow.py (the pipeline's own stages over
files), reference.py (when each true word is spoken, what whisper alone makes of a file), scoring.py
(numbers), scenarios.py (which mixes), table.py.
"""
