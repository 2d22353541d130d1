"""Classes are found by the text that names them, and nothing else is."""

from __future__ import annotations

import pytest

from lume_dsl.files import File, TextFile
from lume_dsl.values.type_names import named_type, type_string


def test_a_class_is_found_by_its_type_string() -> None:
    assert named_type(type_string(TextFile), File) is TextFile


def test_a_class_defined_in_a_function_has_no_type_string() -> None:
    class Inner:
        pass

    with pytest.raises(ValueError, match="at the top of a module"):
        type_string(Inner)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not of the form"),
        ("lume_dsl.files", "not of the form"),
        ("lume_dsl.files:", "not of the form"),
        ("../files:TextFile", "not of the form"),
        (".files:TextFile", "not of the form"),
        ("lume_dsl.nowhere:TextFile", "importing lume_dsl.nowhere failed"),
        ("lume_dsl.files:Nothing", "'Nothing' is not in lume_dsl.files"),
        ("lume_dsl.files:TextFile.read", "is not a File class"),
        ("os:system", "is not a File class"),
        ("builtins:dict", "is not a File class"),
        ("__main__:Lines", "classes of a script"),
    ],
)
def test_any_other_text_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        named_type(text, File)
