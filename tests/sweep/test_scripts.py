"""Scripts are loaded by their path, once, or say in one line why not."""

import pytest

from neuromem.core.errors import DataError, ParameterError
from neuromem.sweep import load_script


def test_a_script_is_loaded_once_until_it_changes(write_script):
    path = write_script("VALUE = object()\n")
    first = load_script(path)
    assert load_script(str(path)) is first
    write_script("VALUE = 'changed'\n")
    assert load_script(path).VALUE == "changed"


def test_scripts_of_the_same_name_are_different_modules(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.py").write_text(f"FOLDER = {folder!r}\n")
    loaded = [load_script(tmp_path / folder / "x.py") for folder in ("a", "b")]
    assert [module.FOLDER for module in loaded] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (1,\n", r"script\.py, line 1: SyntaxError: '\(' was never closed\. Mend the script"),
        ("x = 1\ny = x / 0\n", r"line 2: ZeroDivisionError: division by zero\. Mend the script"),
        ("import nowhere_at_all\n", "line 1: ModuleNotFoundError: No module named 'nowhere_at_all"),
        ("import json\njson.loads('{')\n", "line 2: JSONDecodeError: Expecting property name"),
    ],
)
def test_a_script_that_does_not_load_names_its_line(write_script, text, message):
    path = write_script(text)
    for _ in range(2):  # nothing half-loaded is kept
        with pytest.raises(ParameterError, match=message) as caught:
            load_script(path)
        assert "\n" not in str(caught.value)


def test_a_script_that_is_missing_or_no_python_file(write_script, tmp_path):
    with pytest.raises(DataError, match=r"there is no script .*nowhere\.py\. Give the path of a"):
        load_script(tmp_path / "nowhere.py")
    with pytest.raises(ParameterError, match=r"notes\.txt is no Python file; give a path ending"):
        load_script(write_script("notes", "notes.txt"))
