"""Frozen networks: features computed once, kept on disk, and a projector on which every method of the course acts."""

import shutil

import numpy as np
import pytest
import torch

timm = pytest.importorskip("timm", reason="needs the extra: pip install -e '.[foundation]'")

from wbc_tutorial import foundation, load_model, models, predict, save_model  # noqa: E402
from wbc_tutorial.experiments.runner import run  # noqa: E402
from wbc_tutorial.experiments.settings import Settings  # noqa: E402
from wbc_tutorial.training.frozen import N_VIEWS, FrozenViews  # noqa: E402
from wbc_tutorial.training.loop import fit  # noqa: E402
from wbc_tutorial.transforms.augmentation import augment  # noqa: E402

TINY = "vit_tiny_patch16_224"


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WBC_TUTORIAL_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def name(tmp_path_factory):
    """A small transformer of random weights in a local file, as a haematology model's weights would lie there."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(timm.create_model(TINY, num_classes=0).state_dict(), path)
    return f"{TINY}={path}"


@pytest.fixture
def computed(monkeypatch):
    """Count the images that go through a trunk."""
    counts = []
    whole = foundation.Trunk.__call__
    monkeypatch.setattr(
        foundation.Trunk, "__call__", lambda self, images: counts.append(len(images)) or whole(self, images)
    )
    return counts


def test_features_are_class_token_and_mean_of_the_patches(name):
    trunk = foundation.trunk(name)
    images = torch.rand(2, 3, 112, 112)
    tokens = trunk._loaded().forward_features((images - 0.5) / 0.5)  # the mean and spread that this network expects
    expected = torch.cat([tokens[:, 0], tokens[:, 1:].mean(1)], 1)
    assert torch.allclose(trunk(images), expected, atol=1e-5) and trunk(images).shape == (2, trunk.n_features)
    assert trunk(images[:, :, :64, :64]).shape == (2, 384)  # of another size: resized


def test_a_copy_can_be_trained_and_the_trunk_stays_as_it_is(name):
    trunk, images = foundation.trunk(name), torch.rand(2, 3, 64, 64)
    before, network = trunk(images), trunk.trainable()
    assert torch.allclose(network(images), before, atol=1e-5)
    network(images).square().mean().backward()
    with torch.no_grad():
        for each in network.parameters():
            each.sub_(each.grad)
    assert torch.equal(trunk(images), before) and not torch.allclose(network(images), before, atol=1e-3)


def test_an_image_is_computed_once_and_its_pixels_decide(name, computed):
    trunk, images = foundation.trunk(name), torch.rand(5, 3, 16, 16)
    first = trunk.remembered(images[:3])
    again = trunk.remembered(images.flip(0))
    assert computed == [3, 2] and torch.equal(again.flip(0)[:3], first)
    assert torch.allclose(first.float(), trunk(images[:3]), atol=2e-2)
    assert trunk.remembered(images[:0]).shape == (0, 384)


def test_another_method_of_the_same_images_takes_the_views_as_they_are(name, cells):
    drawn = []

    def counted(images, generator):
        drawn.append(len(images))
        return augment(images, generator)

    first = FrozenViews(models.on_trunk(name, 3), cells, counted)
    again = FrozenViews(models.on_trunk(name, 3, width=0), cells, counted)
    assert sum(drawn) == len(cells) and again.values is first.values
    part = FrozenViews(models.on_trunk(name, 3), cells.subset(np.arange(10)), counted)
    assert sum(drawn) == len(cells) + 10 and torch.equal(part.values, first.values[:, :10])
    other = FrozenViews(models.on_trunk(name, 3), cells.subset(np.arange(10)), augment)
    assert other.values is not part.values, "another function may draw otherwise"


def test_views_of_an_image_do_not_depend_on_the_images_beside_it(name, cells, computed):
    model = models.on_trunk(name, 3)
    views = FrozenViews(model, cells, augment)
    assert views.values.shape == (N_VIEWS, len(cells), 384)
    assert not torch.equal(views.values[0], views.values[1])
    so_far = sum(computed)
    part = FrozenViews(model, cells.subset(np.arange(40, 10, -1)), augment)
    assert sum(computed) == so_far and torch.equal(part.values.flip(1), views.values[:, 11:41])
    batch = views.batch(np.array([7, 7, 7, 7, 7, 7, 7, 7]), torch.Generator().manual_seed(0))
    assert {tuple(row) for row in batch.tolist()} == {tuple(row) for row in views.values[:, 7].float().tolist()}


def test_only_what_stands_on_the_frozen_network_is_trained_and_saved(name, cells, tmp_path):
    model = models.on_trunk(name, 3, width=8)
    before = [values.clone() for values in model.trunk._loaded().parameters()]
    history = fit(model, cells, steps=60, learning_rate=1e-2, progress=None)
    assert history.loss[-1] < 0.5 * history.loss[0]
    assert all(torch.equal(old, new) for old, new in zip(before, model.trunk._loaded().parameters(), strict=True))
    save_model(model, tmp_path / "model.pt")
    assert (tmp_path / "model.pt").stat().st_size < 100_000
    assert np.allclose(predict(load_model(tmp_path / "model.pt"), cells), predict(model, cells), atol=1e-5)
    assert predict(model, cells, tta=True).shape == (len(cells), 3)


def test_every_method_runs_on_a_frozen_network_and_a_second_fold_computes_nothing(name, data, tmp_path, computed):
    settings = Settings("open5", str(data), backbone=f"frozen:{name}", steps=3, device="cpu")
    said = []
    methods = ("erm_plus", "coral", "dann", "boda", "boda_plus")
    rows = run(settings, methods, out=tmp_path / "out", say=said.append, progress=False)
    assert set(rows.method) == set(methods) and rows.f1_macro.notna().all()
    assert "frozen:" in said[0] and "from a few timed steps" in said[0]
    known = settings.benchmark.load(data).of_domain("acevedo_20", "raabin")
    assert sum(computed) < (N_VIEWS + 1) * (len(known) + 200)
    so_far = sum(computed)
    run(settings, ("erm",), n_folds=2, out=tmp_path / "out", say=said.append, progress=False)
    assert sum(computed) - so_far <= (N_VIEWS - 1) * len(known)  # views of the images that fold 0 validated on


def test_results_depend_on_the_weights_not_on_where_they_lie(name, tmp_path):
    architecture, _, path = name.partition("=")
    copy = tmp_path / "elsewhere.pth"
    shutil.copyfile(path, copy)
    one, same = (Settings("open5", backbone=f"frozen:{each}").identity() for each in (name, f"{architecture}={copy}"))
    assert one == same and path not in str(one)


def test_a_cache_that_cannot_be_used_stops_nobody(name, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "foundation_features.sqlite").write_text("no database, but long enough to look like one")
    images = torch.rand(2, 3, 16, 16)
    for place, fix in (
        ("file", r"\): set WBC_TUTORIAL_CACHE"),
        ("damaged", "delete that file, or set WBC_TUTORIAL_CACHE"),
    ):
        monkeypatch.setenv("WBC_TUTORIAL_CACHE", str(tmp_path / place))
        with pytest.warns(UserWarning, match=f"foundation_features.sqlite.*{fix}"):
            assert foundation.trunk(name).remembered(images).shape == (2, 384)


def test_a_saved_model_is_read_where_no_trunk_was_built_yet(name, cells, tmp_path):
    model = models.on_trunk(name, 3, width=8)
    save_model(model, tmp_path / "model.pt")
    expected = predict(model, cells)
    foundation.trunk.cache_clear()  # as in another process
    assert np.allclose(predict(load_model(tmp_path / "model.pt"), cells), expected, atol=1e-5)


def test_a_saved_model_is_refused_with_other_weights(name, tmp_path):
    path = tmp_path / "mine.pth"
    shutil.copyfile(name.partition("=")[2], path)
    save_model(models.on_trunk(f"{TINY}={path}", 3, width=8), tmp_path / "model.pt")
    torch.save(timm.create_model(TINY, num_classes=0).state_dict(), path)
    foundation.trunk.cache_clear()
    foundation._digest_of_file.cache_clear()
    with pytest.raises(ValueError, match="was trained on the features of .*: put the same weights back"):
        load_model(tmp_path / "model.pt")
    path.unlink()
    foundation.trunk.cache_clear()
    with pytest.raises(FileNotFoundError, match="no weights at .*mine.pth: put the file there"):
        load_model(tmp_path / "model.pt")


def test_without_a_connection_one_line_says_what_to_do(monkeypatch):
    whole = timm.create_model

    def offline(*arguments, pretrained, **options):
        if pretrained:
            raise FileNotFoundError("An error happened while trying to locate the file\non the Hub")
        return whole(*arguments, pretrained=pretrained, **options)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ConnectionError, match=f"could not download weights of {TINY} .*frozen:{TINY}=FILE") as caught:
        foundation.Trunk(TINY)(torch.rand(1, 3, 16, 16))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("backbone", "error", "said"),
    [
        ("frozen:", ValueError, "unknown backbone"),
        ("frozen:=weights.pth", ValueError, "unknown backbone"),
        ("dino", ValueError, "frozen:NAME"),
        ("frozen:no_such_network", ValueError, "timm.list_models"),
        (f"frozen:{TINY}=nowhere.pth", FileNotFoundError, "no weights at nowhere.pth"),
    ],
)
def test_what_cannot_be_built_says_what_to_do(backbone, error, said):
    with pytest.raises(error, match=said):
        models.build(backbone, 3)


def test_other_kinds_of_networks_say_themselves_how_many_features_they_give():
    """Convolutions, a head before the logits, a transformer without a class token, one that takes any size."""
    for architecture, n_features in (
        ("resnet18", 512),
        ("mobilenetv3_small_050", 1024),
        ("vit_medium_patch16_gap_240", 512),
        ("deit_tiny_distilled_patch16_224", 2 * 192),
    ):
        assert foundation.Trunk(architecture).n_features == n_features
    for fixed in ("mixer_s16_224", "cait_xxs24_224"):
        with pytest.raises(ValueError, match=f"{fixed} takes no images of 112 x 112 pixels .*: choose another"):
            foundation.Trunk(fixed)


def test_weights_of_another_shape_are_refused(tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "w.pth")
    trunk = foundation.Trunk(f"{TINY}={tmp_path / 'w.pth'}")
    with pytest.raises(ValueError, match="not the weights of VisionTransformer"):
        trunk(torch.rand(1, 3, 16, 16))


def test_what_has_no_effect_on_frozen_features_is_refused(data, tmp_path):
    pytest.importorskip("onnx")
    for backbone, methods, recipe, said in (
        ("dinov2_s14_linear", ("erm", "group_dro", "coral"), "", "^CORAL move features, and a linear probe has none"),
        ("dinov2_s14", ("mixup",), "", "mixup mixes the images of a batch"),
        ("dinov2_s14", ("erm",), "group_norm", "^group_norm of the recipe.*leave it out of --recipe"),
        ("dinov2_s14", ("erm",), "tta,frozen_bn", "^frozen_bn of the recipe.*leave it out of --recipe"),
    ):
        with pytest.raises(ValueError, match=said):
            run(Settings("open5", str(data), backbone=backbone, recipe=recipe), methods, out=tmp_path, say=str)


def test_dinov2_comes_from_its_package_and_every_weight_finds_its_place(monkeypatch):
    pytest.importorskip("onnx")
    try:
        trunk = foundation.trunk("dinov2_s14")
    except ModuleNotFoundError as error:
        pytest.skip(str(error))
    monkeypatch.setattr(foundation, "SIZE", 224)
    rows, columns = torch.meshgrid(torch.arange(224.0), torch.arange(224.0), indexing="ij")
    waves = torch.stack([torch.sin(rows / 9), torch.cos(columns / 13), torch.sin((rows + columns) / 21)])
    z = trunk(waves[None] * 0.5 + 0.5)[0]
    # onnxruntime on the package's own graph, whose positions are interpolated a little differently: correlation .9999
    theirs = torch.tensor([-0.942, -0.936, 2.103, -2.54, -0.357, -0.939, 2.986, -1.266])
    assert z.shape == (768,) and torch.allclose(z[::96], theirs, atol=0.1)
