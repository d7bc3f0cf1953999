"""Exports: what other programs read back is what was encoded."""

import gc
import io
import json
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from img_repr.core import exports as module
from img_repr.core.bulk import write_shards
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError, ResultError
from img_repr.core.exports import KINDS, as_image, export
from img_repr.core.naming import get_encoder
from img_repr.core.shards import read_shards
from img_repr.domains.timeseries.sample import TIMESERIES, make_series


@pytest.fixture
def data():
    return Dataset(
        "toy", TIMESERIES, make_series(10), np.array(["up", "größe"] * 5), groups=np.arange(10) // 3,
        names=np.array([f"day {i}" for i in range(10)]), genuine=np.arange(10) < 9, elapsed_s=np.arange(10) / 4,
        split=np.array(["train"] * 8 + ["test"] * 2),
    )  # fmt: skip


@pytest.fixture
def folder(data, tmp_path):
    return write_shards(get_encoder("gadf", size=8), data, tmp_path / "set", per_shard=4)


def of(labels, tmp_path, encoder="gadf"):
    data = Dataset("toy", TIMESERIES, make_series(len(labels)), np.array(labels))
    return write_shards(get_encoder(encoder, size=8), data, tmp_path / "set")


def pixels_of(content):
    return np.asarray(Image.open(io.BytesIO(content)))


# ---- PNG


def test_pngs_lie_by_label_whatever_is_in_it(tmp_path):
    labels = ["plain", "a/b", "../up", "..", " ", "größe 1", "C:\\x", "a.b-c_d", "."]
    folder = of(labels, tmp_path)
    assert export(folder, "png") == folder / "png"
    files = sorted(path.relative_to(folder / "png").as_posix() for path in (folder / "png").rglob("*.png"))
    assert sorted(files, key=lambda name: name[-10:]) == [
        "plain/000000.png", "a_b/000001.png", "_up/000002.png", "_/000003.png", "_~2/000004.png", "größe_1/000005.png",
        "C__x/000006.png", "a.b-c_d/000007.png", "_~3/000008.png",
    ]  # fmt: skip
    assert set(tmp_path.rglob("*.png")) == {folder / "png" / name for name in files}


@pytest.mark.parametrize("first", ["a/b", "a b", "a\nb", "a\u2028b", "A_B"])
def test_every_label_has_its_own_folder(tmp_path, first):
    export(folder := of([first, "a_b", "a_b"], tmp_path), "png")
    shown = {path.name: path.parent.name for path in folder.rglob("*.png")}
    assert shown["000001.png"] == shown["000002.png"]
    assert shown["000000.png"].casefold() != shown["000001.png"].casefold()


@pytest.mark.parametrize("names", ["gadf", "gadf+mtf", "gadf+mtf+recurrence"])
def test_a_png_holds_the_pixels(tmp_path, names):
    export(folder := of(["x", "x"], tmp_path, names), "png")
    with Image.open(folder / "png" / "x" / "000001.png") as pil_image:
        pixels = np.asarray(pil_image)
    image = read_shards(folder)[0][1]
    np.testing.assert_array_equal(pixels, as_image(image))
    assert pixels.shape == {1: (8, 8), 2: (8, 16), 3: (8, 8, 3)}[len(image)]
    if len(image) == 3:
        np.testing.assert_array_equal(pixels[..., 1], image[1])


def test_without_labels_pngs_lie_in_one_folder(tmp_path):
    folder = write_shards(get_encoder("gadf", size=8), Dataset("toy", TIMESERIES, make_series(3)), tmp_path / "set")
    export(folder, "png")
    assert sorted(path.name for path in (folder / "png").iterdir()) == ["000000.png", "000001.png", "000002.png"]


# ---- Parquet


