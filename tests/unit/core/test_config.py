"""TOML tables become dataclasses, and mistakes are named."""

from dataclasses import dataclass, field

import pytest

from ndoki.core.config import from_table, read_toml
from ndoki.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    rate_hz: int = 1
    pair: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    name: str
    share: float = 0.5
    is_on: bool = False
    sizes: tuple[int, ...] = ()
    inner: Inner = field(default_factory=Inner)


def test_values_arrive_in_their_types():
    table = {"name": "x", "share": 1, "sizes": [1, 2], "inner": {"pair": [1, 2.5]}, "is_on": True}
    made = from_table(Outer, table, "t")
    assert made == Outer(name="x", share=1.0, sizes=(1, 2), inner=Inner(pair=(1.0, 2.5)), is_on=True)
    assert isinstance(made.share, float)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "x", "shore": 1.0}, "unknown key 'shore'; did you mean 'share'"),
        ({"name": "x", "qqq": 1}, "known are name, share"),
        ({}, "the key 'name' is missing"),
        ({"name": 3}, "expected str, found 3"),
        ({"name": "x", "is_on": 1}, "expected bool, found 1"),
        ({"name": "x", "share": True}, "expected float, found True"),
        ({"name": "x", "sizes": 3}, "expected a list, found 3"),
        ({"name": "x", "inner": {"pair": [1]}}, "expected 2 values, found 1"),
        ({"name": "x", "inner": 3}, "expected a table, found 3"),
    ],
)
def test_a_mistake_is_named(table, message):
    with pytest.raises(ConfigError, match=r"^t") as caught:
        from_table(Outer, table, "t")
    assert message in str(caught.value)


def test_a_complete_table_needs_every_key():
    whole = {"name": "x", "share": 1, "is_on": True, "sizes": [], "inner": {"rate_hz": 2, "pair": [1, 2]}}
    assert from_table(Outer, whole, "t", is_complete=True) == from_table(Outer, whole, "t")
    with pytest.raises(ConfigError, match="t: the key 'share' is missing"):
        from_table(Outer, {"name": "x"}, "t", is_complete=True)
    with pytest.raises(ConfigError, match="t inner: the key 'pair' is missing"):
        from_table(Outer, {**whole, "inner": {"rate_hz": 2}}, "t", is_complete=True)


def test_what_a_dataclass_refuses_is_named_with_its_place():
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Few:
        n: int

        def __post_init__(self):
            if self.n > 3:
                raise ConfigError(f"n = {self.n}, expected 3 at most")

    with pytest.raises(ConfigError, match=r"^t few: n = 4, expected 3 at most$"):
        from_table(Few, {"n": 4}, "t few")


def test_a_file_that_is_missing_or_not_toml_is_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = = 1")
    with pytest.raises(ConfigError, match="not valid TOML"):
        read_toml(tmp_path / "bad.toml")


@dataclass(frozen=True)
class Stage:
    name: str
    rate: float | None = 1.0
    before: "Stage | None" = None


def test_what_may_be_none_is_a_table_like_any_other():
    table = {"name": "b", "rate": None, "before": {"name": "a", "rate": 2, "before": None}}
    assert from_table(Stage, table, "x") == Stage("b", None, Stage("a", 2.0))
    assert from_table(Stage, {"name": "b"}, "x") == Stage("b")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"before": 3}, "x before: expected a table, found 3"),
        ({"before": {"nam": "a"}}, "x before: unknown key 'nam'; did you mean 'name'?"),
        ({"rate": "fast"}, "x rate: expected float, found 'fast'"),
        ({"name": None}, "x name: expected str, found None"),
    ],
)
def test_what_may_be_none_is_checked_like_any_other(wrong, message):
    with pytest.raises(ConfigError) as caught:
        from_table(Stage, {"name": "b"} | wrong, "x")
    assert str(caught.value) == message
