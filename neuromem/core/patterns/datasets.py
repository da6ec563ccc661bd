"""Real images as patterns: digits (always there), MNIST and Omniglot (local, or downloaded).

MNIST and Omniglot are read from the folder that the variable ``NEUROMEM_DATA`` names. Without
the variable they are downloaded once, checked against the published file, and kept in the cache
of the operating system.
"""

from __future__ import annotations

import gzip
import io
import os
import zipfile
import zlib
from pathlib import Path
from typing import Literal, NamedTuple, overload

import numpy as np

from neuromem.core.codes import Array
from neuromem.core.errors import DataError, FileFormatError, ParameterError, one_of, whole_number
from neuromem.core.patterns.images import binarise as cut

VARIABLE = "NEUROMEM_DATA"

Threshold = float | Literal["median", "otsu"]


class Published(NamedTuple):
    """One published file: where it lies in the data folder, its address, its SHA-256."""

    path: str
    base: str
    sha256: str

    @property
    def url(self) -> str:
        """The address to download from."""
        return self.base + self.path.rpartition("/")[2]


_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_MNIST_FILES = {
    "train": (
        Published(
            "mnist/train-images-idx3-ubyte.gz",
            _MNIST,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        Published(
            "mnist/train-labels-idx1-ubyte.gz",
            _MNIST,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
    ),
    "test": (
        Published(
            "mnist/t10k-images-idx3-ubyte.gz",
            _MNIST,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        Published(
            "mnist/t10k-labels-idx1-ubyte.gz",
            _MNIST,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
}
_OMNIGLOT = Published(
    "omniglot/images_background_small1.zip",
    "https://github.com/brendenlake/omniglot/raw/master/python/",
    "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
)


def data_folder() -> Path | None:
    """Return the folder that the variable ``NEUROMEM_DATA`` names, or None if it is not set.

    The variable is read at each call.

    Raises
    ------
    DataError
        If the variable names no folder.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"data_folder: {VARIABLE} is {name!r}, which is no folder; set it to the folder that "
            "holds mnist/ and omniglot/, or unset it to download them."
        )
    return folder


@overload
def digits(
    *, binarise: Threshold = ..., labels: Literal[False] = ..., images: bool = ...
) -> Array: ...
@overload
def digits(
    *, binarise: Threshold = ..., labels: Literal[True], images: bool = ...
) -> tuple[Array, Array]: ...
def digits(
    *, binarise: Threshold = 8, labels: bool = False, images: bool = False
) -> Array | tuple[Array, Array]:
    """Return 1797 handwritten digits of 8 x 8 pixels as bipolar patterns, ink +1.

    They come with scikit-learn: the real data that always work, in the order shipped (blocks
    of 0 to 9 by many writers).

    Parameters
    ----------
    binarise : float or {"median", "otsu"}
        The level, of 0 to 16, above which a pixel is ink, see `nm.patterns.binarise`.
    labels : bool
        Return the digits' classes, too.
    images : bool
        Return the grey images instead of patterns.

    Returns
    -------
    patterns : ndarray of int8, shape (1797, 64), or uint8 (1797, 8, 8) if `images`
    labels : ndarray of int64, shape (1797,)
        The classes 0 to 9. Only if `labels`.

    Raises
    ------
    ParameterError
        If `binarise` is neither a number nor a known method.

    References
    ----------
    E. Alpaydin and C. Kaynak, "Cascading classifiers", Kybernetika 34, 369 (1998). The test part
    of "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
    doi:10.24432/C50P49. Licence: CC BY 4.0.

    Examples
    --------
    >>> patterns, classes = digits(labels=True)
    >>> patterns.shape, classes[:5].tolist()
    ((1797, 64), [0, 1, 2, 3, 4])
    """
    from sklearn.datasets import load_digits

    loaded = load_digits()
    grey = loaded.images.astype(np.uint8)
    result = grey if images else cut(grey, binarise)
    return (result, loaded.target.astype(np.int64)) if labels else result


@overload
def mnist(
    split: Literal["train", "test"] = ...,
    *,
    binarise: Threshold = ...,
    labels: Literal[False] = ...,
    images: bool = ...,
) -> Array: ...
@overload
def mnist(
    split: Literal["train", "test"] = ...,
    *,
    binarise: Threshold = ...,
    labels: Literal[True],
    images: bool = ...,
) -> tuple[Array, Array]: ...
def mnist(
    split: Literal["train", "test"] = "train",
    *,
    binarise: Threshold = 127,
    labels: bool = False,
    images: bool = False,
) -> Array | tuple[Array, Array]:
    """Return the handwritten digits of MNIST, 28 x 28 pixels, as bipolar patterns, ink +1.

    Parameters
    ----------
    split : {"train", "test"}
        60,000 or 10,000 digits, in the published order.
    binarise : float or {"median", "otsu"}
        The level, of 0 to 255, above which a pixel is ink, see `nm.patterns.binarise`.
    labels : bool
        Return the digits' classes, too.
    images : bool
        Return the grey images instead of patterns.

    Returns
    -------
    patterns : ndarray of int8, shape (P, 784), or uint8 (P, 28, 28) if `images`
    labels : ndarray of int64, shape (P,)
        The classes 0 to 9. Only if `labels`.

    Raises
    ------
    ParameterError
        If `split` or `binarise` is none of those above.
    DataError
        If ``NEUROMEM_DATA`` is set and lacks the file, or it is not and the download fails.
    FileFormatError
        If a file is truncated or of another kind.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
    recognition", Proc. IEEE 86, 2278 (1998). Licence: CC BY-SA 3.0 (Y. LeCun and C. Cortes).

    Examples
    --------
    >>> patterns, classes = mnist("test", labels=True)  # doctest: +SKIP
    >>> patterns.shape, classes[:5].tolist()  # doctest: +SKIP
    ((10000, 784), [7, 2, 1, 0, 4])
    """
    one_of("mnist", "split", split, ("train", "test"))
    image_file, label_file = _MNIST_FILES[split]
    grey = _read_idx(_fetch("mnist", image_file), axes=3)
    result = grey if images else cut(grey, binarise)
    if not labels:
        return result
    path = _fetch("mnist", label_file)
    classes = _read_idx(path, axes=1).astype(np.int64)
    if len(classes) != len(grey):
        raise FileFormatError(
            f"mnist: {path} holds {len(classes)} labels for {len(grey)} images; fetch both files "
            "of one split again."
        )
    return result, classes


@overload
def omniglot(
    *, labels: Literal[False] = ..., size: int | tuple[int, int] | None = ...
) -> Array: ...
@overload
def omniglot(
    *, labels: Literal[True], size: int | tuple[int, int] | None = ...
) -> tuple[Array, Array]: ...
def omniglot(
    *, labels: bool = False, size: int | tuple[int, int] | None = None
) -> Array | tuple[Array, Array]:
    """Return handwritten characters of five alphabets as bipolar patterns, ink +1.

    The small background set 1 of Omniglot: 136 characters of Balinese, Early Aramaic, Greek,
    Korean and Latin, each drawn once by 20 writers. Sorted by alphabet, character and writer:
    row `i` is of character ``i // 20`` and of its writer ``i % 20``.

    Parameters
    ----------
    labels : bool
        Return the names of the characters, too.
    size : int or tuple of int (H, W), optional
        The size of the images; by default 105 x 105, as published. In a resized image a pixel is
        ink if ink covers at least half of its area, which keeps the share of ink. Below 20 x 20
        some characters leave no ink at all.

    Returns
    -------
    patterns : ndarray of int8, shape (2720, H * W)
    labels : ndarray of str, shape (2720, 2)
        Alphabet and character, such as ``("Greek", "character01")``. Only if `labels`.

    Raises
    ------
    ParameterError
        If `size` is not made of whole numbers of at least 1.
    DataError
        If ``NEUROMEM_DATA`` is set and lacks the file, or it is not and the download fails.
    FileFormatError
        If the file is truncated or of another kind.

    References
    ----------
    B. M. Lake, R. Salakhutdinov and J. B. Tenenbaum, "Human-level concept learning through
    probabilistic program induction", Science 350, 1332 (2015). Licence: MIT.

    Examples
    --------
    >>> patterns, names = omniglot(labels=True, size=28)  # doctest: +SKIP
    >>> patterns.shape, tuple(names[0])  # doctest: +SKIP
    ((2720, 784), ('Balinese', 'character01'))
    """
    new_size = None if size is None else _sides(size)
    path = _fetch("omniglot", _OMNIGLOT)
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(filter(_is_character, archive.namelist()))
            rows = [_ink(archive.read(name), new_size) for name in names]
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
        raise _broken("omniglot", path, "a zip archive of PNG images", error) from error
    if len({row.size for row in rows}) != 1:
        raise FileFormatError(
            f"omniglot: {path} holds {len(rows)} images alphabet/character/*.png, and they are not "
            "of one size; fetch the published file again."
        )
    patterns = np.stack(rows).astype(np.int8)
    patterns *= 2
    patterns -= 1
    if not labels:
        return patterns
    return patterns, np.array([name.split("/")[-3:-1] for name in names])


def _fetch(where: str, file: Published) -> Path:
    """Return the path of a published file: in the data folder, or downloaded."""
    folder = data_folder()
    if folder is None:
        return _download(where, file)
    path = folder / file.path
    if not path.is_file():
        raise DataError(
            f"{where}: {path} is missing, and {VARIABLE} names this folder; put the file there "
            f"(it is {file.url}), or unset {VARIABLE} to download it."
        )
    return path


def _download(where: str, file: Published) -> Path:
    """Return the path of a file in the cache, downloaded and checked if it is not there."""
    import pooch

    folder, _, name = file.path.rpartition("/")
    try:
        path = pooch.retrieve(
            file.url,
            known_hash=f"sha256:{file.sha256}",
            fname=name,
            path=Path(pooch.os_cache("neuromem")) / folder,
        )
    except (OSError, ValueError) as error:  # no network or no space; not the published file
        raise DataError(
            f"{where}: {file.url} could not be downloaded ({type(error).__name__}); put the file "
            f"at {file.path} in a folder of yours and set {VARIABLE} to that folder."
        ) from error
    return Path(path)


def _read_idx(path: Path, axes: int) -> Array:
    """Read a gzipped idx file of bytes: two zeros, 0x08, the number of axes, their lengths."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise _broken("mnist", path, "a gzip file", error) from error
    magic = bytes((0, 0, 8, axes))
    if content[:4] != magic:
        raise FileFormatError(
            f"mnist: {path} begins with 0x{content[:4].hex()}, an idx file of bytes with {axes} "
            f"axes with 0x{magic.hex()}; fetch the published file again."
        )
    start = 4 + 4 * axes
    lengths = np.frombuffer(content[4:start], ">u4").tolist() if len(content) >= start else []
    if not lengths or len(content) - start != np.prod(lengths, dtype=object):
        raise FileFormatError(
            f"mnist: {path} holds {len(content)} bytes, its header says {lengths}; fetch the "
            "published file again."
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(lengths).copy()


def _sides(size: int | tuple[int, int]) -> tuple[int, int]:
    """Return the height and width that `size` asks for."""
    pair = size if isinstance(size, tuple) else (size, size)
    if len(pair) != 2:
        raise ParameterError(f"omniglot: size is {size!r}; give one side or (H, W).")
    height, width = (whole_number("omniglot", "size", side, least=1) for side in pair)
    return height, width


def _is_character(name: str) -> bool:
    """Tell the images, .../alphabet/character/writer.png, from what archivers add."""
    return name.endswith(".png") and name.count("/") >= 2 and not name.startswith("__MACOSX")


def _ink(png: bytes, size: tuple[int, int] | None) -> Array:
    """Decode a 1-bit PNG (ink = 0) and return its ink, flattened and resized if asked."""
    from PIL import Image

    paper = Image.open(io.BytesIO(png)).convert("L")
    if size is not None:
        paper = paper.resize(size[::-1], Image.Resampling.BOX)
    return np.asarray(paper).ravel() <= 128  # half ink is 127.5, which Pillow rounds up


def _broken(where: str, path: Path, kind: str, error: Exception) -> FileFormatError:
    return FileFormatError(
        f"{where}: {path} cannot be read as {kind} ({type(error).__name__}: {error}); it is "
        "truncated or of another kind. Fetch the published file again."
    )
