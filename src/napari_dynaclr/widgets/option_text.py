"""Values of options as texts that are typed, and back; imports no Qt."""

from __future__ import annotations

from typing import Any

import yaml

from dynaclr.options.parameter import Kind, Parameter

__all__ = ("NONE", "text_of", "value_of")

NONE = "none"
"""What is typed for None."""


def text_of(value: Any) -> str:
    """Return a value as it is typed; None is an empty text."""
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6).strip()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def value_of(text: str, option: Parameter) -> Any:
    """Return the value that a text means; what cannot be read stays a text, which `fault` then refuses."""
    text = text.strip()
    if not text or (option.optional and text.lower() == NONE):
        return None if option.optional or option.kind is not Kind.TEXT else text
    counted = option.kind is Kind.TEXT and option.item is Kind.WHOLE
    if counted or option.kind in (Kind.WHOLE, Kind.NUMBER):
        number = _number(text)
        if number is not None:
            return float(number) if option.kind is Kind.NUMBER else number
    if option.kind in (Kind.LIST, Kind.MAPPING, Kind.OBJECTS):
        return _structure(text, option)
    return text


def _number(text: str) -> int | float | None:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def _structure(text: str, option: Parameter) -> Any:
    """Read a list with or without its brackets, or a mapping."""
    if option.kind is Kind.LIST and not text.startswith("["):
        text = f"[{text}]"
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    if option.kind is Kind.LIST and option.item is Kind.TEXT and isinstance(value, list):
        return [item if isinstance(item, str) else str(item) for item in value]
    return value
