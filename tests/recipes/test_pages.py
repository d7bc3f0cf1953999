"""The script of each domain, from embedded samples and from public data to a page that a browser opens."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.browser]
RECIPES = Path(__file__).parents[2] / "recipes"
QUICK = {
    "timeseries": ("cnn:gadf(size=16)", "table:summary:ridge", "pixels:gadf(size=16):ridge", "majority"),
    "audio": ("cnn:melspectrogram(size=16)", "table:duration_and_rate:extra_trees", "majority"),
    "mouse": ("cnn:trajectory(size=16)", "table:kinematic:extra_trees", "table:clock_and_screen:extra_trees"),
    "binary": ("cnn:byteplot(size=16)", "table:byte_histogram:extra_trees", "majority"),
}
EMBEDDED = {
    "timeseries": "gunpoint",
    "audio": "synthetic_sounds",
    "mouse": "synthetic_traces",
    "binary": "python_files",
}
PUBLIC = {  # a budget of some seconds: what does not fit is missing, and the page says so
    "timeseries": ("ucr/Coffee",),
    "audio": ("fsdd", "--hours", "0.005"),
    "mouse": ("balabit", "--at-most", "3", "--hours", "0.005"),
    "binary": ("cpu_rec", "--hours", "0.005"),
}


def page_of(script: str, folder: Path, *words: str) -> Path:
    command = [sys.executable, str(RECIPES / f"{script}.py"), *words, "--out", str(folder / "runs")]
    asked = [word for contender in QUICK[script] for word in ("--contender", contender)]
    done = subprocess.run([*command, *asked], cwd=folder, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    page = folder / "runs" / "report.html"
    assert f"report page: {page.resolve()}" in done.stdout
    results = [json.loads(path.read_text()) for path in (folder / "runs").glob("*/result.json")]
    assert {result["status"] for result in results} == {"ok"}
    assert {"image"} < {result["role"] for result in results}
    return page


def looked_at(page: Path, open_page) -> None:
    with open_page(page) as opened:
        opened.is_whole()
        assert opened("() => document.images.length") >= 2  # samples of two classes, as images
        cost = opened.page.locator("[aria-label^='Cost on']").first
        head = cost.locator("thead th").nth(1)
        head.get_by_role("button").click()
        told = cost.locator("tbody tr").evaluate_all("rows => rows.map(row => Number(row.runs[1].dataset.value))")
        assert len(told) >= 2
        assert told == sorted(told, reverse=head.get_attribute("aria-sort") == "descending")


@pytest.mark.parametrize("script", QUICK)
def test_embedded_samples(script, tmp_path, open_page):
    looked_at(page_of(script, tmp_path, EMBEDDED[script]), open_page)


@pytest.mark.data
@pytest.mark.parametrize("script", QUICK)
def test_public_data(script, tmp_path, data_folder, open_page):
    source, *words = PUBLIC[script]
    looked_at(page_of(script, tmp_path, str(data_folder / source), *words), open_page)
