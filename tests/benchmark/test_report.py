"""The report page: what it says, and that it says what is on disk.

The reason for its length: one page, of which all parts are made of the same few records.
"""

import hashlib
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.evaluation.confident_errors import confusion, most_confident_errors
from img_repr.benchmark.evaluation.ranking import rank_contenders
from img_repr.benchmark.evaluation.score import within
from img_repr.benchmark.evaluation.statistics import sign_flip_exact
from img_repr.benchmark.evaluation.tables import read_results
from img_repr.benchmark.evaluation.verdict import headline, reach_verdicts
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.report.page import write_report
from img_repr.benchmark.result import SCHEMA
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.errors import ResultError
from img_repr.core.json_file import read_json, write_json

VOID = {"meta", "br", "wbr", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """Checks that elements nest, collects ids, outside addresses and images without words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.outside: list[str] = []
        self.mute = 0
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids += [values["id"]] if "id" in values else []
        for word in ("src", "href", "xlink:href"):
            address = values.get(word) or "#"
            self.outside += [] if address.startswith(("#", "data:image/png;base64,")) else [address]
        self.mute += tag == "img" and not values.get("alt")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def page_of(runs_folder) -> str:
    return write_report(runs_folder, runs_folder / "report.html").read_text("utf-8")


def test_the_page_is_whole_and_asks_nothing_of_anybody(recipe, waves, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    text = page_of(runs_folder)
    page = Page(text)
    assert page.outside == []
    assert len(page.ids) == len(set(page.ids))
    assert page.mute == 0
    assert "@import" not in text
    assert text.count("<script") == 1
    assert "Training curves" not in text  # these learners are none


def test_the_page_says_the_numbers_on_disk(recipe, waves, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    (row,) = read_results(runs_folder).rows
    (verdict,) = reach_verdicts([row])
    rights = [score.good for score in row.scores.values()]
    first = sum(record.right.astype(int) for record in rights[0])
    assert verdict.comparison.difference == pytest.approx((first / 2).mean() - rights[1][0].right.mean())
    assert verdict.p == sign_flip_exact(first - 2 * rights[1][0].right)
    text = page_of(runs_folder)
    for score in row.scores.values():
        assert f"{score.accuracy:.3f}" in text
    assert headline([verdict]) in text


@pytest.mark.slow
def test_the_page_knows_no_torch(recipe, waves, runs_folder, tmp_path):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    code = (
        "import sys; from img_repr.benchmark.report.page import write_report; "
        f"write_report({str(runs_folder)!r}, {str(tmp_path / 'page.html')!r}); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_failures_gaps_and_corrupt_records_are_told(recipe, waves, runs_folder, failing):
    run_benchmark(replace(recipe, contenders=(*recipe.contenders, failing)), runs_folder, datasets=[waves])
    results_table = read_results(runs_folder)
    lost, broken = results_table.rows[0].scores["CNN on gadf"].records
    shutil.rmtree(lost.folder)
    (broken.folder / "preds.npz").write_bytes(b"")
    text = page_of(runs_folder)
    assert "unlucky on waves failed in 2 of 2 runs, in stage fit: TrainingError: failing: expected luck" in text
    assert f"Left out, cannot be used: record {broken.folder.name}" in text
    assert "2 planned runs are missing" in text
    assert "No verdict on waves." in text
    assert read_results(runs_folder).rows[0].best == set()


def test_a_partial_primary_is_provisional(recipe, waves, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    shutil.rmtree(read_results(runs_folder).rows[0].scores["CNN on gadf"].records[1].folder)
    (verdict,) = reach_verdicts(read_results(runs_folder).rows)
    assert verdict.comparison is not None
    assert "provisional" in verdict.reason


def test_the_rule_decides_when_the_data_do(image, table, runs_folder, waves):
    scrambled = replace(image, make=lambda seed: _Scrambled(image.make(seed)), name="scrambled")
    run_benchmark(Recipe("worse", ("waves",), (scrambled, table)), runs_folder, datasets=[waves])
    (verdict,) = reach_verdicts(read_results(runs_folder).rows)
    assert verdict.outcome == "hurts"
    assert verdict.title == "The image does not help on waves."


class _Scrambled:
    """The same learner, taught wrong labels."""

    def __init__(self, learner) -> None:
        self.learner = learner

    def fit(self, pixels, labels):
        self.learner.fit(pixels, np.where(labels == "fast", "slow", "fast"))
        self.classes_ = self.learner.classes_
        return self

    def predict_proba(self, pixels):
        return self.learner.predict_proba(pixels)


def test_across_data_sets_seeds_and_splits_are_averaged_first(recipe, waves, runs_folder):
    more = replace(waves, name="more", samples=waves.samples[::-1].copy(), labels=waves.labels[::-1].copy())
    run_benchmark(replace(recipe, datasets=("waves", "more"), resamples=3), runs_folder, datasets=[waves, more])
    results_table = read_results(runs_folder)
    verdicts = reach_verdicts(results_table.rows)
    assert all("corrected resampled t-test over 3 splits" in verdict.reason for verdict in verdicts)
    assert all("after Holm over 2 data sets" in verdict.reason for verdict in verdicts)
    text = page_of(runs_folder)
    assert "smallest possible p is 0.5" in text
    assert "Mean rank" in text


def test_folders_merge_by_copying(recipe, waves, runs_folder, tmp_path):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    run_benchmark(replace(recipe, seeds=(2,), name="elsewhere"), tmp_path / "other", datasets=[waves])
    shutil.copytree(tmp_path / "other", runs_folder, dirs_exist_ok=True)
    scores = read_results(runs_folder).rows[0].scores
    assert len(scores["CNN on gadf"].good) == 3
    assert [score.planned for score in scores.values()] == [3, 2, 3]  # the last is what both give together


def rewrite(path: Path, change: Callable[[dict], None]) -> None:
    """Change a JSON file of a record as if it had been written so."""
    value = read_json(path, {}, format=SCHEMA)
    change(value)
    write_json(path, value, format=SCHEMA)
    if path.name in ("env.json", "spec.json"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        rewrite(path.with_name("result.json"), lambda result: result["sha256"].update({path.name: digest}))


def table_of(text: str, label: str) -> str:
    """Part of the page with the table that is called so."""
    begins = text.index(f'aria-label="{label}"')
    return text[begins : text.index("</table>", begins)]


def test_costs_are_told_with_what_they_were_taken_on(recipe, waves, runs_folder):
    run_benchmark(
        replace(recipe, contenders=(*recipe.contenders, Contender.parse("table:summary:ridge"))),
        runs_folder,
        datasets=[waves],
    )
    text = page_of(runs_folder)
    row = read_results(runs_folder).rows[0]
    cost = table_of(text, "Cost on waves")
    for score in row.scores.values():
        assert f'data-value="{score.cost_ms}"' in cost
        assert f'data-value="{score.largest("warmup_s")}"' in cost
    ridge = row.scores["ridge on summary"]
    assert f'data-value="{ridge.mean("encode_ms_per_item") / 1000}"' in cost
    assert math.isnan(row.scores["CNN on gadf"].mean("encode_ms_per_item"))  # this one offers no such thing
    assert "Device, reserved" not in cost
    assert ">4, 1 at a time<" in text
    assert f"Calibration</dt><dd>{1000 * ridge.good[0].env['calibration_s']:.3g}\N{NO-BREAK SPACE}ms" in text


def test_records_of_before_are_shown_with_dashes(recipe, waves, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    new = ("warmup_s", "encode_s", "encode_ms_per_item", "n_parallel", "peak_gpu_allocated_mb", "peak_gpu_reserved_mb")
    for folder in runs_folder.glob("?" * 16):
        rewrite(folder / "result.json", lambda result: [result.pop(name, None) for name in new])
        rewrite(folder / "env.json", lambda env: env.pop("calibration_s"))
    text = page_of(runs_folder)
    assert table_of(text, "Cost on waves").count(">\N{EM DASH}<") >= 6  # two of each contender at the least
    assert "Calibration</dt><dd>not measured" in text


def test_times_that_do_not_compare_are_told(recipe, waves, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    assert "costs compare only roughly" not in page_of(runs_folder)
    folder = next(runs_folder.glob("?" * 16))
    rewrite(folder / "env.json", lambda env: env.update(device="another", calibration_s=3 * env["calibration_s"]))
    rewrite(folder / "result.json", lambda result: result.update(n_parallel=8))
    said = "on 2 kinds of machine and with 1 or 8 runs at a time and at speeds that differ by a factor of 3.0"
    assert said in page_of(runs_folder)


def test_images_that_lay_in_the_cache_are_told(recipe, waves, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    folder = next(runs_folder.glob("?" * 16))
    rewrite(folder / "result.json", lambda result: result["record"].update(images=["memory", "disk_reused"]))
    assert "1 run was trained on cached images: the fit time excludes encoding" in page_of(runs_folder)


def test_the_front_compares_over_splits_that_all_have(recipe, waves, runs_folder, random):
    image, table = recipe.contenders
    waves = replace(waves, samples=waves.samples + random.normal(scale=1.5, size=waves.samples.shape))
    run_benchmark(replace(recipe, contenders=(image,), seeds=(0,)), runs_folder, datasets=[waves])
    more = replace(recipe, name="more", contenders=(table,), split="resample", resamples=3)
    run_benchmark(more, runs_folder, datasets=[waves])
    (row,) = read_results(runs_folder).rows
    assert len(row.scores[table.name].by_split) == 3
    text = page_of(runs_folder)
    first = within(row.scores[table.name], set(row.scores[image.name].by_split))
    assert first.value != row.scores[table.name].value
    assert f"{table.name} {first.value:.3f} for " in text


def test_costs_are_told_where_no_split_is_shared(recipe, waves, runs_folder):
    image, table = recipe.contenders
    waves = replace(waves, times=np.arange(len(waves)))
    run_benchmark(replace(recipe, contenders=(image,), split="time"), runs_folder, datasets=[waves])
    run_benchmark(
        replace(recipe, name="more", contenders=(table,), split="time", test_size=0.5), runs_folder, datasets=[waves]
    )
    text = page_of(runs_folder)
    assert "No plot: the contenders have no split in common." in text
    assert 'aria-label="Cost on waves"' in text
    assert "against milliseconds per sample" not in text


def test_leaks_of_a_plan_stand_on_top(recipe, waves, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    (plan,) = (runs_folder / "plans").glob("*.json")
    rewrite(plan, lambda value: value["datasets"][0].update(leaks=["3 test samples are <i>copies</i>."]))
    text = page_of(runs_folder)
    assert text.index("waves: 3 test samples are &lt;i&gt;copies") < text.index("<h2")


def test_failed_runs_are_marked_in_every_table(recipe, waves, runs_folder, failing):
    sometimes = replace(failing, features="summary", fails=False, name="sometimes")
    groups = np.array([f"g{number // 2}" for number in range(60)])
    labels = np.repeat(waves.labels[::2], 2)
    waves = replace(waves, groups=groups, labels=labels)
    run_benchmark(replace(recipe, contenders=(*recipe.contenders, failing, sometimes)), runs_folder, datasets=[waves])
    score = read_results(runs_folder).rows[0].scores["sometimes"]
    error = {"class": "MemoryError", "message": "full", "stage": "fit", "where": "here.py:1"}
    rewrite(score.records[1].folder / "result.json", lambda result: result.update(status="failed", error=error))
    text = page_of(runs_folder)
    for label in ("Scores of every contender on every data set", "Scores on waves", "Cost on waves",
                  "Decisions on whole groups of waves"):  # fmt: skip
        assert table_of(text, label).count('<small class="bad">2 of 2 failed</small>') == 1, label
        assert table_of(text, label).count('<small class="bad">1 of 2 failed</small>') == 1, label
    assert 'unlucky: <span class="bad">2 of 2 failed, not plotted</span>' in text
    Page(text)


@pytest.mark.slow
def test_six_data_sets_have_a_diagram_and_fewer_are_told_why_not(recipe, waves, runs_folder, tmp_path, failing, random):
    sets = [replace(waves, name=name, samples=waves.samples + random.normal(size=(60, 40))) for name in "abcdef"]
    recipe = replace(recipe, datasets=tuple("abcdef"), seeds=(0,))
    run_benchmark(recipe, runs_folder, datasets=sets)
    text = page_of(runs_folder)
    assert 'aria-label="Critical-difference diagram. Mean ranks over 6 data sets: ' in text
    (pair,) = rank_contenders(read_results(runs_folder).rows).pairs
    assert f'<td data-value="{pair.p}">' in table_of(text, "Every two contenders over all data sets")
    assert "Mean rank against the geometric mean of the cost over 6 data sets" in text
    Page(text)
    run_benchmark(replace(recipe, datasets=tuple("abcde"), name="fewer"), tmp_path / "fewer", datasets=sets)
    text = page_of(tmp_path / "fewer")
    assert "with 5 data sets no signed-rank test reaches 0.05; 6 are needed" in text
    assert 'aria-label="Critical-difference' not in text
    gap = replace(recipe, datasets=("a", "b"), contenders=(*recipe.contenders, failing), name="gap")
    run_benchmark(gap, tmp_path / "gap", datasets=sets)
    text = page_of(tmp_path / "gap")
    assert "no critical-difference diagram: the grid is not complete: unlucky on a (1 of 1 failed)" in text


def test_without_a_plan_the_records_speak(recipe, waves, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    shutil.rmtree(runs_folder / "plans")
    assert "missing runs are unknown" in page_of(runs_folder)


def test_mistakes_are_those_of_the_predictions(recipe, waves, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    score = read_results(runs_folder).rows[0].scores["CNN on gadf"]
    matrix = confusion(score)
    assert matrix.counts.sum() == 40
    assert np.trace(matrix.counts) / 40 == pytest.approx(score.accuracy)
    for one in most_confident_errors(score):
        assert waves.labels[one.index] == one.truth != one.predicted
    surest = [one.probability for one in most_confident_errors(score)]
    assert surest == sorted(surest, reverse=True)


def test_names_from_data_cannot_inject(recipe, waves, runs_folder):
    evil = replace(waves, name="<script>alert(1)</script>")
    run_benchmark(replace(recipe, datasets=(evil.name,)), runs_folder, datasets=[evil])
    text = page_of(runs_folder)
    assert "<script>alert" not in text
    Page(text)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(ResultError, match="expected results in"):
        write_report(tmp_path, tmp_path / "page.html")


@pytest.mark.data
def test_gunpoint_from_the_public_folder(data_folder, image, table, runs_folder):
    path = str(data_folder / "ucr" / "GunPoint")
    results = run_benchmark(Recipe("gunpoint", (path,), (image, table)), runs_folder)
    assert [result["n_test"] for result in results] == [150, 150]
    assert "Published accuracies" in page_of(runs_folder)
