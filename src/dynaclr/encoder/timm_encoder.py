"""From images to features and projections with a timm network.

timm is imported when an encoder is built, not with this module.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from dynaclr.base.bounds import Bounds
from dynaclr.base.errors import ConfigError, problem, suggest
from dynaclr.encoder.small_encoder import BOUNDS as SIZES
from dynaclr.encoder.small_encoder import SIZE, SmallEncoder, check_images, check_sizes, projection_head

__all__ = ("BOUNDS", "ContrastiveEncoder", "FoldingStem", "SmallEncoder")

BOUNDS = {**SIZES, "stem_kernel_size": SIZE, "drop_path_rate": Bounds(0, 1, below=True)}
"""Bounds of the arguments of all encoders that are numbers."""


class FoldingStem(nn.Module):
    """3-D convolution whose output slices become channels: (B, C, Z, Y, X) to (B, out_channels, Y', X').

    Along the depth the kernel's steps do not overlap: Z / kernel slabs of slices, each giving
    out_channels / slabs channels. With one slice it is a plain 2-D convolution.

    Parameters
    ----------
    in_channels, in_stack_depth
        C and Z.
    out_channels
        Channels after folding; a multiple of the number of slabs.
    kernel_size
        (z, y, x) in slices and px; z is 1 if there is one slice, whatever it says.
    patches
        True: steps in the plane are as long as the kernel, and up to kernel - 1 px at the far border
        are not seen. False: steps of 1 px with zeros around, so that the plane keeps its size.

    Raises
    ------
    ConfigError
        If the kernel does not divide the depth, or the slabs do not divide out_channels.
    """

    def __init__(
        self,
        in_channels: int,
        in_stack_depth: int,
        out_channels: int,
        kernel_size: tuple[int, int, int],
        *,
        patches: bool,
    ) -> None:
        super().__init__()
        z, y, x = kernel_size if in_stack_depth > 1 else (1, *kernel_size[1:])
        slabs = _slabs(in_stack_depth, z)
        if out_channels % slabs:
            fitting = [k for k in range(1, in_stack_depth + 1) if not in_stack_depth % k]
            fitting = [k for k in fitting if not out_channels % (in_stack_depth // k)]
            what = f"{slabs} slabs of {z} slices cannot share the {out_channels} channels of the backbone"
            raise ConfigError(
                problem(what, field="stem_kernel_size[0]", expected=f"one of {fitting}", found=z)
            )
        stride = (z, y, x) if patches else (z, 1, 1)
        around = ((x - 1) // 2, x // 2, (y - 1) // 2, y // 2)
        self.padding = None if patches else around
        self.conv = nn.Conv3d(in_channels, out_channels // slabs, (z, y, x), stride=stride)

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, out_channels, Y', X'); channel c of slab k is channel c * slabs + k."""
        padded = images if self.padding is None else F.pad(images, self.padding)
        folded: Tensor = self.conv(padded).flatten(1, 2)
        return folded


