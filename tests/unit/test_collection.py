"""The model of a collection: the shared link by hand, no piece lost, and formula against simulation."""

import importlib
import math
from dataclasses import replace

import pytest

HOURS = 2400.0


@pytest.fixture
def model(checkout, monkeypatch):
    monkeypatch.syspath_prepend(str(checkout / "benchmarks"))
    return importlib.import_module("collection_scene"), importlib.import_module("collection_events")


@pytest.fixture
def scene(model):
    def make(**changes):
        return replace(model[0].Scene(name="", hours=HOURS, start_s=0.0), **changes)

    return make


def test_reads_share_the_link_and_none_is_faster_than_its_line(model):
    link = model[1].SharedLink(100.0, 80.0)
    link.begin(0.0, 1, 800.0)
    assert link.next_s() == 10.0  # alone: 80 a second
    link.begin(5.0, 2, 300.0)  # two: 50 a second each; 400 of the first are left
    assert link.next_s() == 11.0
    assert link.finish(11.0) == 2
    assert link.next_s() == 11.0 + 100 / 80
    assert link.finish(12.25) == 1
    assert link.next_s() == math.inf
    assert link.n_bytes == 1100.0


def test_a_read_that_is_given_up_leaves_its_share(model):
    link = model[1].SharedLink(100.0, 100.0)
    for key, n_bytes in ((1, 100.0), (2, 500.0), (3, 900.0)):
        link.begin(0.0, key, n_bytes)
    link.give_up(1.5, 1)
    assert link.next_s() == 1.5 + 450 / 50
    link.give_up(1.5, 3)
    assert link.next_s() == 1.5 + 450 / 100
    assert link.finish(6.0) == 2
    assert link.next_s() == math.inf


def test_one_machine_by_hand(model, scene):
    """The first piece is waited for; then reading hides behind computing."""
    one = model[1].simulate(scene(hours=24.0, compute_s=2.0, machine_bytes_s=57.6e6, write_s=0.5))
    assert one.seconds == pytest.approx(1.0 + 24 * 2.0 + 0.5, rel=0.03)
    assert one.n_bytes == 24 * 57.6e6
    assert one.bottleneck == "computing"


CASES = {
    "computing": {"n_machines": 8},
    "the storage": {"n_machines": 8, "link_bytes_s": 200e6},
    "a machine's line": {"n_machines": 8, "machine_bytes_s": 40e6, "latency_s": 0.1},
    "the writer": {"n_machines": 64, "write_s": 0.05},
}


@pytest.mark.parametrize("bottleneck", CASES)
def test_formula_and_simulation_agree_on_time_bytes_and_bottleneck(model, scene, bottleneck):
    told, seen = (one(scene(**CASES[bottleneck])) for one in (model[0].closed_form, model[1].simulate))
    assert told.bottleneck == seen.bottleneck == bottleneck
    assert seen.seconds == pytest.approx(told.seconds, rel=0.03)
    assert seen.n_bytes == pytest.approx(told.n_bytes, rel=0.01)
    assert seen.hours == told.hours == HOURS


def test_they_agree_when_much_goes_wrong(model, scene):
    bad = scene(
        n_machines=8, speed_spread=0.1, straggler_share=0.25, failed_reads=0.2, deaths_per_hour=2.0,
        link_bytes_s=2e9, piece_hours=0.5, compute_s=4.0,
    )  # fmt: skip
    told = model[0].closed_form(bad)
    seen = [model[1].simulate(bad, seed) for seed in range(5)]
    assert sum(one.seconds for one in seen) / 5 == pytest.approx(told.seconds, rel=0.05)
    assert sum(one.n_bytes for one in seen) / 5 == pytest.approx(told.n_bytes, rel=0.02)
    assert {one.hours for one in seen} == {HOURS}


def test_dealt_files_wait_for_the_last_machine(model, scene):
    dealt = scene(n_machines=16, is_sharded=True, hours=9600.0)
    told = model[0].closed_form(dealt)
    seconds = [model[1].simulate(dealt, seed).seconds for seed in range(10)]
    assert sum(seconds) / 10 == pytest.approx(told.seconds, rel=0.05)
    assert told.seconds > 1.25 * model[0].closed_form(replace(dealt, is_sharded=False)).seconds


def test_the_size_of_a_piece_hardly_matters(model, scene):
    whole, half = (
        model[1].simulate(scene(n_machines=8, piece_hours=hours, link_bytes_s=1e9)).seconds
        for hours in (1.0, 0.5)
    )
    assert half == pytest.approx(whole, rel=0.02)


def test_failed_reads_move_half_a_piece_more(model, scene):
    clean, failing = (
        model[1].simulate(scene(n_machines=4, failed_reads=share)).n_bytes for share in (0.0, 0.1)
    )
    assert failing / clean == pytest.approx(1 + 0.5 * 0.1 / 0.9, abs=0.01)


def test_equal_seeds_give_equal_outcomes(model, scene):
    rough = scene(n_machines=8, deaths_per_hour=5.0, speed_spread=0.2)
    assert model[1].simulate(rough, 3) == model[1].simulate(rough, 3)
    assert model[1].simulate(rough, 3).seconds != model[1].simulate(rough, 4).seconds


def test_the_table_is_printed(checkout, model, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["collection.py", "--hours", "2400", "--repeats", "1"])
    assert importlib.import_module("collection").main() == 0
    out = capsys.readouterr().out
    assert out.count("object storage") == 4
    assert "moving the collection there first, at 1 Gbit/s" in out
