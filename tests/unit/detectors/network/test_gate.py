"""The gate: against a slow definition, blind to cuts, and exact where it lets the network listen."""

import json
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.errors import ModelError
from ndoki.detectors.network.gate import (
    Gate,
    GateSpec,
    gate_from_metadata,
    gate_to_metadata,
    joined_runs,
)
from ndoki.features.floor import LEVEL_STEP
from ndoki.training.gate_network import GateNet, exported_gate

SPEC = GateSpec(n_mels=5, width=3, cell_frames=4, dilations=(1, 2), before_cells=3)
OPENS_AT_TIMES = 0.0
"""A threshold that a tenth of the random gate's cells reach."""


def random_net(seed=1):
    net, chance = GateNet(SPEC, 0.0), torch.Generator().manual_seed(seed)
    for weight in net.parameters():
        torch.nn.init.normal_(weight, 0.0, 0.5, generator=chance)
    return net


@cache
def random_content(seed):
    return exported_gate(random_net(seed))


def random_gate(seed=1, threshold=0.0, spread_frames=6):
    return Gate.opened(
        random_content(seed), SPEC, threshold=threshold, spread_frames=spread_frames, least_score=0.2
    )


def levels(n_rows, seed=2):
    return np.random.default_rng(seed).normal(0, 1, (n_rows, SPEC.n_mels)).astype(np.float32)


