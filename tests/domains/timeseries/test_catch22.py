"""The 22 canonical features against the authors' program (see tests/golden/make_series_tables.py)."""

from pathlib import Path

import numpy as np
import pytest

from img_repr.domains.timeseries.catch22 import NAMES, catch22

GOLDEN = Path(__file__).parents[2] / "golden" / "catch24.npz"
PUBLISHED = {
    "mode_5": "DN_HistogramMode_5",
    "mode_10": "DN_HistogramMode_10",
    "outlier_timing_pos": "DN_OutlierInclude_p_001_mdrmd",
    "outlier_timing_neg": "DN_OutlierInclude_n_001_mdrmd",
    "acf_timescale": "CO_f1ecac",
    "acf_first_min": "CO_FirstMin_ac",
    "low_freq_power": "SP_Summaries_welch_rect_area_5_1",
    "centroid_freq": "SP_Summaries_welch_rect_centroid",
    "forecast_error": "FC_LocalSimple_mean3_stderr",
    "whiten_timescale": "FC_LocalSimple_mean1_tauresrat",
    "high_fluctuation": "MD_hrv_classic_pnn40",
    "stretch_high": "SB_BinaryStats_mean_longstretch1",
    "stretch_decreasing": "SB_BinaryStats_diff_longstretch0",
    "entropy_pairs": "SB_MotifThree_quantile_hh",
    "ami2": "CO_HistogramAMI_even_2_5",
    "trev": "CO_trev_1_num",
    "ami_timescale": "IN_AutoMutualInfoStats_40_gaussian_fmmi",
    "transition_variance": "SB_TransitionMatrix_3ac_sumdiagcov",
    "periodicity": "PD_PeriodicityWang_th0_01",
    "embedding_dist": "CO_Embed2_Dist_tau_d_expfit_meandiff",
    "rs_range": "SC_FluctAnal_2_rsrangefit_50_1_logi_prop_r1",
    "dfa": "SC_FluctAnal_2_dfa_50_1_2_logi_prop_r1",
}
ON_AN_EDGE = {("embedding_dist", 17)}  # integers whose distances lie on edges of bins: rounding decides


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_feature_is_the_published_programs(name: str) -> None:
    golden = np.load(GOLDEN)
    expected = golden["values"][:, golden["names"].tolist().index(PUBLISHED[name])]
    series = np.split(golden["flat"], np.cumsum(golden["lengths"])[:-1])
    found = np.array([catch22(one[None])[0, NAMES.index(name)] for one in series])
    judged = np.array([(name, number) not in ON_AN_EDGE for number in range(len(series))])
    np.testing.assert_allclose(found[judged], expected[judged], rtol=1e-7, atol=1e-8)


def test_rows_do_not_depend_on_their_neighbors(walks: np.ndarray) -> None:
    alone = np.concatenate([catch22(one[None]) for one in walks])
    np.testing.assert_allclose(catch22(walks), alone, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("length", [2, 5, 9, 10, 11, 12, 13, 25])
def test_short_series_have_numbers(length: int, random: np.random.Generator) -> None:
    table = catch22(random.normal(size=(30, length)))
    assert table.shape == (30, 22)
    assert np.isfinite(table).all()
    assert table.any() == (length >= 10)


def test_constant_series_are_zero_and_leave_others_alone(walks: np.ndarray) -> None:
    mixed = np.concatenate([np.full((1, 97), 1e6 / 3), walks[:2]])
    assert not catch22(mixed)[0].any()
    np.testing.assert_allclose(catch22(mixed)[1:], catch22(walks[:2]), rtol=1e-9, atol=1e-11)


def test_offset_and_gain_do_not_matter(walks: np.ndarray) -> None:
    np.testing.assert_allclose(catch22(2.0**10 * walks), catch22(walks), rtol=1e-9, atol=1e-11)
