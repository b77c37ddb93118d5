"""The crash campaign: kill a job until it is through, again and again, and hold it to its promises.

To read in this order:

    watching.py   what a run does to its output folder, seen from outside as it happens
    shots.py      whom to kill, how, and at which moment: drawn from a seed
    rounds.py     one round: run, kill, resume, … until the job ends
    checks.py     what must hold right after a kill, and at the end
    figures.py    what came of all rounds, in words
"""
