"""A training as plain values that a form can show and change; knows no Lightning and builds nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dynaclr.base.errors import ConfigError, problem, suggest
from dynaclr.base.files import write_text_atomically
from dynaclr.base.paths import absolute_path, path_in_file, paths_in_training
from dynaclr.base.yaml_reader import load_yaml, without_lines
from dynaclr.options.catalogue import ENCODERS, LOSSES, fixed_parameters, init_parameters
from dynaclr.options.checking import checked_file
from dynaclr.options.parameter import Kind, Parameter
from dynaclr.options.reader import config_path

_OBJECTS = {"model.encoder": ENCODERS, "model.loss_function": LOSSES}
_OF_ONE_START = {"run.folder": None, "run.resume": None, "run.resume_from": "newest", "run.force": False}
_STEM, _STEM_CHANNELS = 5, 96  # slices a step, and channels, of the default backbone


@dataclass(frozen=True)
class RunSpec:
    """Everything that `python -m dynaclr fit --config` reads, complete and in order.

    What the options do not name (callbacks of a trainer, classes of other packages) is kept as it is.

    Attributes
    ----------
    values
        The configuration, nested as in the file.
    origin
        Where it comes from, in words.
    """

    values: Mapping[str, Any]
    origin: str

    @classmethod
    def of_values(cls, values: Mapping[str, Any], origin: str) -> RunSpec:
        """Return a spec of some values; options that lack get their defaults."""
        content = copy.deepcopy(dict(values))
        for path, classes in _OBJECTS.items():
            _put(content, f"{path}.class_path", _get(content, f"{path}.class_path") or classes[0])
        for path, parameter in _parameters(content).items():
            if _get(content, path, _MISSING) is _MISSING:
                _put(content, path, copy.deepcopy(parameter.default))
        return cls(_in_order(content), origin)

    @classmethod
    def read(cls, path: Path) -> RunSpec:
        """Return the spec of a training's YAML or of a run folder, to be started anew.

        Raises
        ------
        ConfigError
            If it cannot be read or is no training.
        """
        file = config_path(path)
        content = without_lines(load_yaml(file))
        sections = [name for name in ("data", "model") if not isinstance(content.get(name), dict)]
        if sections:
            found = ", ".join(map(str, content)) or "an empty file"
            raise ConfigError(problem("not a training", file=file, field=sections[0], found=found))
        content = checked_file(file)
        beta = (_get(content, "model.loss_function.init_args") or {}).pop("beta", None)
        if beta is not None:
            _put(content, "data.hcl_beta", beta)
        for place, text in list(paths_in_training(content)):
            _put(content, place, str(path_in_file(text, file, place)))
        for place, value in _OF_ONE_START.items():
            _put(content, place, value)
        for name in ("config", "ckpt_path", "output", "untrained"):
            content.pop(name, None)
        return cls.of_values(content, str(file))

    def placed(self, folder: Path) -> RunSpec:
        """Return a spec whose paths are absolute; relative ones are relative to a folder."""
        content = copy.deepcopy(dict(self.values))
        for place, text in list(paths_in_training(content)):
            _put(content, place, str(absolute_path(text, folder)))
        return RunSpec(content, self.origin)

    def parameters(self) -> Mapping[str, Parameter]:
        """Return {path: parameter} of all options, those of the chosen encoder and loss included."""
        return _parameters(self.values)

    def get(self, path: str) -> Any:
        """Return the value at a path such as "data.batch_size".

        Raises
        ------
        ConfigError
            If there is none.
        """
        value = _get(self.values, path, _MISSING)
        if value is _MISSING:
            known = [*self.parameters(), *(f"{name}.class_path" for name in _OBJECTS)]
            raise ConfigError(problem("unknown option", field=path, fix=suggest(path, known).strip() or None))
        return copy.deepcopy(value)

    def changed(self, changes: Mapping[str, Any]) -> RunSpec:
        """Return a spec with other values, by path; what follows from them follows.

        Another encoder or loss gets its own defaults, and keeps what both have. The depth of an encoder
        follows the slices, and the depth of its stem that depth. The weight of hard negatives is 0 for a
        loss without.

        Raises
        ------
        ConfigError
            If a path is no option.
        """
        content = copy.deepcopy(dict(self.values))
        for path in sorted(changes, key=lambda item: not item.endswith("class_path")):
            value = changes[path]
            if path.removesuffix(".class_path") in _OBJECTS and path.endswith(".class_path"):
                _choose(content, path.removesuffix(".class_path"), value)
                continue
            parameter = _parameters(content).get(path)
            if parameter is None:
                RunSpec(content, self.origin).get(path)
            _put(content, path, copy.deepcopy(value) if parameter is None else parameter.plain(value))
        _follow(content, changes)
        return RunSpec.of_values(content, self.origin)

    def faults(self) -> dict[str, str]:
        """Return {path: what is wrong} of values that no training takes; reads no data."""
        found = {}
        for path, parameter in self.parameters().items():
            fault = parameter.fault(_get(self.values, path))
            if fault is not None:
                found[path] = fault
        return found | {path: text for path, text in self._together() if path not in found}

    def _together(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between values that are right one by one."""
        try:
            (first, last), (early, late) = self.get("data.z_range"), self.get("data.tau_range")
            patch, final = self.get("data.yx_patch_size"), self.get("data.final_yx_patch_size")
            if not 0 <= first < last:
                yield "data.z_range", f"expected 0 <= first < last; found {[first, last]}."
            if not 0 <= early <= late:
                yield "data.tau_range", f"expected 0 <= first <= last; found {[early, late]}."
            if min(*patch, *final) < 1 or any(a > b for a, b in zip(final, patch, strict=True)):
                yield "data.final_yx_patch_size", f"expected 1 to {patch}; found {final}."
        except (TypeError, ValueError):
            return  # their own types are at fault, and told
        held = self.get("data.val_experiments") or self.get("data.val_fov_fraction")
        if not held and not self.get("data.no_validation"):
            yield (
                "data.val_experiments",
                "no validation data: set val_experiments or val_fov_fraction, or set no_validation to true.",
            )

    def text(self) -> str:
        """Return the configuration as YAML."""
        return yaml.safe_dump(dict(self.values), sort_keys=False, allow_unicode=True)

    def write(self, path: Path) -> None:
        """Write the configuration; `python -m dynaclr fit --config` takes it as it is.

        Raises
        ------
        ConfigError
            If a value is at fault; all of them are named.
        OSError
            If the file cannot be written.
        """
        faults = self.faults()
        if faults:
            lines = "; ".join(f"{name}: {text}" for name, text in faults.items())
            raise ConfigError(problem("training cannot be started", found=lines.rstrip(".")))
        write_text_atomically(path, self.text())


