"""Device and precision are chosen once for a machine and a kind of step, by a timing."""

import time

import pytest
import torch

from mia_core.base.errors import SettingsError
from mia_core.model.cnn import CNN
from mia_core.store.machine import resolve_device
from mia_core.store.precision import _step_seconds, faster_precision, resolve
from small import RECIPE


def test_precision_and_device_are_resolved_once_for_a_machine_and_a_kind_of_step(tmp_path, monkeypatch):
    monkeypatch.setenv("MIA_CACHE", str(tmp_path))
    asked, shape = RECIPE.replace(precision="auto", device="auto"), (1, 12, 12)
    first = resolve(asked, shape)
    assert first.precision in ("float32", "bfloat16") and first.device in ("cpu", "cuda", "mps")
    monkeypatch.setattr("mia_core.store.precision.faster_precision", lambda *_: pytest.fail("timed twice"))
    assert resolve(asked, shape) == first
    assert resolve(asked.replace(learning_rate=0.5), shape) == first.replace(learning_rate=0.5)
    timed = []
    monkeypatch.setattr("mia_core.store.precision.faster_precision", lambda *given: timed.append(given) or "bfloat16")
    for other, of in [
        (asked, (3, 12, 12)),
        (asked.replace(batch_size=7), shape),
        (asked.replace(hidden_units=9), shape),
    ]:
        assert resolve(other, of).precision == "bfloat16"
    assert len(timed) == 3, "another step is timed by itself"
    with monkeypatch.context() as patch:
        patch.setattr("mia_core.store.precision.code_fingerprint", lambda *_: "other code")
        assert resolve(asked, shape).precision == "bfloat16" and len(timed) == 4
    for damaged in ("[]", "7", "{", "", "[" * 100_000):
        (tmp_path / "precision.json").write_text(damaged)
        assert resolve(asked, shape).precision == "bfloat16", damaged


@pytest.mark.parametrize(
    ("float32", "bfloat16", "chosen"),
    [
        ([1.0] * 3, [0.5] * 3, "bfloat16"),
        ([1.0] * 3, [0.95] * 3, "float32"),
        # What is close is timed again, and the least counts.
        ([1.0] * 6, [0.9, 0.9, 0.85, 0.85, 0.75, 0.85], "bfloat16"),
        ([1.0] * 6, [0.9, 0.9, 0.85, 0.85, 0.85, 0.85], "float32"),
    ],
)
def test_bfloat16_is_chosen_only_where_a_timing_shows_it_faster(monkeypatch, float32, bfloat16, chosen):
    timed = {"float32": list(float32), "bfloat16": list(bfloat16)}
    monkeypatch.setattr("mia_core.store.precision._step_seconds", lambda recipe, shape, kind, n: timed[kind].pop(0))
    assert faster_precision(RECIPE, (1, 12, 12)) == chosen and not any(timed.values())


def test_a_first_step_in_which_code_is_compiled_decides_nothing(monkeypatch):
    body, pauses = CNN.body, [1.1]

    def slow_at_first(network, x):
        if pauses:
            time.sleep(pauses.pop())
        return body(network, x)

    monkeypatch.setattr(CNN, "body", slow_at_first)
    assert _step_seconds(RECIPE, (1, 12, 12), "float32", 2) < 1 and not pauses


@pytest.mark.parametrize("network", ["cnn", "mlp"])
def test_steps_of_either_network_are_timed(network):
    recipe = RECIPE.replace(network=network, device="cpu", batch_size=3)
    assert faster_precision(recipe, (2, 12, 13)) in ("float32", "bfloat16")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device that the test needs to be missing")
def test_a_missing_device_is_an_error_that_lists_those_present():
    with pytest.raises(SettingsError, match="device: cuda is not available on this machine; available: auto, cpu"):
        resolve_device("cuda")
