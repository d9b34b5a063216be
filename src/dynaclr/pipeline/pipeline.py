"""From a configuration to index, sampler, dataset and prepared batches."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace

from dynaclr.base.errors import ConfigError, listing, problem
from dynaclr.curation import read_marks
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.experiment import ExperimentRegistry, known_names
from dynaclr.index import AnchorColumns, MultiExperimentIndex, SetupReport, shared_fovs
from dynaclr.pipeline.config import PipelineConfig, SamplingConfig
from dynaclr.pipeline.missing_statistics import Lacking, lacking_statistics, require_statistics
from dynaclr.pipeline.preparation import Preparation
from dynaclr.pipeline.preprocess import preprocess_missing
from dynaclr.pipeline.split import Part, split_fovs
from dynaclr.sampler import FlexibleBatchSampler, SequentialBatches
from dynaclr.transforms import MapAugmentation, MapNormalization, RandomAffine

Progress = Callable[[str, int, int], None]


def _silent(step: str, done: int, total: int) -> None:
    """Tell nobody."""


class Pipeline:
    """All that training sees, composed from a configuration.

    Parameters
    ----------
    config
        Data, split, sampling and transforms.
    registry
        Experiments already read from `config.data.experiments_yaml`; None to read them.

    Attributes
    ----------
    prepare
        Turns a batch of a dataset into the augmented batch (network input).

    Raises
    ------
    ConfigError
        If values do not fit each other or the data.
    DataError
        If a plate, a track file or a statistic is wrong or missing.
    """

    def __init__(self, config: PipelineConfig, registry: ExperimentRegistry | None = None) -> None:
        self.config = config
        self.registry = registry or ExperimentRegistry.from_yaml(config.data.experiments_yaml)
        self._check_sizes()
        self.prepare = Preparation(config.transforms)
        self._check_channels()

    def _check_sizes(self) -> None:
        patch, final = self.config.data.yx_patch_size, self.config.transforms.final_yx_patch_size
        if any(small > large for small, large in zip(final, patch, strict=True)) or min(final) < 1:
            raise ConfigError(
                problem(
                    "final patch is larger than the patch",
                    field="final_yx_patch_size",
                    expected=f"at most yx_patch_size {list(patch)} px",
                    found=list(final),
                )
            )
        for transform in self.config.transforms.augmentations:
            if not isinstance(transform, RandomAffine):
                continue
            needed = transform.required_patch_yx((final[0], final[1]))
            if any(size < need for size, need in zip(patch, needed, strict=True)):
                warnings.warn(
                    problem(
                        "RandomAffine can reach beyond the patch: edge pixels are replicated in the corners",
                        field="yx_patch_size",
                        expected=f"at least {list(needed)} px for the final patch {list(final)}",
                        found=list(patch),
                    ),
                    stacklevel=3,
                )

    def _check_channels(self) -> None:
        count = self.registry.num_source_channels
        wrong = [c for c in self.config.transforms.channel_dropout_channels if not 0 <= c < count]
        if wrong and self.config.transforms.channel_dropout_prob > 0:
            raise ConfigError(
                problem(
                    "unknown channel",
                    field="channel_dropout_channels",
                    expected=f"0..{count - 1}, positions in source_channel",
                    found=wrong,
                    fix="Set channel_dropout_prob to 0 to drop none.",
                )
            )
        transforms = self.config.transforms
        for transform in (*transforms.normalizations, *transforms.augmentations):
            if isinstance(transform, (MapAugmentation, MapNormalization)):
                transform.check_keys(count)

    def setup(self, progress: Progress | None = None) -> SetupReport:
        """Read tracks, find anchors, split, and check statistics; return what was found.

        Parameters
        ----------
        progress
            Called with (step, done, all) as work goes on; what it raises ends the work.

        Raises
        ------
        ConfigError, DataError
            As the class says.
        """
        data, tell = self.config.data, progress or _silent
        tell("tracks of the training", 0, 3)
        train, val = split_fovs(self.registry, data, self.config.split, self.config.sampling.seed)
        self.train_index = self._index(train)
        tell("tracks of the validation", 1, 3)
        self.val_index = None if val is None else self._index(val)
        tell("statistics", 2, 3)
        self.train_dataset = self._dataset(self.train_index)
        self.val_dataset = None if self.val_index is None else self._dataset(self.val_index)
        if self.config.transforms.missing_statistics == "compute":
            self._compute_statistics({"train": train, "val": val}, tell)
        self._check_statistics()
        self.sampler()  # its warnings belong to set-up
        return self.report

    def resampled(self, sampling: SamplingConfig) -> Pipeline:
        """Return this pipeline, after `setup`, with other sampling options; index and pixels are shared.

        Raises
        ------
        ConfigError
            If the options do not fit the anchors, or another seed would hold other FOVs out.
        """
        if sampling.seed != self.config.sampling.seed and self.config.split.val_fov_fraction > 0:
            raise ConfigError(
                problem(
                    "the seed also determines which FOVs are held out",
                    field="seed",
                    expected=self.config.sampling.seed,
                    found=sampling.seed,
                    fix="Change it in the file and reopen the file.",
                )
            )
        other = copy(self)
        other.config = replace(self.config, sampling=sampling)
        other.sampler()
        return other

    @property
    def report(self) -> SetupReport:
        """Set-up report of training and validation experiments together."""
        report = SetupReport(
            [*self.train_index.report.experiments],
            [*self.train_index.report.warnings, *self._unknown_marks()],
            [f"training: {line}" for line in self.train_index.report.curation],
        )
        if self.val_index is not None:
            for item in self.val_index.report.experiments:
                item.checks = [*item.checks, "held out for validation"]
                report.experiments.append(item)
            report.warnings += [text for text in self.val_index.report.warnings if "occurs in" not in text]
            report.curation += [f"validation: {line}" for line in self.val_index.report.curation]
            indexes = (self.train_index, self.val_index)
            parts = [(name, index) for index in indexes for name in index.registry.names]
            report.warnings += [text for text in shared_fovs(parts) if text not in report.warnings]
        return report

    def _unknown_marks(self) -> list[str]:
        """Return a warning if marks name unknown experiments; parts of a split cannot tell."""
        path = self.config.data.options.curation
        names = [] if path is None else sorted({mark.experiment for mark in read_marks(path)})
        unknown = [name for name in names if name not in self.registry.names]
        if not unknown:
            return []
        found = listing(f"'{name}'" for name in unknown)
        return [problem("marks name unknown experiments", file=path, found=found)]

    def _index(self, part: Part) -> MultiExperimentIndex:
        data = self.config.data
        registry, excluded = part
        return MultiExperimentIndex(
            registry,
            data.z_range,
            data.yx_patch_size,
            data.tau_range_hours,
            known_names(registry, data.include_wells),
            known_names(registry, excluded),
            data.options,
        )

    def _dataset(self, index: MultiExperimentIndex, fit: bool = True) -> MultiExperimentTripletDataset:
        data = self.config.data
        return MultiExperimentTripletDataset(
            index,
            fit=fit,
            tau_decay_rate=data.tau_decay_rate,
            return_negative=data.return_negative,
            cache_pool_bytes=data.cache_pool_bytes,
            seed=self.config.sampling.seed,
        )

    def predict_dataset(self) -> MultiExperimentTripletDataset:
        """Return all observations of all experiments, training and validation alike."""
        dataset = self._dataset(self.whole_index(), fit=False)
        require_statistics([self._lacking(dataset)], self.registry)
        return dataset

    def whole_index(self) -> MultiExperimentIndex:
        """Return an index of all experiments, training and validation alike."""
        return self._index((self.registry, list(self.config.data.exclude_fovs or ())))

    def sampler(self, num_replicas: int = 1, rank: int = 0) -> FlexibleBatchSampler:
        """Return the sampler of training batches."""
        options = self.config.sampling
        return FlexibleBatchSampler(
            AnchorColumns(self.train_index),
            **{name: getattr(options, name) for name in options.__dataclass_fields__},
            num_replicas=num_replicas,
            rank=rank,
        )

    def val_batches(self, num_replicas: int = 1, rank: int = 0) -> SequentialBatches:
        """Return the batches of validation anchors, in order.

        Raises
        ------
        ConfigError
            If nothing is held out.
        """
        if self.val_dataset is None:
            raise ConfigError(problem("no validation data", field="val_experiments"))
        return SequentialBatches(len(self.val_dataset), self.config.sampling.batch_size, num_replicas, rank)

    def _compute_statistics(self, parts: Mapping[str, Part | None], tell: Progress) -> None:
        """Compute what normalizations ask for and is not there; leave out what turns out to be no data."""
        for name, part in parts.items():
            dataset = getattr(self, f"{name}_dataset")
            if part is None or not any(self._lacking(dataset).values()):
                continue
            index = dataset.index
            if not preprocess_missing(index, lambda done, total: tell("statistics, frames", done, total)):
                index = self._index(part)
            setattr(self, f"{name}_index", index)
            setattr(self, f"{name}_dataset", self._dataset(index))

    def _check_statistics(self) -> None:
        """Make sure that every statistic that a normalization asks for is there; tell of NaN and Inf."""
        datasets = [dataset for dataset in (self.train_dataset, self.val_dataset) if dataset is not None]
        require_statistics([self._lacking(dataset) for dataset in datasets], self.registry)
        strange = dict.fromkeys(text for dataset in datasets for text in dataset.norms.not_finite)
        if strange:
            text = f"pixels are NaN or Inf (share of the frame): {listing(strange)}"
            fill = self.config.data.options.not_finite == "fill"
            done = "They get the median of their FOV" if fill else "No patch that holds one is trained on"
            warnings.warn(problem(text, field="not_finite", fix=f"{done}."), stacklevel=2)

    def _lacking(self, dataset: MultiExperimentTripletDataset) -> Lacking:
        return lacking_statistics(dataset, self.config.transforms.normalizations)
