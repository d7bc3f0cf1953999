"""One thing has one name: words that docs/glossary.md replaces are in no name, message, docstring or page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KINDS = (".py", ".pyi", ".md", ".toml", ".j2", ".css", ".js")
INSTEAD = {  # word: what to write
    "pictures?": "image; plot, for what a person reads",
    "knobs?": "hyperparameter, option",
    "wings?|houses?|roofs?": "domain, package, public API",
    "beside": "next to",
    "anew": "again",
    "hear|heard": "notify",
    r"judg(?:e|es|ed|ing|e?ments?)": "score, evaluate",
    "told": "reported",
    "tells": "shows, reports",
    "redrawn": "resampled",
    "keepers?": "checkpointer",
    "images_of": "image_source",
    "surest|outlook|workshop|presence": "most confident, estimate, temporary path, claims",
    "(?:warm|depth|validation|test)_share": "pct_start, lr_mult, validation_fraction, test_size",
    "EncoderFacts|FeatureFacts|asks_for|suited": "EncoderMetadata, infer_parameters",
    r"of one's own|at hand|are to be": "say it as a reference manual does",
    r"\w*(?:[mrn]alis|ptimis|cognis|ndardis|uantis)(?:e|ed|es|er|ers|ing|ation)\w*": "-ize",
    r"\w*colours?\w*|centred?|centres|\w*neighbours?\w*|behaviours?|labelled|licence": "American spelling",
}
BANNED = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(INSTEAD)})(?![A-Za-z])", re.IGNORECASE)


def texts() -> Iterator[Path]:
    for folder in ("img_repr", "docs", "recipes"):
        yield from (file for file in sorted((ROOT / folder).rglob("*")) if file.suffix in KINDS)
    yield from (ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "pyproject.toml"))


def banned_words(text: str) -> list[str]:
    inside_names = re.sub(r"(?<=[a-z0-9])_|_(?=[a-z0-9])", " ", text)
    return [match[0] for one in (text, inside_names) for match in BANNED.finditer(one)]


@pytest.mark.slow
def test_texts_use_the_words_of_the_glossary():
    found = {str(file.relative_to(ROOT)): banned_words(file.read_text("utf-8")) for file in texts()}
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(
    "planted",
    ["a picture of it", "save_pictures(x)", "the knob", "color centre", "x.warm_share", "Beside it", "normalised",
     "def judge(self):", "the user is told", "x = optimiser"],
)  # fmt: skip
def test_finds_a_banned_word(planted: str):
    assert banned_words(planted)


@pytest.mark.parametrize(
    "plain", ["an image", "swing", "lightning", "next to it", "besides", "normalize", "analysis", "realistic"]
)
def test_accepts_other_words(plain: str):
    assert banned_words(plain) == []
