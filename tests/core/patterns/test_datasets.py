"""Real images: published facts, and what is said when a file is missing or broken."""

import gzip
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pooch
import pytest
from PIL import Image

from neuromem.core.errors import DataError, FileFormatError, ParameterError
from neuromem.core.patterns import data_folder, digits, mnist, omniglot
from neuromem.core.patterns.datasets import _MNIST_FILES

FOLDER = os.environ.get("NEUROMEM_DATA")


def needs(path):
    there = FOLDER is not None and Path(FOLDER, path).is_dir()
    return pytest.mark.skipif(not there, reason=f"NEUROMEM_DATA names no folder that holds {path}")


# --- digits ---------------------------------------------------------------------------------


def test_digits_are_those_of_scikit_learn():
    """1797 images; class counts of the UCI test part."""
    patterns, classes = digits(labels=True)
    assert patterns.shape == (1797, 64)
    assert patterns.dtype == np.int8
    assert set(np.unique(patterns)) == {-1, 1}
    assert np.bincount(classes).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert classes[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_digits_in_grey_and_at_other_levels():
    grey = digits(images=True)
    assert grey.shape == (1797, 8, 8)
    assert grey.dtype == np.uint8
    assert (grey.min(), grey.max()) == (0, 16)
    np.testing.assert_array_equal(digits() > 0, (grey > 8).reshape(-1, 64))
    np.testing.assert_array_equal(digits(binarise=0) > 0, (grey > 0).reshape(-1, 64))
    assert (digits(binarise="median") > 0).mean(axis=0).max() <= 0.5
    with pytest.raises(ParameterError, match=r"^binarise: threshold is 'mean'; choose one of"):
        digits(binarise="mean")


def test_each_call_gives_an_array_of_its_own():
    first = digits()
    first[:] = 1
    assert digits().min() == -1


# --- mnist, omniglot: the real files ---------------------------------------------------------


@needs("mnist")
@pytest.mark.parametrize(
    ("split", "counts"),
    [
        ("train", [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        ("test", [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ],
)
def test_mnist_has_the_published_sizes_and_class_counts(split, counts):
    patterns, classes = mnist(split, labels=True)
    assert patterns.shape == (sum(counts), 784)
    assert patterns.dtype == np.int8
    assert np.bincount(classes).tolist() == counts


@needs("mnist")
def test_mnist_in_grey():
    """Mean grey level of the training images: 33.318 of 255 (0.1307, as published)."""
    grey = mnist(images=True)
    assert grey.shape == (60000, 28, 28)
    assert grey.dtype == np.uint8
    assert grey.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    grey[0] = 0  # writable
    np.testing.assert_array_equal(
        mnist("test")[:50] > 0, (mnist("test", images=True)[:50] > 127).reshape(50, 784)
    )


@needs("omniglot")
def test_omniglot_has_20_writers_of_136_characters():
    """24 Balinese, 22 Early Aramaic, 24 Greek, 40 Korean and 26 Latin characters."""
    patterns, names = omniglot(labels=True)
    assert patterns.shape == (2720, 105 * 105)
    assert patterns.dtype == np.int8
    assert set(np.unique(patterns)) == {-1, 1}
    characters, counts = np.unique(names, axis=0, return_counts=True)
    assert counts.tolist() == [20] * 136
    alphabets, sizes = np.unique(characters[:, 0], return_counts=True)
    assert dict(zip(alphabets.tolist(), sizes.tolist(), strict=True)) == {
        "Balinese": 24,
        "Early_Aramaic": 22,
        "Greek": 24,
        "Korean": 40,
        "Latin": 26,
    }
    np.testing.assert_array_equal(names, np.repeat(names[::20], 20, axis=0))
    assert (patterns > 0).mean() < 0.1  # ink, not paper


@needs("omniglot")
def test_resized_characters_keep_their_share_of_ink():
    share = (omniglot() > 0).mean()
    for size, width in ((35, 35 * 35), ((28, 21), 28 * 21)):
        small = omniglot(size=size)
        assert small.shape == (2720, width)
        assert (small > 0).mean() == pytest.approx(share, rel=0.15)
        assert (small > 0).any(axis=1).all()


# --- small fakes: formats ---------------------------------------------------------------------

PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4) * 10


def idx(array):
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(header + array.tobytes())


def png(ink):
    stream = io.BytesIO()
    Image.fromarray(~ink).save(stream, "png")
    return stream.getvalue()


def archive(entries):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name, content in entries.items():
            target.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder of two images of 3 x 4 pixels and of two characters."""
    monkeypatch.setenv("NEUROMEM_DATA", str(tmp_path))
    images, labels = (tmp_path / file.path for file in _MNIST_FILES["test"])
    images.parent.mkdir()
    images.write_bytes(idx(PIXELS))
    labels.write_bytes(idx(np.array([7, 2], np.uint8)))
    (tmp_path / "omniglot").mkdir()
    (tmp_path / "omniglot/images_background_small1.zip").write_bytes(
        archive(
            {
                "set/Greek/character02/2_01.png": png(np.eye(4, dtype=bool)),
                "set/Greek/character01/1_01.png": png(~np.eye(4, dtype=bool)),
                "__MACOSX/set/Greek/character01/._1_01.png": b"not an image",
                "set/Greek/": b"",
            }
        )
    )
    return tmp_path


def test_idx_files_are_read_row_after_row(folder):
    images, classes = mnist("test", images=True, labels=True)
    np.testing.assert_array_equal(images, PIXELS)
    assert classes.tolist() == [7, 2]
    assert classes.dtype == np.int64
    np.testing.assert_array_equal(mnist("test", binarise=100) > 0, PIXELS.reshape(2, 12) > 100)


def test_characters_are_sorted_and_ink_is_active(folder):
    patterns, names = omniglot(labels=True)
    assert names.tolist() == [["Greek", "character01"], ["Greek", "character02"]]
    np.testing.assert_array_equal(patterns[1].reshape(4, 4), 2 * np.eye(4) - 1)
    # Each 2 x 2 block of a 4 x 4 diagonal is half ink or without any.
    np.testing.assert_array_equal(omniglot(size=2)[1], [1, -1, -1, 1])
    np.testing.assert_array_equal(omniglot(size=(2, 4))[1], [1, 1, -1, -1, -1, -1, 1, 1])


def test_the_folder_is_read_at_each_call(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROMEM_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("NEUROMEM_DATA")
        else:
            monkeypatch.setenv("NEUROMEM_DATA", unset)
        assert data_folder() is None


# --- small fakes: errors ----------------------------------------------------------------------


def test_a_variable_that_names_no_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROMEM_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(
        DataError,
        match=r"^data_folder: NEUROMEM_DATA is '.*nowhere', which is no folder; set it to the "
        r"folder that holds mnist/ and omniglot/, or unset it to download them\.$",
    ):
        mnist()


@pytest.mark.parametrize(
    ("load", "path"),
    [
        (mnist, "mnist/train-images-idx3-ubyte.gz"),
        (omniglot, "omniglot/images_background_small1.zip"),
    ],
)
def test_a_missing_file_is_named_and_nothing_is_downloaded(load, path, tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROMEM_DATA", str(tmp_path))
    monkeypatch.setattr(pooch, "retrieve", lambda *_, **__: pytest.fail("downloaded"))
    with pytest.raises(DataError) as caught:
        load()
    text = str(caught.value)
    assert text.startswith(
        f"{path.split('/')[0]}: {tmp_path / path} is missing, and NEUROMEM_DATA names this folder;"
    )
    assert text.endswith("or unset NEUROMEM_DATA to download it.")
    assert "\n" not in text


def test_without_a_folder_the_published_file_is_downloaded(folder, monkeypatch):
    asked = {}

    def retrieve(url, *, known_hash, fname, path):
        asked[url] = known_hash
        assert Path(path) == Path(pooch.os_cache("neuromem")) / "mnist"
        return str(folder / "mnist" / fname)

    monkeypatch.delenv("NEUROMEM_DATA")
    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert mnist("test", images=True, labels=True)[1].tolist() == [7, 2]
    base = "https://ossci-datasets.s3.amazonaws.com/mnist/"
    assert set(asked) == {base + f"t10k-{x}-ubyte.gz" for x in ("images-idx3", "labels-idx1")}
    assert all(len(known) == len("sha256:") + 64 for known in asked.values())


@pytest.mark.parametrize("failure", [ConnectionError("no route"), ValueError("hash differs")])
def test_a_failed_download_is_one_line_with_a_way_out(failure, monkeypatch):
    def retrieve(*_, **__):
        raise failure

    monkeypatch.delenv("NEUROMEM_DATA", raising=False)
    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(
        DataError,
        match=r"^omniglot: https://github.com/brendenlake/omniglot/raw/master/python/"
        rf"images_background_small1.zip could not be downloaded \({type(failure).__name__}\); put "
        r"the file at omniglot/images_background_small1.zip in a folder of yours and set "
        r"NEUROMEM_DATA to that folder\.$",
    ):
        omniglot()


@needs("mnist")
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_hashes_are_those_of_the_published_files(split):
    for file in _MNIST_FILES[split]:
        assert pooch.file_hash(str(Path(FOLDER, file.path))) == file.sha256


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"plain text", r"cannot be read as a gzip file \(BadGzipFile"),
        (idx(PIXELS)[:-12], r"cannot be read as a gzip file \(EOFError"),
        (
            idx(PIXELS[0]),
            "begins with 0x00000802, an idx file of bytes with 3 axes with 0x00000803",
        ),
        (gzip.compress(b""), "begins with 0x, an idx file"),
        (gzip.compress(bytes((0, 0, 8, 3, 0))), r"holds 5 bytes, its header says \[\]; fetch"),
        (
            gzip.compress(gzip.decompress(idx(PIXELS))[:-1]),
            r"holds 39 bytes, its header says \[2, 3, 4\]; fetch the published file again\.$",
        ),
    ],
    ids=["no gzip", "cut short", "two axes", "empty", "no sizes", "a byte less"],
)
def test_a_broken_idx_file_is_named(content, text, folder):
    path = folder / "mnist/t10k-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=f"^mnist: {path} {text}"):
        mnist("test")


def test_images_and_labels_must_belong_together(folder):
    (folder / "mnist/t10k-labels-idx1-ubyte.gz").write_bytes(idx(np.zeros(3, np.uint8)))
    with pytest.raises(FileFormatError, match=r"holds 3 labels for 2 images; fetch both files"):
        mnist("test", labels=True)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"plain text", r"cannot be read as a zip archive of PNG images \(BadZipFile"),
        (archive({"a/b/c/x.png": b"no"}), r"cannot be read as .* \(UnidentifiedImageError"),
        (archive({"readme.txt": b""}), "holds 0 images alphabet/character"),
        (
            archive({"a/b/c/x.png": png(np.eye(2) > 0), "a/b/c/y.png": png(np.eye(3) > 0)}),
            r"holds 2 images alphabet/character/\*\.png, and they are not of one size",
        ),
    ],
)
def test_a_broken_archive_is_named(content, text, folder):
    path = folder / "omniglot/images_background_small1.zip"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=f"^omniglot: {path} {text}"):
        omniglot()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: mnist("valid"), "mnist: split is 'valid'; choose one of: train, test"),
        (lambda: omniglot(size=0), "omniglot: size is 0; give a whole number >= 1"),
        (lambda: omniglot(size=(28, 2.5)), r"omniglot: size is 2\.5; give a whole number"),
        (lambda: omniglot(size=(1, 2, 3)), r"omniglot: size is \(1, 2, 3\); give one side or"),
    ],
)
def test_bad_parameters_are_named(call, text):
    with pytest.raises(ParameterError, match=f"^{text}"):
        call()
