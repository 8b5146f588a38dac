"""Named algorithms that make one number of several signals of one report; pure."""

from __future__ import annotations

import numpy as np

from reference_impl.kernel.ports import Floats

RUNS_SHARE_MIN = 0.05
"""At less than this share of the design flow a quotient of readings is noise."""


def normalised_pressure(
    drop_pa: Floats, flow_m3_h: Floats, *, design_flow_m3_h: float, exponent: float
) -> Floats:
    """The pressure drop of a filter at design flow: ``dp (Q0 / Q)^1.5``.

    Args:
        drop_pa: Measured pressure drops, shape ``(n,)``, Pa.
        flow_m3_h: Flows at the same times, shape ``(n,)``, m3/h.
        design_flow_m3_h: Q0, m3/h.
        exponent: 1 for a fleece, 2 for an orifice; 1.5 by estimate.

    Returns:
        Shape ``(n,)``, Pa; NaN below a twentieth of the design flow.

    Source: domain reference 6.2, Computed.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        found = drop_pa * (design_flow_m3_h / flow_m3_h) ** exponent
    return np.where(flow_m3_h >= RUNS_SHARE_MIN * design_flow_m3_h, found, np.nan)


def specific_energy(
    power_kw: Floats, flow_m3_h: Floats, lift_m: Floats, *, flow_min_m3_h: float
) -> Floats:
    """Energy to lift a cubic metre by a metre: ``P / (Q h)``, kWh/(m3 m).

    Args:
        power_kw: Electric power, shape ``(n,)``, kW.
        flow_m3_h: Flow, shape ``(n,)``, m3/h.
        lift_m: Head, shape ``(n,)``, m; of one where it is not measured.
        flow_min_m3_h: Below this flow there is no answer (NaN).

    Source: domain reference 6.1, Computed; the least possible is ``rho g = 0.002725 kWh/(m3 m)``.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        found = power_kw / (flow_m3_h * lift_m)
    return np.where((flow_m3_h >= flow_min_m3_h) & (lift_m > 0), found, np.nan)
