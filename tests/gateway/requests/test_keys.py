from __future__ import annotations

import pytest

from aqueduct_jupyter.gateway.requests.keys import KernelKeys

KERNEL = "5f9b3c1e-1d2f-4a77-9a3b-0d6f5f3a2b10"


def test_a_key_names_its_kernel_and_only_the_server_that_made_it_believes_it() -> None:
    keys = KernelKeys()
    assert keys.kernel_of(keys.key_for(KERNEL)) == KERNEL
    assert keys.key_for(KERNEL) == keys.key_for(KERNEL)
    assert KernelKeys().kernel_of(keys.key_for(KERNEL)) is None


def test_a_key_of_one_kernel_cannot_be_made_that_of_another() -> None:
    keys = KernelKeys()
    mac = keys.key_for(KERNEL).rpartition(".")[2]
    assert keys.kernel_of(f"aqk.another.{mac}") is None


@pytest.mark.parametrize(
    "key",
    ["", "aqk", "aqk.", "aqk..", "aqk.x.", f"aqk.{KERNEL}.\u00e9", "sk-123", "a.b.c", "." * 99],
)
def test_what_is_no_key_opens_nothing(key: str) -> None:
    assert KernelKeys().kernel_of(key) is None
