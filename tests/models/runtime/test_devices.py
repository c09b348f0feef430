"""A Trainer in the same process keeps its precision, whether it starts before or after the device is claimed."""

from collections.abc import Iterator

import pytest
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from closecall.models.runtime import devices


@pytest.fixture(autouse=True)
def bf16(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with bf16, and a process in which nothing has used Accelerate."""
    monkeypatch.setattr(devices, "has_bf16", lambda: True)
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize("before", [True, False])
def test_a_device_is_claimed_beside_a_trainer_in_fp32(before: bool) -> None:
    if before:
        devices.claim_device()
    of_trainer = Accelerator(mixed_precision="no")
    assert devices.claim_device() == of_trainer.device
    assert Accelerator(mixed_precision="no").mixed_precision == "no"
