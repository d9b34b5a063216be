from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.errors import ConfigError
from dynaclr.options.catalogue import ENCODERS, LOSSES, fixed_parameters, init_parameters
from dynaclr.options.parameter import Kind
from dynaclr.options.presets import Preset, preset_spec
from dynaclr.options.settings import LearningOptions, LoaderOptions, RunSettings, SeedOptions
from dynaclr.options.spec import RunSpec
from dynaclr.pipeline import SplitConfig

HCL, XENT, TRIPLET = LOSSES
SMALL, TIMM = ENCODERS


@pytest.fixture(scope="module")
def quick(coded_source: Path) -> RunSpec:
    return preset_spec(Preset.QUICK, coded_source)


def test_every_option_has_words_and_a_default_that_it_takes() -> None:
    for parameter in every_parameter():
        assert parameter.help, parameter.path
        assert not parameter.help.startswith("As "), parameter.path
        if not parameter.required:
            assert parameter.fault(parameter.default) is None, parameter.path


def every_parameter() -> list[Any]:
    inits = [init_parameters("model.encoder", name) for name in ENCODERS]
    inits += [init_parameters("model.loss_function", name) for name in LOSSES]
    return [item for found in (fixed_parameters(), *inits) for item in found.values()]


def test_bounds_are_those_that_the_real_classes_keep(quick: RunSpec) -> None:
    """What a form calls out of bounds is refused below it, and the bounds themselves are not."""
    from dynaclr.loss import NTXentHCL
    from dynaclr.sampler import SamplingConfig

    known = quick.parameters()
    takers: dict[str, Callable[[Any], Any]] = {
        "model.loss_function.init_args.temperature": lambda value: NTXentHCL(temperature=value),
        **{f"data.{name}": taker(SamplingConfig, name) for name in ("batch_size", "leaky", "seed")},
        "data.temporal_window_hours": taker(SamplingConfig, "temporal_window_hours"),
        "data.val_fov_fraction": taker(SplitConfig, "val_fov_fraction"),
        "data.hcl_beta": taker(LoaderOptions, "hcl_beta"),
        "model.lr": taker(LearningOptions, "lr"),
        "run.previews": taker(RunSettings, "previews"),
        "seed_everything": taker(SeedOptions, "seed_everything"),
    }
    for path, take in takers.items():
        parameter = known[path]
        step = 1 if parameter.kind is Kind.WHOLE else 0.125
        values = [0, 1, parameter.default]
        for bound in (parameter.lower, parameter.upper):
            values += [] if bound is None else [bound, bound - step, bound + step]
        for value in values:
            right = parameter.fault(value) is None
            if right:
                take(value)
            else:
                with pytest.raises(ConfigError):
                    take(value)


def taker(group: Any, name: str) -> Callable[[Any], Any]:
    return lambda value: group(**{name: value})


@pytest.mark.parametrize(
    ("path", "bad", "good"),
    [
        ("data.batch_size", [0, -1, 2.5, "8", True, None], [1, 8]),
        ("data.leaky", [-0.1, 1.1, float("nan"), "0"], [0, 0.5, 1.0]),
        ("data.val_fov_fraction", [1.0], [0.0, 0.5]),
        ("model.lr", [0, -1.0, float("inf")], [1e-6]),
        ("data.z_range", [[0], [0, 1, 2], ["a", 1], "01", 3], [[0, 1], (0, 2)]),
        ("data.relation", ["sister", 1], ["lineage"]),
        ("data.experiment_weights", [{"a": "x"}, [1]], [None, {"a": 1, "b": 0.5}]),
        ("data.augmentations", [["flip"], {"class_path": "x"}], [[], [{"class_path": "dynaclr.a"}]]),
        ("trainer.devices", [0, 1.5, True], [1, "auto"]),
        ("trainer.precision", ["int8"], [None, "bf16-mixed"]),
        ("run.force", [1, "yes"], [True]),
    ],
)
def test_faults_of_single_values(path: str, bad: list[Any], good: list[Any]) -> None:
    parameter = fixed_parameters()[path]
    for value in bad:
        text = parameter.fault(value)
        assert text is not None and text.startswith("expected "), value
    for value in good:
        assert parameter.fault(value) is None, value


def test_a_near_choice_is_suggested() -> None:
    assert "Did you mean 'descendant'?" in (fixed_parameters()["data.relation"].fault("descendent") or "")