_MISSING = object()
_SECTIONS = ("seed_everything", "trainer", "run", "data", "model")


def _parameters(content: Mapping[str, Any]) -> dict[str, Parameter]:
    found = dict(fixed_parameters())
    for section in _OBJECTS:
        found.update(init_parameters(section, str(_get(content, f"{section}.class_path"))))
    return found


def _get(content: Mapping[str, Any], path: str, default: Any = None) -> Any:
    value: Any = content
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return default
        value = value[name]
    return value


def _put(content: dict[str, Any], path: str, value: Any) -> None:
    *folders, last = path.split(".")
    for name in folders:
        inner = content.get(name)
        content[name] = inner if isinstance(inner, dict) else {}
        content = content[name]
    content[last] = value


def _in_order(content: dict[str, Any]) -> dict[str, Any]:
    """Return the sections as people look for them, and in each what is chosen before how it is set."""
    ordered = {name: content[name] for name in _SECTIONS if name in content}
    return ordered | {name: item for name, item in content.items() if name not in ordered}


def _choose(content: dict[str, Any], section: str, class_path: str) -> None:
    """Take another class, with those of the present arguments that it has too."""
    before = _get(content, f"{section}.init_args") or {}
    if _get(content, f"{section}.class_path") == class_path:
        return
    names = {item.name for item in init_parameters(section, class_path).values()}
    shared = {"in_channels", "in_stack_depth", "exclude_same_lineage", "gather_negatives", "temperature"}
    kept = {name: value for name, value in before.items() if name in names & shared}
    _put(content, section, {"class_path": class_path, "init_args": kept})
    if section == "model.loss_function":
        hard = class_path.endswith("NTXentHCL")
        now = _get(content, "data.hcl_beta")
        default = fixed_parameters()["data.hcl_beta"].default
        _put(content, "data.hcl_beta", (now or default) if hard else 0.0)


def _follow(content: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Bring the depth of the encoder in line with the slices of a patch, unless it was given."""
    encoder = "model.encoder.init_args"
    depth = f"{encoder}.in_stack_depth"
    z_range = _get(content, "data.z_range")
    known = _parameters(content)
    two = known["data.z_range"].kind is Kind.LIST and known["data.z_range"].fault(z_range) is None
    if depth in known and depth not in changes and two and z_range[1] > z_range[0]:
        projection = _get(content, "data.z_projection", "none")
        one = known["data.z_projection"].fault(projection) is None and projection != "none"
        _put(content, depth, 1 if one else z_range[1] - z_range[0])
    stem = f"{encoder}.stem_kernel_size"
    if stem in known and stem not in changes and isinstance(_get(content, depth), int):
        z, *plane = _get(content, stem) or known[stem].default
        _put(content, stem, [_fitting_stem(_get(content, depth), z), *plane])


def _fitting_stem(depth: int, wanted: int) -> int:
    """Return the depth of a stem whose slabs share the channels evenly: `wanted` or one near 5."""
    fitting = [z for z in range(1, depth + 1) if depth % z == 0 and _STEM_CHANNELS % (depth // z) == 0]
    return wanted if wanted in fitting else min(fitting, key=lambda z: (abs(z - _STEM), z))
