"""The Lightning data module: a thin wrapper of `Pipeline` with every option in its signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from lightning.pytorch import LightningDataModule

from dynaclr.base import keys
from dynaclr.base.arguments import keep_arguments, with_arguments
from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.random import FIXED_EPOCH
from dynaclr.channel_dropout import ChannelDropout
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.options.catalogue import fixed_parameters
from dynaclr.options.fold import pipeline_config
from dynaclr.options.settings import LoaderOptions
from dynaclr.pipeline import Pipeline, Preparation, Stage
from dynaclr.sampler import SequentialBatches
from dynaclr.training.loader import BatchLoader, PlainBatches
from dynaclr.transforms import MapTransform, Normalization, Transform

__all__ = ("MultiExperimentDataModule",)


@with_arguments
class MultiExperimentDataModule(LightningDataModule):
    """Batches of pairs from many experiments, for training, validation and prediction.

    The arguments are read-only attributes.

    Parameters
    ----------
    {options}

    Raises
    ------
    ConfigError
        If an option is of another type or out of bounds.
    """

    num_workers: int
    prefetch_batches: int

    def __init__(
        self,
        experiments_yaml: str,
        z_range: tuple[int, int],
        yx_patch_size: tuple[int, int],
        final_yx_patch_size: tuple[int, int],
        val_experiments: list[str],
        tau_range: tuple[float, float] = (0.5, 2.0),
        tau_decay_rate: float = 2.0,
        batch_size: int = 128,
        num_workers: int = 1,
        experiment_aware: bool = True,
        condition_balanced: bool = True,
        leaky: float = 0.0,
        temporal_enrichment: bool = False,
        temporal_window_hours: float = 2.0,
        temporal_global_fraction: float = 0.3,
        experiment_weights: dict[str, float] | None = None,
        condition_ratio: dict[str, float] | None = None,
        channel_dropout_channels: list[int] = [1],  # noqa: B006 - the CLI shows the default; never changed
        channel_dropout_prob: float = 0.5,
        normalizations: list[Normalization | MapTransform] = [],  # noqa: B006 - as above
        augmentations: list[Transform | MapTransform] = [],  # type: ignore[type-arg]  # noqa: B006 - as above
        hcl_beta: float = 0.5,
        cache_pool_bytes: int = 0,
        seed: int = 0,
        include_wells: list[str] | None = None,
        exclude_fovs: list[str] | None = None,
        val_fov_fraction: float = 0.0,
        no_validation: bool = False,
        relation: Literal["descendant", "track", "lineage", "self"] = "descendant",
        missing_chunks: Literal["exclude", "error", "zeros"] = "exclude",
        not_finite: Literal["exclude", "fill"] = "exclude",
        unreadable_fovs: Literal["skip", "error"] = "skip",
        missing_tracks: Literal["skip", "error"] = "skip",
        bad_coordinates: Literal["error", "drop"] = "error",
        duplicate_rows: Literal["error", "drop"] = "error",
        missing_statistics: Literal["error", "compute"] = "error",
        return_negative: bool = False,
        group_by: list[str] = ["experiment"],  # noqa: B006 - as above
        stratify_by: list[str] = ["condition"],  # noqa: B006 - as above
        index_cache: str | None = None,
        prefetch_batches: int = 2,
        curation: str | None = "auto",
    ) -> None:
        super().__init__()
        given = keep_arguments(self, locals())
        LoaderOptions(**{name: given.pop(name) for name in LoaderOptions.__dataclass_fields__})  # the bounds
        self.config = pipeline_config(**given)
        self._prepare = Preparation(self.config.transforms)
        self._pipeline: Pipeline | None = None
        self._is_set_up = False
        self._train_loader: BatchLoader | None = None
        self._resume: dict[str, Any] | None = None
        self.observer: Callable[[dict[str, Any]], None] | None = None

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline; experiments and plates are read on first use."""
        if self._pipeline is None:
            self._pipeline = Pipeline(self.config)
        return self._pipeline

    @property
    def channel_dropout(self) -> ChannelDropout:
        """What drops channels of training batches."""
        return self._prepare.dropout

    @property
    def train_dataset(self) -> MultiExperimentTripletDataset | None:
        """Training anchors; None before `setup`."""
        return self.pipeline.train_dataset if self._is_set_up else None

    @property
    def val_dataset(self) -> MultiExperimentTripletDataset | None:
        """Validation anchors; None before `setup` and where nothing is held out."""
        return self.pipeline.val_dataset if self._is_set_up else None

    @property
    def num_source_channels(self) -> int:
        """Channels of a batch."""
        return self.pipeline.registry.num_source_channels

    @property
    def stack_depth(self) -> int:
        """Slices of a batch."""
        start, stop = self.config.data.z_range
        return stop - start

    def setup(self, stage: str) -> None:
        """Read tracks, find anchors and check everything that can be checked.

        Raises
        ------
        ConfigError, DataError
            As `Pipeline` says; also if Lightning would replace the sampler.
        """
        trainer = self.trainer
        if trainer is not None and trainer.world_size > 1 and _replaces_samplers(trainer):
            raise ConfigError(
                problem(
                    "Lightning would replace the batch sampler",
                    field="trainer.use_distributed_sampler",
                    expected=False,
                    found=True,
                )
            )
        if stage != "predict" and not self._is_set_up:
            self.pipeline.setup()
            self._is_set_up = True

    def _require_setup(self) -> None:
        if not self._is_set_up:
            what, fix = "the data module is not set up", 'Call setup("fit") first.'
            raise ConfigError(problem(what, fix=fix))

    def _ranks(self) -> tuple[int, int]:
        """Return the number of processes and this one's number."""
        return (1, 0) if self.trainer is None else (self.trainer.world_size, self.trainer.global_rank)

    def _loader(
        self,
        dataset: Any,
        batches: Any,
        observer: Callable[[dict[str, Any]], None] | None = None,
        same_epoch: bool = False,
        taken: int | None = None,
    ) -> BatchLoader:
        return BatchLoader(
            dataset,
            batch_sampler=batches,
            num_workers=self.num_workers,
            prefetch_batches=self.prefetch_batches,
            observer=observer,
            fingerprint=f"{dataset.fingerprint}-{batches.fingerprint}",
            same_epoch=same_epoch,
            taken=taken,
        )

    def train_dataloader(self) -> BatchLoader:
        """Return this rank's training batches, from where a resumed run had come to.

        A trainer that shall overfit gets the batches of the first epoch again and again.
        """
        self._require_setup()
        sampler = self.pipeline.sampler(*self._ranks())
        overfits, limit = False, None
        if self.trainer is not None:
            overfits, limit = self.trainer.overfit_batches > 0, self.trainer.limit_train_batches  # type: ignore[attr-defined]
        taken = int(limit * len(sampler)) if isinstance(limit, float) else limit
        loader = self._loader(self.pipeline.train_dataset, sampler, self.observer, overfits, taken)
        if self._resume is not None:
            loader.load_state_dict(self._resume)
            self._resume = None
        self._train_loader = loader
        return loader

    def state_dict(self) -> dict[str, Any]:
        """Return how far training has come; the same number of batches on every rank."""
        return {} if self._train_loader is None else {"train_loader": self._train_loader.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep where to go on until the loader is made.

        Lightning hands a loader its own state only if nothing made the loader earlier, and a learning
        rate schedule that asks for the number of steps does.
        """
        self._resume = state_dict.get("train_loader")

    def val_dataloader(self) -> BatchLoader | list[Any]:
        """Return this rank's validation batches, the same in every epoch; none if nothing is held out."""
        self._require_setup()
        if self.pipeline.val_dataset is None:
            return []
        return self._loader(self.pipeline.val_dataset, self.pipeline.val_batches(*self._ranks()))

    def predict_dataloader(self) -> PlainBatches:
        """Return every observation once, in the order of experiments, FOVs and frames."""
        dataset = self.pipeline.predict_dataset()
        batches = SequentialBatches(len(dataset), self.config.sampling.batch_size, *self._ranks(), pad=False)
        return PlainBatches(self._loader(dataset, batches))

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Normalize, augment and crop a batch on its device, as the stage asks for.

        Without a trainer, a batch made by hand is one of training.
        """
        if not isinstance(batch, dict) or keys.ANCHOR not in batch:
            return batch
        return self._prepare(batch, self._stage(batch))

    def _stage(self, batch: dict[str, Any]) -> Stage:
        """Sanity checking is validation. Without a trainer, a validation batch is told by its key."""
        if keys.INDEX in batch:
            return Stage.PREDICT
        if self.trainer is not None:
            return (
                Stage.TRAIN if self.trainer.training and not self.trainer.sanity_checking else Stage.VALIDATE
            )
        key = batch.get(keys.BATCH_KEY)
        return Stage.VALIDATE if key is not None and key.epoch == FIXED_EPOCH else Stage.TRAIN


def _replaces_samplers(trainer: Any) -> bool:
    return bool(trainer._accelerator_connector.use_distributed_sampler)


_OPTIONS = (item for item in fixed_parameters().values() if item.section == "data")
_DESCRIBED = "\n    ".join(f"{item.name}\n        {item.help}." for item in _OPTIONS)
MultiExperimentDataModule.__doc__ = (MultiExperimentDataModule.__doc__ or "").replace("{options}", _DESCRIBED)
