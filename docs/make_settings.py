"""Writes the settings into docs/settings.md (all) and README.md (those most used).

Run: .venv/bin/python docs/make_settings.py. A test holds that both are up to date.
"""

import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # a script beside the package, also without an installation

from pipeline import config  # noqa: E402
from pipeline.config import Settings  # noqa: E402

MOST_USED = (
    "output", "resume", "force_restart", "keep_temp", "verbose", "workers", "device", "separation",
    "target_speaker", "enhancement_mode", "whisper_model", "language", "initial_prompt",
    "min_clip_s", "max_clip_s", "min_snr_db", "english_accent", "val_percent", "seed",
)  # fmt: skip
HEAD = """# Settings

Every setting is a flag. Those marked *free* cannot change the dataset and may differ on resume; the
others are locked to `pipeline_config.yaml`. Where a number comes from stands beside it in the code.
"""


def table(names: Iterable[str]) -> str:
    """Return the rows of a Markdown table."""
    by_name = {each.name: each for each in fields(Settings)}
    rows = ["| flag | default | meaning |", "|---|---|---|"]
    for name in names:
        one = by_name[name]
        unit = f" {one.metadata['unit']}" if one.metadata["unit"] else ""
        default = "" if one.default is False or one.default == "" else f"{one.default}{unit}"
        free = " *free*" if one.metadata["free"] else ""
        flag = "--" + name.replace("_", "-")
        rows.append(
            f"| `{flag}` | {default} | {one.metadata['help']}{free} |".replace("|  |", "| |")
        )
    return "\n".join(rows)


def reference() -> str:
    """Return docs/settings.md."""
    parts = [f"\n## {title}\n\n{table(names)}\n" for title, names in config.groups().items()]
    return HEAD + "".join(parts)


def readme() -> str:
    """Return README.md with its block of settings made anew."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    head, _, rest = text.partition("<!-- settings -->\n")
    _, _, tail = rest.partition("<!-- /settings -->")
    more = "\n\nAll of them: [docs/settings.md](docs/settings.md).\n"
    return f"{head}<!-- settings -->\n{table(MOST_USED)}{more}<!-- /settings -->{tail}"


if __name__ == "__main__":
    (ROOT / "docs" / "settings.md").write_text(reference(), encoding="utf-8")
    (ROOT / "README.md").write_text(readme(), encoding="utf-8")