def measured(rows, first_frame):
    """Every second frame of a recording, from one of its frames on, as the gate asks for it."""

    def between(first, end):
        assert (first - first_frame) % LEVEL_STEP == (end - first_frame) % LEVEL_STEP == 0
        assert first_frame <= first < end <= first_frame + LEVEL_STEP * len(rows)
        return rows[(first - first_frame) // LEVEL_STEP : (end - first_frame) // LEVEL_STEP]

    return between


def slow_estimate(net, rows, cell):
    """One cell at a time, by the definition: two cells in, then each block of the cells around."""
    weights = {name: one.detach().numpy().astype(np.float64) for name, one in net.named_parameters()}
    first, step = weights["first.weight"][:, :, 0], SPEC.cell_rows

    def inner(i, depth):
        if depth == 0:
            seen = rows[i * step : (i + 2) * step]
            return np.maximum(np.einsum("oir,ri->o", first, seen) + weights["first.bias"], 0)
        d, at = SPEC.dilations[depth - 1], inner(i, depth - 1)
        taps, bias = weights[f"blocks.{depth - 1}.weight"][:, :, 0], weights[f"blocks.{depth - 1}.bias"]
        around = [taps[:, :, k] @ inner(i + (k - 1) * d, depth - 1) for k in range(3)]
        return np.maximum(sum(around) + bias + at, 0)

    return weights["last.weight"][0, :, 0, 0] @ inner(cell, len(SPEC.dilations)) + weights["last.bias"][0]


def test_estimates_agree_with_the_slow_definition():
    gate, rows = random_gate(), levels(30 * SPEC.cell_rows)
    found = gate.estimates(rows)
    context = SPEC.before_cells + SPEC.after_cells
    assert found.shape == (30 - context,)
    expected = [slow_estimate(random_net(), rows, cell + SPEC.before_cells) for cell in range(len(found))]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_estimate_depends_on_its_stated_view_alone():
    gate, frames = random_gate(), levels(40 * SPEC.cell_rows)
    cell, step = 20, SPEC.cell_rows
    before = gate.estimates(frames)[cell - SPEC.before_cells]
    other = frames.copy()
    other[: (cell - SPEC.before_cells) * step] += 5
    other[(cell + SPEC.after_cells + 1) * step :] += 5
    assert gate.estimates(other)[cell - SPEC.before_cells] == pytest.approx(before, abs=1e-5)


@pytest.mark.parametrize("changed", [-SPEC.before_cells, 0, SPEC.after_cells])
def test_an_estimate_depends_on_all_of_its_view(changed):
    """Of gates with other weights, since a unit may be silent whatever it is shown."""
    frames, cell = levels(40 * SPEC.cell_rows), 20
    other = frames.copy()
    other[(cell + changed) * SPEC.cell_rows : (cell + changed + 1) * SPEC.cell_rows] += 5
    at = cell - SPEC.before_cells
    gates = [random_gate(seed) for seed in range(10)]
    assert any(gate.estimates(other)[at] != gate.estimates(frames)[at] for gate in gates)


def whole_and_part(gate, first_frame, end_frame, n_frames=500):
    margin = -(-max(gate.before_frames, gate.after_frames) // LEVEL_STEP) * LEVEL_STEP
    rows = levels((n_frames + 2 * margin) // LEVEL_STEP)
    whole = gate.passes(measured(rows, -margin), 0, n_frames)
    least = -(-(first_frame - gate.before_frames) // LEVEL_STEP) * LEVEL_STEP
    seen = rows[(least + margin) // LEVEL_STEP : -(-(end_frame + gate.after_frames + margin) // LEVEL_STEP)]
    return whole, gate.passes(measured(seen, least), first_frame, end_frame)


@given(first=st.integers(0, 498), length=st.integers(1, 300))
def test_what_passes_does_not_depend_on_how_the_sound_is_cut(first, length):
    end = min(500, first + length)
    whole, part = whole_and_part(random_gate(threshold=OPENS_AT_TIMES), first, end)
    assert 0.1 < whole.mean() < 0.9
    np.testing.assert_array_equal(part, whole[first:end])


def test_frames_pass_within_the_spread_of_a_cell():
    gate = random_gate(spread_frames=6)
    margin, step = 40, SPEC.cell_frames
    assert margin >= max(gate.before_frames, gate.after_frames)
    rows = levels((200 + 2 * margin) // LEVEL_STEP)
    expected = np.zeros(200, bool)
    top = -np.inf
    for cell in range(-2, 52):
        begin = ((cell - SPEC.before_cells) * step + margin) // LEVEL_STEP
        view = rows[begin : begin + (SPEC.before_cells + 1 + SPEC.after_cells) * SPEC.cell_rows]
        top = max(top, float(gate.estimates(view)[0]))
        if gate.estimates(view)[0] >= 3.0:
            expected[max(0, cell * step - 6) : max(0, (cell + 1) * step + 6)] = True
    assert top > 3.0
    np.testing.assert_array_equal(
        replace(gate, threshold=3.0).passes(measured(rows, -margin), 0, 200), expected
    )


def test_runs_by_hand():
    chosen = np.zeros(30, bool)
    chosen[[3, 4, 8, 20]] = True
    assert joined_runs(chosen, 2) == [(3, 5), (8, 9), (20, 21)]
    assert joined_runs(chosen, 4) == [(3, 9), (20, 21)]
    assert joined_runs(chosen, 100) == [(3, 21)]
    assert joined_runs(np.zeros(5, bool), 4) == []


@given(chosen=st.lists(st.booleans(), max_size=80), gap=st.integers(1, 20))
def test_runs_cover_what_is_chosen_and_lie_apart(chosen, gap):
    runs = joined_runs(np.array(chosen, bool), gap)
    covered = np.zeros(len(chosen), bool)
    for first, end in runs:
        assert chosen[first]
        assert chosen[end - 1]
        covered[first:end] = True
    assert covered[np.array(chosen, bool)].all()
    assert all(later[0] - earlier[1] >= gap for earlier, later in pairwise(runs))


def test_a_gate_comes_back_from_a_file_as_it_was():
    gate = random_gate(threshold=0.3)
    back = gate_from_metadata(gate_to_metadata(gate), "a.onnx")
    assert back is not None
    assert (back.spec, back.threshold, back.spread_frames, back.least_score) == (SPEC, 0.3, 6, 0.2)
    assert back.content == gate.content
    rows = levels(20 * SPEC.cell_rows)
    np.testing.assert_array_equal(back.estimates(rows), gate.estimates(rows))


def test_a_file_without_a_gate_has_none():
    assert gate_from_metadata({"ndoki": "{}"}, "a.onnx") is None


@pytest.mark.parametrize(
    "change",
    [{"network": "AAAA"}, {"threshold": "high"}, {"spec": {"colour": 1}}, {"network": None}],
)
def test_a_damaged_gate_is_a_model_error(change):
    ((key, text),) = gate_to_metadata(random_gate()).items()
    with pytest.raises(ModelError, match=r"a\.onnx: its 'ndoki_gate' metadata is damaged"):
        gate_from_metadata({key: json.dumps(json.loads(text) | change)}, "a.onnx")


def test_a_gate_of_another_format_is_a_model_error():
    ((key, text),) = gate_to_metadata(random_gate()).items()
    with pytest.raises(ModelError, match="written by another version"):
        gate_from_metadata({key: json.dumps(json.loads(text) | {"format": 2})}, "a.onnx")