def test_parquet_has_images_with_all_that_is_known(folder, data, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(module, "_AT_ONCE", 3)  # rows of a group
    files = sorted(export(folder, "parquet").iterdir())
    assert [file.name for file in files] == [f"images-0000{number}-of-00003.parquet" for number in range(3)]
    assert parquet.ParquetFile(files[0]).metadata.num_row_groups == 2
    rows = parquet.read_table(folder / "parquet").to_pylist()
    images = np.concatenate(read_shards(folder))
    assert len(rows) == 10
    for number, row in enumerate(rows):
        np.testing.assert_array_equal(pixels_of(row["image"]["bytes"]), images[number, 0])
        assert row | {"image": row["image"]["path"]} == {
            "image": f"{number:06d}.png", "label": data.labels[number], "group": number // 3, "name": f"day {number}",
            "genuine": number < 9, "elapsed_s": number / 4, "split": "test" if number > 7 else "train",
        }  # fmt: skip


def test_parquet_has_metadata_for_hugging_face(folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    schemas = [parquet.read_schema(file) for file in export(folder, "parquet").iterdir()]
    assert all(schema.equals(schemas[0], check_metadata=True) for schema in schemas)
    features = json.loads(schemas[0].metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schemas[0].names
    assert features["image"] == {"_type": "Image"}
    assert features["label"] == {"dtype": "string", "_type": "Value"}
    for name in set(features) - {"image"}:
        assert features[name]["dtype"] == {"double": "float64"}.get(str(schemas[0].field(name).type)) or str(
            schemas[0].field(name).type
        )


def test_missing_pyarrow_names_the_extra(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(
        ParameterError, match=r"parquet: expected the package pyarrow.*pip install 'img-repr\[exports\]'"
    ):
        export(folder, "parquet")
    assert not (folder / "parquet").exists()


# ---- WebDataset


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_webdataset_reads_its_files(folder, data):
    webdataset = pytest.importorskip("webdataset")
    files = sorted(map(str, export(folder, "webdataset").iterdir()))
    assert [file.rpartition("/")[2] for file in files] == [f"images-00000{number}.tar" for number in range(3)]
    found = list(webdataset.WebDataset(files, shardshuffle=False).decode("rgb8"))
    gc.collect()  # it leaves files open
    images = np.concatenate(read_shards(folder))
    assert [one["__key__"] for one in found] == [f"{number:06d}" for number in range(10)]
    for number, one in enumerate(found):
        np.testing.assert_array_equal(one["png"], np.repeat(images[number, 0][..., None], 3, axis=-1))
        assert one["cls"] == ("größe", "up").index(data.labels[number])
        assert one["json"]["label"] == data.labels[number]
        assert one["json"]["name"] == f"day {number}"


def test_a_tar_is_the_same_whenever_it_is_written(folder, tmp_path):
    first = {path.name: path.read_bytes() for path in export(folder, "webdataset").iterdir()}
    (folder / "webdataset").rename(tmp_path / "old")
    with ThreadPoolExecutor(2) as pool:
        again = {path.name: path.read_bytes() for path in export(folder, "webdataset", executor=pool).iterdir()}
    assert again == first
    with tarfile.open(tmp_path / "old" / "images-000000.tar") as file:
        assert file.getnames()[:4] == ["000000.cls", "000000.json", "000000.png", "000001.cls"]


def test_exports_without_labels_have_no_class(tmp_path):
    folder = write_shards(get_encoder("gadf", size=8), Dataset("toy", TIMESERIES, make_series(1)), tmp_path / "set")
    with tarfile.open(export(folder, "webdataset") / "images-000000.tar") as file:
        assert file.getnames() == ["000000.json", "000000.png"]


# ---- all


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_leaves_nothing_and_the_images_as_they_were(folder, kind, monkeypatch):
    pytest.importorskip("pyarrow")
    before = {path.name for path in folder.iterdir()}
    real = module.as_image
    left = [6]

    def failing(image):
        left[0] -= 1
        if not left[0]:
            raise OSError("no room")
        return real(image)

    with monkeypatch.context() as patch:
        patch.setattr(module, "as_image", failing)
        with pytest.raises(DataError, match="expected a folder that can be written, got: no room"):
            export(folder, kind)
    assert {path.name for path in folder.iterdir()} == before
    place = export(folder, kind)
    written = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    assert export(folder, kind) == place  # what is there stays
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == written
    assert len(read_shards(folder, check=True)) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_something_else_is_refused(tmp_path, kind):
    pytest.importorskip("pyarrow")
    with pytest.raises(ResultError, match="expected a folder of encoded images"):
        export(tmp_path, kind)
    assert list(tmp_path.iterdir()) == []


def test_a_kind_that_there_is_not_is_refused(folder):
    with pytest.raises(ParameterError, match="export: expected one of png, parquet, webdataset, got 'zarr'"):
        export(folder, "zarr")


# ---- damage


def flipped(path, place=-5):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: flipped(folder / "shard-00001.npy"),
        lambda folder: flipped(folder / "samples.json", 40),
        lambda folder: flipped(folder / "manifest.json", 40),
        lambda folder: (folder / "shard-00002.npy").unlink(),
        lambda folder: (folder / "samples.json").unlink(),
        lambda folder: (folder / "shard-00000.npy").write_bytes((folder / "shard-00000.npy").read_bytes()[:300]),
        lambda folder: (folder / "manifest.json").write_text("[" * 100_000),
        lambda folder: (folder / "samples.json").write_text('{"labels": []}'),
    ],
)
def test_a_damaged_folder_is_not_exported(folder, kind, damage):
    pytest.importorskip("pyarrow")
    damage(folder)
    with pytest.raises(ResultError, match="expected"):
        export(folder, kind)
    assert not (folder / kind).exists()


def test_samples_of_another_folder_are_not_believed(folder, data, tmp_path):
    other = write_shards(get_encoder("gadf", size=8), replace(data, labels=data.labels[::-1]), tmp_path / "other")
    (folder / "samples.json").write_bytes((other / "samples.json").read_bytes())
    with pytest.raises(ResultError, match=r"samples.json: expected the bytes that were written"):
        export(folder, "png")


@pytest.mark.parametrize("kind", KINDS)
def test_exports_labels_that_are_not_utf8_or_long(tmp_path, kind):
    pytest.importorskip("pyarrow")
    place = export(of(["cl\udcff", "n" * 300, "n" * 301], tmp_path), kind)
    if kind == "png":
        assert len(list(place.iterdir())) == 3
    if kind == "webdataset":
        with tarfile.open(place / "images-000000.tar") as file:
            assert json.load(file.extractfile("000000.json"))["label"] == "cl\udcff"
