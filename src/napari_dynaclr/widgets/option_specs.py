"""What there is to know of an option to ask for it: type, default, bounds and help; imports no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from dynaclr.base.bounds import Bounds
from dynaclr.options import parameter
from dynaclr.options.catalogue import options

__all__ = ("OptionSpec", "sampling_options")

Kind = Literal["flag", "integer", "number", "weights", "names"]

_KINDS: dict[str, Kind] = {
    parameter.Kind.TRUTH: "flag",
    parameter.Kind.WHOLE: "integer",
    parameter.Kind.NUMBER: "number",
    parameter.Kind.MAPPING: "weights",
    parameter.Kind.LIST: "names",
}


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
    """Return the options that decide which anchors meet in a batch, as the catalogue has them."""
    found = []
    for item in options("sampling"):
        bounds = item.bounds
        if bounds is not None and item.unit:
            bounds = bounds._replace(unit=f" {item.unit}")
        found.append(OptionSpec(item.name, _KINDS[item.kind], item.default, item.help, bounds))
    return tuple(found)
