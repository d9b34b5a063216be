from __future__ import annotations

from dataclasses import fields

import pandas as pd
import pytest

from dynaclr.base.errors import ConfigError
from dynaclr.pipeline.config import SamplingConfig
from dynaclr.sampler import FlexibleBatchSampler
from napari_dynaclr.widgets.option_specs import OptionSpec, sampling_options

OPTIONS = sampling_options()


def test_every_option_of_the_sampler_is_asked_for_once() -> None:
    assert [option.name for option in OPTIONS] == [field.name for field in fields(SamplingConfig)]


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.bounds is not None], ids=lambda o: o.name)
@pytest.mark.filterwarnings("ignore:sampler:UserWarning")
def test_bounds_are_those_that_the_sampler_enforces(option: OptionSpec) -> None:
    frame = pd.DataFrame({"experiment": ["a"] * 4, "condition": ["c"] * 4, "hours_post_infection": [1.0] * 4})
    bounds = option.bounds
    assert bounds is not None
    outside = [bounds.low - 1 if not bounds.above else bounds.low]
    outside += [bounds.high + 1] if bounds.high < float("inf") else []
    for value in outside:
        with pytest.raises(ConfigError, match=f"field {option.name}: value out of range"):
            FlexibleBatchSampler(frame, **{"batch_size": 2, option.name: int(value)})
    inside = bounds.low + 1 if bounds.above or bounds.high > 1 else bounds.low
    FlexibleBatchSampler(frame, **{"batch_size": 2, option.name: inside})
