"""The house around the package: the wheel, the links, the floors, the version, a light import."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import neuromem as nm

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HEAVY = {
    "numpy",
    "scipy",
    "numba",
    "xarray",
    "pandas",
    "matplotlib",
    "sklearn",
    "zarr",
    "h5netcdf",
    "torch",
    "brian2",
    "snntorch",
    "distributed",
}


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory):
    """Build the wheel from a copy of the checkout, links and all, and list what it holds."""
    scratch = tmp_path_factory.mktemp("wheel")
    # A copy: setuptools writes build/ beside the sources and would reuse a stale one.
    shutil.copytree(
        ROOT,
        scratch / "source",
        symlinks=True,
        ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "demo", "*.egg-info"),
    )
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([sys.executable, *build, scratch, scratch / "source"], check=True)
    (wheel,) = scratch.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_wheel_holds_the_package_alone(wheel_names):
    version = PROJECT["project"]["version"]
    tops = {name.partition("/")[0] for name in wheel_names}
    assert tops == {"neuromem", f"neuromem-{version}.dist-info"}


def test_wheel_holds_every_source_file_stub_and_the_typed_marker(wheel_names):
    wanted = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("*.py", "*.pyi", "*.toml", "py.typed")
        for path in (ROOT / "neuromem").rglob(pattern)
    }
    assert {"neuromem/py.typed", "neuromem/__init__.pyi"} <= wanted
    assert "neuromem/hardware/profiles/pcm.toml" in wanted
    assert wanted - wheel_names == set()


@pytest.mark.parametrize("name", ["models", "hardware"])
def test_links_at_the_top_point_into_the_package(name):
    link = ROOT / name
    assert link.is_symlink()
    assert link.readlink() == Path("neuromem") / name
    assert link.is_dir()


def test_import_loads_nothing_heavy():
    listing = "import sys, neuromem; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "neuromem" in loaded
    assert loaded & HEAVY == set()


def test_every_public_name_resolves():
    for name in nm.__all__:
        assert getattr(nm, name) is not None


def test_floors_import_only_downward():
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_one_version_everywhere():
    version = PROJECT["project"]["version"]
    citation = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert nm.__version__ == version
    assert citation is not None
    assert citation[1] == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_direct_dependency_is_pinned():
    """A dependency added to pyproject.toml without its pin would make the clone untested."""
    groups = PROJECT["dependency-groups"]
    lines = [*PROJECT["project"]["dependencies"], *(line for g in groups.values() for line in g)]
    pins = re.findall(r"^([\w-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert {_name(line) for line in lines} - {_name(pin) for pin in pins} == set()


def _name(requirement: str) -> str:
    return re.match(r"[\w-]+", requirement)[0].lower().replace("_", "-")
