"""Compiled kernels give the bits of their Python source (decision 18), in whole worlds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from twins.core.realism import Injected, Wanted
from twins.history import fingerprint, record
from twins.products import catalog

ROOT = Path(__file__).parents[2]
PRODUCTS = [
    pytest.param(product.id, marks=() if product.id == "pump" else pytest.mark.deep)
    for product in catalog().values()
    if not product.host
]
MORE = {"bin": ("dirty_sensor", "fire"), "ventilation": ("imbalance",)}
"""Faults whose kernels nothing else reaches."""


def told(product: str) -> str:
    """Fingerprint of a day of two devices that suffer a lot."""
    spec = catalog()[product]
    faults = tuple(
        Injected(
            fault=name, device=0, after_h=8.0,
            params={key: param.default for key, param in spec.faults[name].params.items()},
        )
        for name in MORE.get(product, ())
    )  # fmt: skip
    wanted = Wanted(
        product=product, sites=1, devices_per_site=2, days=1.0, report_every_s=900, seed=3,
        faults=faults, random_faults=20.0,
    )  # fmt: skip
    return fingerprint(record(wanted))


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_world_without_compiler_tells_the_same_to_the_last_bit(product: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, product],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == told(product)


if __name__ == "__main__":
    import numba

    assert numba.config.DISABLE_JIT
    print(told(sys.argv[1]))
