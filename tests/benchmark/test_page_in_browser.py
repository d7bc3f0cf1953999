"""The page as a reader has it: opened from disk in headless Chromium, judged by the DevTools protocol."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from img_repr.benchmark.contender import CnnContender, Contender, PixelsContender
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.report.page import write_report
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.dataset import Dataset
from img_repr.domains.timeseries.sample import TIMESERIES

pytestmark = pytest.mark.browser
SMALL = {"encoder": "gadf", "parameters": {"size": 8}}
BRIEF = {"epochs": 2, "min_steps": 0, "validation_fraction": 0.3}
CONTENDERS = (
    CnnContender(**SMALL, training=BRIEF),
    Contender.parse("table:summary:ridge"),
    Contender.parse("table:raw:1nn"),
    PixelsContender(**SMALL, learner="ridge"),
    Contender.parse("majority"),
)
BROKEN = CnnContender(**SMALL, training={"weights": "nowhere.safetensors"}, name="CNN that finds no weights")
PHONE, PAPER = {"width": 390, "height": 844}, {"width": 702, "height": 1017}  # of A4 without its margins, in CSS pixels


def waves(name: str, seed: int) -> Dataset:
    random = np.random.default_rng(seed)
    fast = np.arange(36) % 2
    series = np.sin(2 * np.pi * (2 + fast[:, None]) * np.linspace(0, 1, 40)) + random.normal(scale=1.2, size=(36, 40))
    parts = np.where(np.arange(36) < 16, "train", "test")
    return Dataset(name, TIMESERIES, series, np.where(fast, "fast", "slow"), split=parts)


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """A page of real records of six data sets, and one of two with a failure and a gap, whose names are unkind."""
    folder = tmp_path_factory.mktemp("pages")
    sets = [waves(f"waves {number}", number) for number in range(6)]
    whole = Recipe("whole", tuple(one.name for one in sets), CONTENDERS[1:4])
    run_benchmark(whole, folder / "whole", datasets=sets)
    unkind = replace(sets[0], name='a "very" <long> name & an-unbreakable-' + "x" * 60)
    holes = Recipe("holes", (unkind.name, sets[1].name), (*CONTENDERS, BROKEN), seeds=(0, 1))
    run_benchmark(holes, folder / "holes", datasets=[unkind, sets[1]])
    shutil.rmtree(min((folder / "holes").glob("?" * 16)))
    return {name: write_report(folder / name, folder / f"{name}.html") for name in ("whole", "holes")}


@pytest.mark.parametrize("name", ["whole", "holes"])
def test_the_page_asks_nobody_and_complains_of_nothing(open_page, pages, name):
    with open_page(pages[name]) as opened:
        opened.is_whole()
        assert opened("() => document.images.length") >= 4
        drawn = opened("() => Array.from(document.querySelectorAll('.plot > svg')).map(one => one.clientHeight)")
        assert len(drawn) >= 5
        assert min(drawn) > 40


def test_a_click_sorts_numbers_as_numbers_and_words_as_words(open_page, pages):
    with open_page(pages["holes"]) as opened:
        cost = opened.page.locator("[aria-label^='Cost on']").first
        column = "rows => rows.map(row => row.runs[{0}] ? row.runs[{0}].dataset.value : null)"
        rows = cost.locator("tbody tr")
        for number in range(1, cost.locator("thead th").count()):
            head = cost.locator("thead th").nth(number)
            for direction, sign in (("descending", -1), ("ascending", 1), ("descending", -1)):
                head.get_by_role("button").click()
                assert head.get_attribute("aria-sort") == direction
                assert cost.locator("[aria-sort]").count() == 1
                told = rows.evaluate_all(column.format(number))
                known = [float(value) for value in told if value not in (None, "nan")]
                assert known == sorted(known, key=lambda value: sign * value)
                assert told[: len(known)] == [value for value in told if value not in (None, "nan")]  # gaps come last
        head = cost.locator("thead th").first
        for direction in ("ascending", "descending"):
            head.get_by_role("button").press("Enter")  # by the keyboard too
            assert head.get_attribute("aria-sort") == direction
            names = rows.evaluate_all("rows => rows.map(row => row.runs[0].textContent.toLowerCase())")
            assert names == sorted(names, reverse=direction == "descending")
        assert rows.count() == len(CONTENDERS) + 2  # the one that fails, and what image and table give together


@pytest.mark.parametrize("name", ["whole", "holes"])
def test_a_phone_scrolls_tables_and_not_the_page(open_page, pages, name):
    with open_page(pages[name], viewport=PHONE, is_mobile=True, has_touch=True, device_scale_factor=2) as opened:
        opened("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert opened("() => [document.documentElement.scrollWidth, window.innerWidth]") == [390, 390]
        assert opened("() => Array.from(document.querySelectorAll('table')).every(one => one.closest('.scroll'))")
        letters = opened(
            "() => Array.from(document.querySelectorAll('p, td, li'))"
            ".map(one => parseFloat(getComputedStyle(one).fontSize))"
        )
        assert min(letters) >= 11
        fingers = opened(
            "() => Array.from(document.querySelectorAll('summary')).map(one => one.getBoundingClientRect().height)"
        )
        assert min(fingers) >= 20


@pytest.mark.parametrize("name", ["whole", "holes"])
def test_paper_shows_everything_and_cuts_nothing(open_page, pages, name):
    with open_page(pages[name], viewport=PAPER) as opened:
        assert opened("() => document.querySelectorAll('details:not([open])').length") > 0
        opened("() => window.dispatchEvent(new Event('beforeprint'))")
        opened.page.emulate_media(media="print")
        assert opened("() => document.querySelectorAll('details:not([open])').length") == 0
        wide = opened(
            "() => Array.from(document.querySelectorAll('table, svg, pre')).map(one => one.getBoundingClientRect())"
            f".filter(box => box.right > {PAPER['width']} + 1).length"
        )
        assert wide == 0
        opened("() => window.dispatchEvent(new Event('afterprint'))")
        assert opened("() => document.querySelectorAll('details[open]').length") == 0
        printed = opened.page.pdf(format="A4")
        assert printed.startswith(b"%PDF-")
        assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") > 2


@pytest.mark.parametrize("name", ["whole", "holes"])
def test_a_screen_reader_is_told_what_there_is(open_page, pages, name):
    with open_page(pages[name]) as opened:
        named: dict[str, list[str]] = {}
        for node in opened.told():
            named.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", "").strip())
        for role in (
            "image",
            "button",
            "link",
            "region",
            "table",
            "heading",
            "columnheader",
            "rowheader",
            "navigation",
        ):
            assert named[role], role
            assert all(named[role]), role
        for landmark in ("main", "banner", "contentinfo", "navigation"):
            assert len(named[landmark]) == 1, landmark
        assert "RootWebArea" in named
        assert opened("() => document.documentElement.lang") == "en"
        levels = opened(
            "() => Array.from(document.querySelectorAll('h1, h2, h3, h4')).map(one => Number(one.tagName[1]))"
        )
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert max(np.diff(levels)) == 1
        heads = opened(
            "() => Array.from(document.querySelectorAll('th')).every(one => one.scope === 'col' || one.scope === 'row')"
        )
        assert heads
        captions = opened("() => Array.from(document.querySelectorAll('table')).map(one => one.caption?.textContent)")
        assert all(caption and caption.strip() for caption in captions)
        opened.page.keyboard.press("Tab")  # the first stop leads past everything that repeats
        assert opened("() => document.activeElement.getAttribute('href')") == "#main"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_by_day_and_by_night(open_page, pages, scheme):
    with open_page(pages["holes"], color_scheme=scheme) as opened:
        read = "one => getComputedStyle(one).{}.match(/[0-9.]+/g).slice(0, 3).map(Number)"
        paper = luminance(opened.page.locator("body").evaluate(read.format("backgroundColor")))
        assert (paper > 0.5) == (scheme == "light")
        for part in ("body", ".soft", "caption", ".bad", ".verdicts strong", "td small"):
            ink = luminance(opened.page.locator(part).first.evaluate(read.format("color")))
            assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5, part  # WCAG 2.2, level AA


def luminance(color: list[float]) -> float:
    """Relative luminance of an sRGB color, by WCAG."""
    share = np.array(color) / 255.0
    return float(np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])
