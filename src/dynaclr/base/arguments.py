"""Arguments of a constructor that stay readable as attributes and cannot be set."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

C = TypeVar("C", bound=type)


class _Argument:
    """An argument as it was given."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, _owner: type) -> Any:
        return self if instance is None else instance.__dict__["_arguments"][self.name]

    def __set__(self, instance: Any, value: Any) -> None:
        owner = type(instance).__name__
        raise AttributeError(
            f"{owner}.{self.name} is given once: make another {owner} with {self.name}={value!r}"
        )


def with_arguments(cls: C) -> C:
    """Give a class whose `__init__` calls `keep_arguments` a read-only attribute for each argument."""
    for name in list(inspect.signature(vars(cls)["__init__"]).parameters):
        if name != "self" and name not in vars(cls):
            setattr(cls, name, _Argument(name))
    return cls


def keep_arguments(instance: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the arguments among `names`, which are the `locals()` of an `__init__`, and return a copy."""
    kept = {
        name: value
        for name, value in names.items()
        if isinstance(getattr(type(instance), name, None), _Argument)
    }
    instance.__dict__["_arguments"] = kept
    return dict(kept)
