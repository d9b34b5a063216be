"""What there is to know of an option to ask for it: type, default, bounds and help; imports no Qt."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_type_hints

from dynaclr.base.bounds import Bounds
from dynaclr.options.fold import pipeline_config
from dynaclr.pipeline import SamplingConfig
from dynaclr.sampler import BOUNDS, FlexibleBatchSampler

__all__ = ("OptionSpec", "documented", "sampling_options")

Kind = Literal["flag", "integer", "number", "weights", "names"]

_KINDS: dict[str, Kind] = {
    "bool": "flag",
    "int": "integer",
    "float": "number",
    "dict[str, float] | None": "weights",
    "list[str]": "names",
}
_REFERENCE = re.compile(r"As `(\w+)` says\.")


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """One option of the `data:` section.

    Attributes
    ----------
    name
        As the YAML has it.
    kind
        What it holds.
    default
        Its value where the YAML has none.
    help
        What its documentation says.
    bounds
        Of numbers; None for none.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    bounds: Bounds | None = None

    @property
    def title(self) -> str:
        """Return the name as words."""
        return self.name.replace("_", " ")


@cache
def sampling_options() -> tuple[OptionSpec, ...]:
    """Return the options that decide which anchors meet in a batch, as `pipeline_config` declares them."""
    texts, known = documented(pipeline_config), documented(FlexibleBatchSampler)
    hints = get_type_hints(pipeline_config)
    mine = {field.name for field in fields(SamplingConfig)}
    result = []
    for name, parameter in inspect.signature(pipeline_config).parameters.items():
        if name not in mine:
            continue
        text = texts[name]
        if _REFERENCE.fullmatch(text):
            text = known[name]
        hint = hints[name]
        kind = _KINDS[hint.__name__ if isinstance(hint, type) and not _generic(hint) else str(hint)]
        result.append(OptionSpec(name, kind, parameter.default, text, BOUNDS.get(name)))
    return tuple(result)


def _generic(hint: Any) -> bool:
    return hasattr(hint, "__args__")


def documented(described: Any) -> dict[str, str]:
    """Return {parameter: text} of the Parameters section of a NumPy docstring."""
    lines = inspect.cleandoc(described.__doc__ or "").splitlines()
    start = lines.index("Parameters") + 2
    texts: dict[str, str] = {}
    names: list[str] = []
    heading = ""
    for line, below in zip(lines[start:], [*lines[start + 1 :], ""], strict=True):
        if below.startswith("---"):
            break
        if line and not line.startswith(" "):
            heading = f"{heading} {line}".strip() if heading else line
            if heading.endswith(","):
                continue
            names = [name.strip() for name in heading.split(",")]
            heading = ""
        else:
            for name in names:
                texts[name] = f"{texts.get(name, '')} {line.strip()}".strip()
    return texts