class ContrastiveEncoder(nn.Module):
    """A timm backbone behind a 3-D stem, with a projection head.

    How the stem is joined depends on the backbone:

    - ConvNeXt (`stem`) and ResNet (`conv1`, `maxpool`) lose their own first convolutions and pooling, and
      keep their first norm; the stem steps in patches of its kernel, 4 px by default as theirs do.
    - Any other backbone keeps its own stem. Before it the 3-D stem folds the depth into
      in_channels * Z channels at full resolution (steps of 1 px); with Z = 1 there is none, and
      the kernel is not used.

    Backbones whose position codes fix the image size (ViT) resample them to the size that comes;
    those that cannot are refused.

    Parameters
    ----------
    backbone
        Name of a timm model, with or without the tag of its weights.
    in_channels, in_stack_depth
        C and Z of the images.
    stem_kernel_size
        (z, y, x) of the 3-D stem in slices and px; z is not used if Z = 1.
    projection_dim
        Number of projections, which the loss sees.
    pretrained
        Load timm's weights. Stems that are replaced start untrained.
    drop_path_rate
        Share of residual branches left out in training, 0 to 1 exclusive.

    Raises
    ------
    ConfigError
        If the backbone is unknown or cannot be used, a size does not divide, or weights cannot be loaded.
    """

    def __init__(
        self,
        backbone: str = "convnext_tiny",
        in_channels: int = 2,
        in_stack_depth: int = 15,
        stem_kernel_size: tuple[int, int, int] = (5, 4, 4),
        projection_dim: int = 128,
        pretrained: bool = False,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        check_sizes(in_channels=in_channels, in_stack_depth=in_stack_depth, projection_dim=projection_dim)
        kernel = _kernel(stem_kernel_size)
        if not BOUNDS["drop_path_rate"].holds(drop_path_rate):
            expected = BOUNDS["drop_path_rate"]
            raise ConfigError(
                problem("value out of range", field="drop_path_rate", expected=expected, found=drop_path_rate)
            )
        if in_stack_depth > 1:
            _slabs(in_stack_depth, kernel[0])
        self.in_channels, self.in_stack_depth = in_channels, in_stack_depth
        folded = in_channels * in_stack_depth
        self.body = _create(backbone, folded, pretrained, drop_path_rate)
        own = _own_stem(self.body)
        if own is None and in_stack_depth == 1:
            self.stem: nn.Module = nn.Flatten(1, 2)
        else:
            channels = folded if own is None else own.channels
            self.stem = FoldingStem(in_channels, in_stack_depth, channels, kernel, patches=own is not None)
        if own is not None:
            own.remove(self.body)
        self.feature_dim = int(getattr(self.body, "head_hidden_size", None) or self.body.num_features)
        self.projection_dim = projection_dim
        self.head = projection_head(self.feature_dim, projection_dim)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (B, feature_dim) and projections (B, projection_dim) of (B, C, Z, Y, X).

        Raises
        ------
        ConfigError
            If C or Z is not what the encoder was built for.
        """
        check_images(images, self.in_channels, self.in_stack_depth)
        features = self.body(self.stem(images))
        return features, self.head(features)


class _OwnStem(NamedTuple):
    """Channels that a known stem of timm gives, and what takes the place of its parts."""

    channels: int
    parts: dict[str, nn.Module]

    def remove(self, body: nn.Module) -> None:
        for name, part in self.parts.items():
            setattr(body, name, part)


def _own_stem(body: Any) -> _OwnStem | None:
    """Return how to take away the stem of a timm model; None for one that keeps it."""
    from timm.models import convnext, resnet

    kind = type(body)
    if issubclass(kind, convnext.ConvNeXt):
        channels = [part for part in body.stem if isinstance(part, nn.Conv2d)][-1].out_channels
        return _OwnStem(channels, {"stem": body.stem[-1]})  # its norm stays
    if issubclass(kind, resnet.ResNet):
        channels = int(body.bn1.num_features)
        return _OwnStem(channels, {"conv1": nn.Identity(), "maxpool": nn.Identity()})
    return None


def _create(backbone: str, in_chans: int, pretrained: bool, drop_path_rate: float) -> Any:
    """Return the timm model without classifier."""
    import timm

    if not timm.is_model(backbone):
        hint = suggest(backbone.split(".")[0], timm.list_models())
        raise ConfigError(problem("unknown timm model", field="backbone", found=backbone, fix=hint.strip()))
    options: dict[str, Any] = {"drop_path_rate": drop_path_rate} if drop_path_rate else {}
    known = timm.get_pretrained_cfg(backbone)
    if known is not None and known.fixed_input_size:
        options["dynamic_img_size"] = True
    try:
        return timm.create_model(backbone, pretrained=pretrained, in_chans=in_chans, num_classes=0, **options)
    except TypeError as error:
        what = f"backbone {backbone} does not take {', '.join(options) or 'these options'}"
        raise ConfigError(problem(what, field="backbone", found=str(error).rstrip("."))) from error
    except (OSError, RuntimeError) as error:
        what = f"backbone {backbone} cannot be built" + (" with its weights" if pretrained else "")
        fix = "Set pretrained to false to train from random weights." if pretrained else None
        raise ConfigError(problem(what, field="backbone", found=str(error).rstrip("."), fix=fix)) from error


def _kernel(size: tuple[int, int, int]) -> tuple[int, int, int]:
    if len(size) != 3:
        expected = "three sizes (z, y, x)"
        raise ConfigError(problem("wrong length", field="stem_kernel_size", expected=expected, found=size))
    check_sizes(**{f"stem_kernel_size[{place}]": value for place, value in enumerate(size)})
    return (size[0], size[1], size[2])


def _slabs(in_stack_depth: int, kernel_z: int) -> int:
    """Return how many kernels lie along the depth."""
    if in_stack_depth % kernel_z:
        expected = f"a divisor of in_stack_depth {in_stack_depth}"
        raise ConfigError(
            problem("does not divide", field="stem_kernel_size[0]", expected=expected, found=kernel_z)
        )
    return in_stack_depth // kernel_z
