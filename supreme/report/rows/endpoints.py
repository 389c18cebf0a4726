"""The metrics of which a claim is made, declared before anything is seen, with the margins of equivalence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from supreme.core import SupremeError
from supreme.report.rows.columns import is_config_of, refuse_unknown


class Endpoint(NamedTuple):
    """A mean that lies within `margin` of the reference's is as good as equal."""

    margin: float
    """In units of the metric."""
    at_least_one_sd: bool = False
    """Widen the margin to the standard deviation of the reference between training seeds, where that is larger."""


Endpoints = Mapping[str, Endpoint]

ENDPOINTS: Endpoints = {
    "accuracy/forget": Endpoint(0.02, at_least_one_sd=True),
    "accuracy/retain": Endpoint(0.01),
    "accuracy/test": Endpoint(0.01),
    "accuracy/retain_test": Endpoint(0.01),
    "membership/auc": Endpoint(0.02),
}
"""By metric. Forget sets are small, so two retrained models differ there by more than a fixed margin would allow."""


def endpoint_of(metric: str, endpoints: Endpoints) -> Endpoint | None:
    """What is declared of this metric, or of the metric of which it is one config."""
    return next((endpoint for name, endpoint in endpoints.items() if is_config_of(metric, name)), None)


def margin_of(metric: str, sd_reference: float, endpoints: Endpoints) -> float:
    """The margin of this metric, NaN if it is no endpoint; `sd_reference` is NaN where one seed has none."""
    endpoint = endpoint_of(metric, endpoints)
    if endpoint is None:
        return math.nan
    wide = endpoint.at_least_one_sd and sd_reference > endpoint.margin
    return sd_reference if wide else endpoint.margin


def parse_endpoints(text: str, known: Iterable[str]) -> Endpoints:
    """`accuracy/forget=0.02,membership/auc=0.02` as endpoints, instead of `ENDPOINTS`.

    Raises:
        SupremeError: something else is written there, or no row has one of the metrics.
    """
    endpoints = {}
    for part in filter(None, map(str.strip, text.split(","))):
        metric, _, margin = map(str.strip, part.rpartition("="))
        try:
            endpoints[metric] = Endpoint(float(margin))
        except ValueError:
            metric = ""
        if not metric or not 0 < endpoints[metric].margin < math.inf:
            raise SupremeError(
                f"{part!r} declares no endpoint: give a metric and a margin above 0 in its own units, as in "
                "accuracy/forget=0.02,membership/auc=0.02"
            )
        refuse_unknown(metric, list(known))
    return endpoints
