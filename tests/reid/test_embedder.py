"""The embedding path: one vector for one tracklet, whatever surrounds it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reid.calibration import Calibration
from reid.checkpoints import Provenance, save_checkpoint
from reid.clips import ClipIndices, clip_indices
from reid.embedder import Embedder
from reid.errors import ConfigError, WeightsError
from reid.models import build_model
from reid.preprocess import Crop, Preprocessing


def tracklet(num_crops: int, seed: int) -> list[Crop]:
    """Make crops of changing size that look alike within a tracklet and unlike between tracklets."""
    rng = np.random.default_rng(seed)
    scene = rng.integers(0, 256, (6, 3, 3), dtype=np.uint8)
    crops = []
    for index in range(num_crops):
        large = np.kron(scene, np.ones((10 + index % 3, 12, 1), dtype=np.uint8)).astype(np.uint8)
        crops.append(large ^ rng.integers(0, 32, large.shape, dtype=np.uint8))
    return crops


@pytest.fixture(scope="module")
def micro() -> Embedder:
    return Embedder.untrained("dcct-micro")


@pytest.fixture(scope="module", params=["dcct-micro", "dcct-compact"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return Embedder.untrained(request.param, batch_size=3)


def test_a_tracklet_has_one_vector_alone_or_in_any_batch(embedder: Embedder) -> None:
    tracklets = [tracklet(num_crops, seed) for seed, num_crops in enumerate([1, 3, 8, 20])]
    together = embedder.embed_variants(tracklets)
    backwards = embedder.embed_variants(tracklets[::-1])
    for name, vectors in together.items():
        np.testing.assert_allclose(backwards[name][::-1], vectors, atol=1e-5, rtol=0)
        for row in (0, 3):
            alone = embedder.embed([tracklets[row]], name)[0]
            np.testing.assert_allclose(alone, vectors[row], atol=1e-5, rtol=0)
    # Were all vectors alike, the comparisons above would say nothing.
    final = together["final"]
    assert np.abs(final[0] - final[1]).max() > 1e-3


def test_vectors_are_unit_float32_of_the_stated_widths(embedder: Embedder) -> None:
    found = embedder.embed_variants([tracklet(2, 0), tracklet(5, 1)])
    assert {name: vectors.shape for name, vectors in found.items()} == {
        name: (2, width) for name, width in embedder.variant_widths.items()
    }
    for vectors in found.values():
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(embedder.embed([tracklet(2, 0)])[0], found[embedder.variant][0], atol=1e-5)
    assert embedder.dim == found[embedder.variant].shape[1] <= 512


def test_no_tracklets_give_no_rows(micro: Embedder) -> None:
    assert micro.embed([]).shape == (0, micro.dim)
    assert micro.embed([]).dtype == np.float32
    assert {name: vectors.shape for name, vectors in micro.embed_variants([]).items()} == {
        name: (0, width) for name, width in micro.variant_widths.items()
    }


def test_vectors_are_made_as_the_parts_say(micro: Embedder) -> None:
    crops = tracklet(7, 4)
    model = build_model("dcct-micro").eval()
    clip = Preprocessing((64, 32))([crops[index] for index in clip_indices(7, 4)[0]])
    with torch.inference_mode():
        variants = model(clip[None]).variants
    units = {name: (values[0] / values[0].norm()).numpy() for name, values in variants.items()}
    for name, unit in units.items():
        np.testing.assert_allclose(micro.embed([crops], name)[0], unit, atol=1e-5)
    joined = np.concatenate([units["base"], units["complementary"], units["final"]]) / np.sqrt(3)
    np.testing.assert_allclose(micro.embed([crops], "all")[0], joined, atol=1e-5)


def test_several_clips_are_averaged_as_unit_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    def halves(num_frames: int, clip_length: int, policy: str) -> ClipIndices:
        return np.arange(num_frames).reshape(2, clip_length)

    monkeypatch.setattr("reid.embedder.clip_indices", halves)
    crops, others = tracklet(4, 1) + tracklet(4, 2), tracklet(8, 3)
    found = Embedder.untrained("dcct-micro", batch_size=3).embed([crops, others])
    monkeypatch.undo()
    clips = Embedder.untrained("dcct-micro").embed([crops[:4], crops[4:]])
    mean = clips.mean(axis=0)
    np.testing.assert_allclose(found[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_mirror_images_are_averaged_in(micro: Embedder) -> None:
    crops = tracklet(4, 1)
    flipping = Embedder.untrained("dcct-micro", flip=True)
    plain, mirrored = micro.embed([crops, [np.ascontiguousarray(crop[:, ::-1]) for crop in crops]])
    wanted = (plain + mirrored) / np.linalg.norm(plain + mirrored)
    (flipped,) = flipping.embed([crops])
    np.testing.assert_allclose(flipped, wanted, atol=1e-5)
    assert np.abs(flipped - plain).max() > 1e-4
    assert (flipping.describe()["flip"], micro.describe()["flip"]) == (True, False)


def test_the_network_runs_once_for_all_variants(micro: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    handle = micro._model.register_forward_hook(lambda *_: calls.append(1))
    micro.embed_variants([tracklet(2, 0), tracklet(2, 1)])
    handle.remove()
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("variant", "parts"), [("base", []), ("complementary", ["cca"]), ("final", ["cca", "hta"]), (None, ["cca", "hta"])]
)
def test_only_what_the_variant_needs_is_run(micro: Embedder, variant: str | None, parts: list[str]) -> None:
    ran: list[str] = []
    handles = [
        micro._model.get_submodule(part).register_forward_hook(lambda *_, part=part: ran.append(part))
        for part in ("cca", "hta")
    ]
    micro.embed([tracklet(2, 0)], variant)
    for handle in handles:
        handle.remove()
    assert ran == parts


def test_the_default_variant_is_the_configurations_unless_told_otherwise() -> None:
    model = build_model("dcct-micro", overrides={"run_variant": "complementary"})
    given = Preprocessing((64, 32)), Provenance(trained=False, seed=0)
    assert Embedder(model, *given).variant == "complementary"
    assert Embedder(model, *given, run_variant="base").variant == "base"


def test_sizes_come_from_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    model = build_model("dcct-micro", overrides={"image_size_hw": (48, 80), "clip_length": 3, "width": 24})
    preprocessing = Preprocessing((48, 80), mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7), interpolation="bilinear")
    curve = Calibration((0.1, 0.5), (0.2, 0.01), crop_selection="even:16", policy="even", variant="final", pairs=9)
    provenance = Provenance(trained=True, seed=0, dataset="made-up", epochs=2)
    save_checkpoint(path, model, provenance, preprocessing=preprocessing, calibration=curve)
    embedder = Embedder.from_checkpoint(path)
    assert (embedder.dim, embedder.clip_length, embedder.image_size_hw) == (48, 3, (48, 80))
    assert (embedder.trained, embedder.calibration) == (True, curve)
    crops = tracklet(9, 0)
    with torch.inference_mode():
        clip = preprocessing([crops[index] for index in clip_indices(9, 3)[0]])
        expected = model.eval()(clip[None]).variants["final"][0]
    np.testing.assert_allclose(embedder.embed([crops])[0], expected / expected.norm(), atol=1e-5)
    assert embedder.fingerprint == Embedder(model, preprocessing, provenance).fingerprint


def test_an_untrained_model_is_a_function_of_its_seed(micro: Embedder) -> None:
    crops = [tracklet(3, 0)]
    np.testing.assert_array_equal(Embedder.untrained("dcct-micro").embed(crops), micro.embed(crops))
    other = Embedder.untrained("dcct-micro", seed=1)
    assert np.abs(other.embed(crops) - micro.embed(crops)).max() > 1e-3
    assert other.fingerprint != micro.fingerprint == Embedder.untrained("dcct-micro").fingerprint
    assert not micro.trained
    assert micro.calibration is None


def test_global_state_is_left_alone() -> None:
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    numpy_state = np.random.get_state()[1].copy()  # type: ignore[index, union-attr]  # noqa: NPY002
    Embedder.untrained("dcct-micro", seed=9).embed([tracklet(2, 0)])
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # type: ignore[index]  # noqa: NPY002
    assert torch.is_grad_enabled()


def test_the_description_is_json(micro: Embedder) -> None:
    described = json.loads(json.dumps(micro.describe()))
    assert described["model"] == "dcct-micro"
    assert described["dim"] == 128
    assert described["image_size_hw"] == [64, 32]
    assert described["trained"] is False
    assert described["fingerprint"] == micro.fingerprint
    assert len(micro.fingerprint) == 64


def test_only_picked_crops_are_read_and_once(micro: Embedder) -> None:
    class Reader(Sequence[Crop]):
        def __init__(self) -> None:
            self.crops, self.read = tracklet(20, 0), list[int]()

        def __len__(self) -> int:
            return len(self.crops)

        def __getitem__(self, index: Any) -> Any:
            self.read.append(index)
            return self.crops[index]

    reader = Reader()
    np.testing.assert_array_equal(micro.embed([reader]), micro.embed([reader.crops]))
    assert reader.read == clip_indices(20, 4)[0].tolist()


def test_bad_tracklets_are_refused(micro: Embedder) -> None:
    with pytest.raises(ValueError, match="tracklet 1: it has no crops"):
        micro.embed([tracklet(1, 0), []])
    with pytest.raises(ValueError, match="tracklet 0, crop 1: crop: expected"):
        micro.embed([[tracklet(1, 0)[0], np.zeros((5, 4), np.uint8)]])
    with pytest.raises(ValueError, match="float64"):
        micro.embed([[np.zeros((5, 4, 3))]])  # type: ignore[list-item]


def test_unknown_names_are_refused(micro: Embedder) -> None:
    with pytest.raises(ConfigError, match="has no 'spatial', it has base"):
        micro.embed([tracklet(1, 0)], "spatial")
    with pytest.raises(ConfigError, match="did you mean 'dcct-micro'"):
        Embedder.untrained("dcct-micr")
    with pytest.raises(ConfigError, match="policy"):
        Embedder.untrained("dcct-micro", policy="random")
    with pytest.raises(ConfigError, match="batch_size"):
        Embedder.untrained("dcct-micro", batch_size=0)


def test_devices_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(ConfigError, match="not a device that torch knows"):
        Embedder.untrained("dcct-micro", device="toaster")
    with pytest.raises(ConfigError, match="is not there"):
        Embedder.untrained("dcct-micro", device="cuda:99")
    with pytest.raises(ConfigError, match="half precision needs a CUDA device"):
        Embedder.untrained("dcct-micro", half=True)


def test_weights_that_are_not_numbers_are_reported(tmp_path: Path) -> None:
    model = build_model("dcct-micro")
    with torch.no_grad():
        model.cnn.net.conv_stem.weight.fill_(float("nan"))
    embedder = Embedder(model, Preprocessing((64, 32)), Provenance(trained=False, seed=0))
    with pytest.raises(WeightsError, match="not finite"):
        embedder.embed([tracklet(1, 0)])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("half", "closeness"), [(False, 1e-3), (True, 2e-2)])
def test_cuda_agrees_with_the_cpu(micro: Embedder, half: bool, closeness: float) -> None:
    tracklets = [tracklet(num_crops, seed) for seed, num_crops in enumerate([1, 3, 8])]
    on_gpu = Embedder.untrained("dcct-micro", device="cuda", half=half).embed(tracklets)
    np.testing.assert_allclose(on_gpu, micro.embed(tracklets), atol=closeness)
