import pytest

from ndoki.core.errors import ConfigError
from ndoki.tables.registry import FORMATS, table_format


def test_formats_by_name() -> None:
    assert list(FORMATS) == ["csv", "raven", "audacity", "jsonl"]
    assert all(table_format(name).name == name for name in FORMATS)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Ravn", "did you mean 'raven'?"), ("json", "did you mean 'jsonl'?"), ("x", "choose one")],
)
def test_an_unknown_format_names_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        table_format(name)
    assert f"found '{name}', expected one of csv, raven, audacity, jsonl; {hint}" in str(caught.value)