def test_faults_between_values(quick: RunSpec) -> None:
    changes = {
        "data.z_range": [2, 2],
        "data.tau_range": [2.0, 1.0],
        "data.final_yx_patch_size": [4096, 8],
        "data.val_fov_fraction": 0.0,
        "data.val_experiments": [],
    }
    assert set(quick.changed(changes).faults()) == {*changes} - {"data.val_fov_fraction"}
    assert quick.changed({"data.z_range": "all"}).faults().keys() == {"data.z_range"}
    assert quick.faults() == {}


def test_a_faulty_training_is_not_written(quick: RunSpec, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.batch_size: expected a whole number >= 1; found 0"):
        quick.changed({"data.batch_size": 0}).write(tmp_path / "config.yaml")
    assert not (tmp_path / "config.yaml").exists()


def test_an_unknown_option_is_named(quick: RunSpec) -> None:
    for call in (lambda: quick.get("data.batchsize"), lambda: quick.changed({"data.batchsize": 3})):
        with pytest.raises(ConfigError, match=r"Did you mean 'data\.batch_size'"):
            call()


def test_a_change_touches_nothing_else(quick: RunSpec) -> None:
    before = quick.text()
    other = quick.changed({"data.batch_size": 7, "data.yx_patch_size": (40, 44)})
    assert quick.text() == before
    then, now = yaml.safe_load(before), yaml.safe_load(other.text())
    then["data"] |= {"batch_size": 7, "yx_patch_size": [40, 44]}
    assert then == now


def test_a_share_of_batches_stays_a_share_and_a_count_a_count(quick: RunSpec) -> None:
    for given_value, kept in ((20.0, 20), (0.5, 0.5), (1.0, 1.0), (3, 3)):
        value = quick.changed({"trainer.limit_train_batches": given_value}).get("trainer.limit_train_batches")
        assert value == kept
        assert type(value) is type(kept)


def test_another_encoder_keeps_what_both_have(quick: RunSpec) -> None:
    other = quick.changed({"model.encoder.class_path": TIMM, "data.z_range": [1, 3]})
    arguments = other.get("model.encoder.init_args")
    assert arguments["in_channels"] == quick.get("model.encoder.init_args.in_channels")
    assert (arguments["in_stack_depth"], arguments["backbone"]) == (2, "convnext_tiny")
    assert "widths" not in arguments
    back = other.changed({"model.encoder.class_path": SMALL})
    assert back.get("model.encoder.init_args.widths") == [16, 32, 64, 128]
    given_depth = quick.changed({"data.z_range": [0, 2], "model.encoder.init_args.in_stack_depth": 9})
    assert given_depth.get("model.encoder.init_args.in_stack_depth") == 9


def test_a_projection_makes_the_encoder_flat(quick: RunSpec) -> None:
    depth = "model.encoder.init_args.in_stack_depth"
    spec = quick.changed({"data.z_range": [0, 3]})
    assert spec.get(depth) == 3
    flat = spec.changed({"data.z_projection": "max"})
    assert flat.get(depth) == 1
    assert flat.changed({"data.z_range": [0, 2]}).get(depth) == 1
    assert flat.changed({"data.z_projection": "none"}).get(depth) == 3
    wrong = spec.changed({"data.z_projection": "sum", "data.z_window": "all", "data.yx_patch_um": [8, 0]})
    assert wrong.faults().keys() == {"data.z_projection", "data.z_window", "data.yx_patch_um"}
    assert wrong.get(depth) == 3


@settings(deadline=None, max_examples=30)
@given(depth=st.integers(1, 40))
def test_the_stem_divides_any_depth(quick: RunSpec, depth: int) -> None:
    spec = quick.changed({"model.encoder.class_path": TIMM, "data.z_range": [0, depth]})
    z = spec.get("model.encoder.init_args.stem_kernel_size")[0]
    assert depth % z == 0
    assert 96 % (depth // z) == 0  # channels of the default backbone's stem


def test_hard_negatives_count_only_in_the_loss_that_has_them(quick: RunSpec) -> None:
    plain = quick.changed({"model.loss_function.class_path": XENT})
    assert plain.get("data.hcl_beta") == 0.0
    assert plain.get("model.loss_function.init_args.temperature") == 0.2
    assert plain.changed({"model.loss_function.class_path": HCL}).get("data.hcl_beta") == 0.5
    assert (
        "model.loss_function.init_args.margin"
        in quick.changed({"model.loss_function.class_path": TRIPLET}).parameters()
    )


def test_presets_fit_the_experiments(coded_source: Path) -> None:
    for preset in Preset:
        spec = preset_spec(preset, coded_source)
        assert spec.faults() == {}
        assert spec.get("model.encoder.init_args.in_stack_depth") == spec.get("data.z_range")[1]
    steps = [preset_spec(preset, coded_source).get("trainer.max_epochs") for preset in Preset]
    assert steps == sorted(steps)


def test_a_preset_takes_as_many_slices_as_an_experiment_states(coded: Path) -> None:
    content = yaml.safe_load(coded.read_text(encoding="utf-8"))
    for entry in content["experiments"]:
        entry["z_range"] = [1, 3]
    coded.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert preset_spec(Preset.QUICK, coded).get("data.z_range") == [0, 2]


def test_what_a_preset_holds_out(coded: Path) -> None:
    content = yaml.safe_load(coded.read_text(encoding="utf-8"))
    assert preset_spec(Preset.QUICK, coded).get("data.val_fov_fraction") > 0
    for entry in content["experiments"]:  # every condition has one FOV
        wells = sorted(well for wells in entry["condition_wells"].values() for well in wells)
        entry["condition_wells"] = {f"only {well}": [well] for well in wells}
    coded.write_text(yaml.safe_dump(content), encoding="utf-8")
    spec = preset_spec(Preset.QUICK, coded)
    held = (
        spec.get("data.val_experiments"),
        spec.get("data.val_fov_fraction"),
        spec.get("data.no_validation"),
    )
    assert held in ((["coded1"], 0.0, False), ([], 0.2, False))
    assert spec.faults() == {}


def test_a_training_written_by_hand_becomes_complete(coded_source: Path, tmp_path: Path) -> None:
    (tmp_path / "experiments.yaml").write_text("experiments: []", encoding="utf-8")
    content = {
        "trainer": {"max_epochs": 3, "callbacks": [{"class_path": "lightning.pytorch.callbacks.Timer"}]},
        "run": {"resume": "elsewhere", "name": "mine"},
        "data": {"experiments_yaml": "experiments.yaml", "z_range": [0, 1], "batch_size": 4},
        "model": {"encoder": {"class_path": "mine.Encoder", "init_args": {"size": 3}}},
    }
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    spec = RunSpec.read(file)
    assert spec.get("data.experiments_yaml") == str(tmp_path / "experiments.yaml")
    assert spec.get("run.resume") is None
    assert spec.get("run.name") == "mine"
    assert spec.values["trainer"]["callbacks"] == content["trainer"]["callbacks"]
    assert spec.values["model"]["encoder"] == content["model"]["encoder"]
    assert spec.get("data.leaky") == 0.0
    assert set(spec.faults()) == {  # what has no default must still be given
        "data.yx_patch_size",
        "data.final_yx_patch_size",
        "data.val_experiments",
    }


def test_what_is_no_training_is_refused(coded_source: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a training"):
        RunSpec.read(coded_source)
    with pytest.raises(ConfigError, match="no configuration"):
        RunSpec.read(tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # patches of tiny images, processes beside the loader
def test_the_command_line_takes_what_is_written_unchanged(coded_source: Path, tmp_path: Path) -> None:
    from dynaclr.cli.training import parse

    specs = [preset_spec(preset, coded_source) for preset in Preset]
    specs += [specs[0].changed({"model.loss_function.class_path": name}) for name in LOSSES]
    for spec in (spec.placed(tmp_path) for spec in specs):
        file = tmp_path / "config.yaml"
        spec.write(file)
        assert spec.get("run.root") == str(tmp_path / "runs")
        cli = parse(["--config", str(file), "--trainer.accelerator=cpu"], "fit")
        written = yaml.safe_load(cli.parser.dump(cli.config, skip_none=False, skip_link_targets=True))
        for path in spec.parameters():
            section, *names = path.split(".")
            value: Any = written[section]
            for name in names:
                value = value[name]
            if path == "run.root":
                assert value == str(Path(spec.get(path)).absolute())
            elif path != "trainer.accelerator":
                assert value == spec.get(path) or path in ("data.normalizations", "data.augmentations"), path
        encoder = spec.get("model.encoder.class_path")
        assert type(cli.model.encoder).__name__ == encoder.rpartition(".")[2]
        assert getattr(cli.model.loss_function, "beta", 0.0) == spec.get("data.hcl_beta")
