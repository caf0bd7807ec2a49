"""Two processes that train as one against one process with the joint batch.

The processes are started once; each saves what it found, and the tests compare. They meet through a file.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import torch.multiprocessing
from timm.layers import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from reid.criterion import Criterion, LossSettings, SupervisedModel
from reid.distributed import (
    barrier,
    broadcast_object,
    gather_objects,
    gather_with_gradient,
    start_world,
    synchronise_batch_norm,
)
from reid.errors import ConfigError, RunError, VreidError
from reid.models import PRESETS, ReidModel, build_model

SIZE = 2
LABELS = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])


class Case(NamedTuple):
    """A model and the losses it is trained with."""

    model: str
    overrides: dict[str, Any]
    losses: LossSettings
    dtype: torch.dtype = torch.float64

    @property
    def id(self) -> str:
        return f"{self.model}, {' '.join(self.losses.weights)}, {str(self.dtype).removeprefix('torch.')}"


PAPER = {"ce": 1.0, "triplet": 1.0}
OTHERS = LossSettings(weights={"cosine": 1.0, "supcon": 0.5, "centre": 0.01, "oim": 0.2})
DCCT = ("dcct-micro", {"drop_path": 0.0})
CASES = [
    Case(*DCCT, LossSettings(weights=PAPER | {"aux": 0.1}, smoothing=0.1)),
    Case(*DCCT, OTHERS),
    Case("stca-micro", {}, LossSettings(weights=PAPER, distance="cosine")),
    Case("stca-micro", {}, OTHERS),
]
SINGLE = CASES[0]._replace(dtype=torch.float32)

# Normalisations with a batch that is not split evenly in its values: means far from zero, and apart in both halves.
NORMS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "1d": (lambda: nn.BatchNorm1d(5), (6, 5)),
    "1d over time": (lambda: nn.BatchNorm1d(5), (6, 5, 3)),
    "2d": (lambda: nn.BatchNorm2d(5, eps=1e-3, momentum=0.3), (6, 5, 4, 3)),
    "3d": (lambda: nn.BatchNorm3d(5), (4, 5, 2, 4, 3)),
    "timm": (lambda: BatchNormAct2d(5, act_layer=nn.SiLU), (6, 5, 4, 3)),
    "no affine": (lambda: nn.BatchNorm2d(5, affine=False), (6, 5, 4, 3)),
    "cumulative": (lambda: nn.BatchNorm1d(5, momentum=None), (6, 5)),
    "untracked": (lambda: nn.BatchNorm1d(5, track_running_stats=False), (6, 5)),
}


def given(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return values + torch.arange(len(values), dtype=torch.float64).view(-1, *[1] * (len(shape) - 1))


def share(joint: Tensor, rank: int) -> Tensor:
    return joint.chunk(SIZE)[rank]


def norm_named(name: str) -> nn.Module:
    norm = NORMS[name][0]().double()
    if norm.weight is not None:
        with torch.no_grad():
            norm.weight.copy_(given((5,)))
            norm.bias.copy_(given((5,), seed=1))
    return norm


def normalised(norm: nn.Module, x: Tensor, wanted: Tensor) -> dict[str, Any]:
    """Run two steps of training and one of evaluation; the first step's input gets the gradient of a product."""
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    output = norm(x)
    (output * wanted).sum().backward()
    norm(2 * x.detach())
    state = {key: value.clone() for key, value in norm.state_dict().items()}
    return {
        "output": output.detach(),
        "gradient": x.grad,
        "parameters": {name: parameter.grad for name, parameter in norm.named_parameters()},
        "state": state,
        "eval": norm.eval()(x.detach()).detach(),
    }


def trained(case: Case, rank: int | None) -> dict[str, Any]:
    """Take gradients of a model and its criterion twice: with the whole batch, or as one of the processes."""
    model = build_model(case.model, num_classes=4, overrides=case.overrides).to(case.dtype).train()
    criterion = Criterion(case.losses, model.stage_widths, 4, model.aux_losses).to(case.dtype)
    network: nn.Module = SupervisedModel(model, criterion)
    if rank is not None:
        synchronise_batch_norm(model)
        network = DistributedDataParallel(network, find_unused_parameters=True)
    clips = torch.randn(8, 2, 3, *model.config.image_size_hw, generator=torch.Generator().manual_seed(0))
    clips = clips.to(case.dtype)
    found: dict[str, Any] = {}
    for step in range(2):
        frames = clips + step
        labels = LABELS
        if rank is not None:
            frames, labels = share(frames, rank), share(labels, rank)
        network.zero_grad()
        terms = network(frames, labels)
        criterion.total(terms).backward()
        found[f"terms {step}"] = {name: term.detach() for name, term in terms.items()}
    parameters = {**dict(model.named_parameters()), **dict(criterion.named_parameters())}
    found["gradients"] = {name: p.grad.clone() for name, p in parameters.items() if p.grad is not None}
    found["buffers"] = {**dict(model.named_buffers()), **dict(criterion.named_buffers())}
    return found


def talked(rank: int) -> dict[str, Any]:
    """Send tensors and objects between the processes."""
    x = torch.full((2, 3), float(rank + 1), requires_grad=True)
    joint = gather_with_gradient(x.T.contiguous().T)
    (joint * torch.arange(12.0).view(4, 3) * (rank + 1)).sum().backward()
    barrier()
    return {
        "joint": joint.detach(),
        "gradient": x.grad,
        "labels": gather_with_gradient(torch.tensor([rank, 7])),
        "objects": gather_objects({"rank": rank}),
        "broadcast": broadcast_object(f"from {rank}"),
        "from the last": broadcast_object(f"from {rank}", source=1),
    }


def work(rank: int, folder: Path) -> None:
    """Be one of the processes: do everything and save what came of it."""
    os.environ.update(WORLD_SIZE=str(SIZE), RANK=str(rank), LOCAL_RANK=str(rank), GLOO_SOCKET_IFNAME="lo")
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    with start_world("cpu", init_method=f"file://{folder / 'meet'}") as world:
        found["world"] = (world.rank, world.size, str(world.device), world.is_main)
        found["talked"] = talked(rank)
        for name, (_, shape) in NORMS.items():
            x, wanted = share(given(shape), rank), share(given(shape, seed=2), rank)
            found[name] = normalised(synchronise_batch_norm(norm_named(name)), x, wanted)
        shape = NORMS["2d"][1]
        x = share(given(shape), rank).contiguous(memory_format=torch.channels_last)
        norm = synchronise_batch_norm(norm_named("2d"))
        found["channels last"] = normalised(norm, x, share(given(shape, seed=2), rank))
        found["stays channels last"] = norm.train()(x).is_contiguous(memory_format=torch.channels_last)
        found["half"] = synchronise_batch_norm(norm_named("2d").float())(x.bfloat16()).dtype
        for case in (*CASES, SINGLE):
            found[case.id] = trained(case, rank)
        if world.is_main:
            found["keys"] = {name: list(synchronise_batch_norm(_on_meta(name)).state_dict()) for name in PRESETS}
        try:
            synchronise_batch_norm(nn.Sequential(nn.SyncBatchNorm(3)))
        except TypeError as error:
            found["unknown norm"] = str(error)
    found["left"] = torch.distributed.is_initialized()
    try:
        with start_world("cpu", init_method=f"file://{folder / 'again'}"):
            if rank == 0:
                raise ConfigError("this one gives up")
            barrier()
    except VreidError as error:
        found["end"] = (type(error), str(error))
    torch.save(found, folder / f"{rank}.pt")


def _on_meta(name: str) -> ReidModel:
    with torch.device("meta"):
        return build_model(name, num_classes=3)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("processes")
    torch.multiprocessing.spawn(work, (folder,), nprocs=SIZE)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(SIZE)]


def test_each_process_knows_its_place(found: list[dict[str, Any]]) -> None:
    assert [each["world"] for each in found] == [(0, 2, "cpu", True), (1, 2, "cpu", False)]
    assert not any(each["left"] for each in found)


def test_what_one_sends_all_get(found: list[dict[str, Any]]) -> None:
    for rank, each in enumerate(found):
        talked = each["talked"]
        assert talked["joint"].tolist() == [[1.0] * 3] * 2 + [[2.0] * 3] * 2
        # The first process asks for its products once, the second twice.
        assert talked["gradient"].tolist() == (3 * torch.arange(12.0).view(4, 3)).chunk(2)[rank].tolist()
        assert talked["labels"].tolist() == [0, 7, 1, 7]
        assert talked["objects"] == [{"rank": 0}, {"rank": 1}]
        assert (talked["broadcast"], talked["from the last"]) == ("from 0", "from 1")


def test_a_process_whose_fellow_gives_up_says_so_in_one_line(found: list[dict[str, Any]]) -> None:
    assert found[0]["end"] == (ConfigError, "this one gives up")
    kind, message = found[1]["end"]
    assert kind is RunError
    assert message.startswith("process 1 of 2 lost the others: ")
    assert "\n" not in message


@pytest.mark.parametrize("name", [*NORMS, "channels last"])
def test_normalisation_is_that_of_the_joint_batch(found: list[dict[str, Any]], name: str) -> None:
    kind = "2d" if name == "channels last" else name
    shape = NORMS[kind][1]
    alone = normalised(norm_named(kind), given(shape), given(shape, seed=2))
    for part in ("output", "gradient"):
        joint = torch.cat([each[name][part] for each in found])
        torch.testing.assert_close(joint, alone[part], atol=1e-9, rtol=1e-9)
    if kind != "untracked":  # whose evaluation is of the batch that it is given
        joint = torch.cat([each[name]["eval"] for each in found])
        torch.testing.assert_close(joint, alone["eval"], atol=1e-9, rtol=1e-9)
    for each in found:
        torch.testing.assert_close(each[name]["state"], alone["state"], atol=1e-9, rtol=1e-9)
    for parameter, gradient in alone["parameters"].items():
        total = sum(each[name]["parameters"][parameter] for each in found)
        torch.testing.assert_close(total, gradient, atol=1e-9, rtol=1e-9)


def test_normalisation_keeps_layout_and_type(found: list[dict[str, Any]]) -> None:
    assert all(each["stays channels last"] for each in found)
    assert all(each["half"] == torch.bfloat16 for each in found)


def test_every_models_weights_keep_their_names(found: list[dict[str, Any]]) -> None:
    for name in PRESETS:
        assert found[0]["keys"][name] == list(_on_meta(name).state_dict())


def test_a_normalisation_of_an_unknown_kind_is_refused(found: list[dict[str, Any]]) -> None:
    assert found[0]["unknown norm"] == "0: no synchronised form of SyncBatchNorm is known"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_two_processes_have_the_gradients_of_one_with_the_joint_batch(found: list[dict[str, Any]], case: Case) -> None:
    alone = trained(case, None)
    gradients = alone["gradients"]
    largest = max(float(gradient.norm()) for gradient in gradients.values())
    for each in found:
        together = each[case.id]
        assert sorted(together["gradients"]) == sorted(gradients)
        for name, gradient in gradients.items():
            apart = float((together["gradients"][name] - gradient).norm())
            # Some gradients are zero but for rounding: those of biases that a normalisation takes away again.
            assert apart <= 1e-9 * float(gradient.norm()) + 1e-13 * largest, name
        for part in ("terms 0", "terms 1", "buffers"):
            torch.testing.assert_close(together[part], alone[part], rtol=1e-9, atol=1e-9)


def test_in_float32_two_processes_are_as_near_to_float64_as_one(found: list[dict[str, Any]]) -> None:
    exact, one = (flat(trained(case, None)["gradients"]) for case in (SINGLE._replace(dtype=torch.float64), SINGLE))
    assert float((one - exact).norm()) > 0
    for each in found:
        two = flat(each[SINGLE.id]["gradients"])
        assert float((two - exact).norm()) <= 1.5 * float((one - exact).norm())


def flat(gradients: dict[str, Tensor]) -> Tensor:
    return torch.cat([gradients[name].double().flatten() for name in sorted(gradients)])


def test_a_process_alone_needs_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    x = torch.ones(2, 3)
    with start_world("cpu") as world:
        assert (world.rank, world.size, world.device.type, world.is_main) == (0, 1, "cpu", True)
        assert gather_with_gradient(x) is x
        assert gather_objects("one") == ["one"]
        assert broadcast_object("one") == "one"
        barrier()
        model = build_model("stca-micro")
        before = list(model.modules())
        assert synchronise_batch_norm(model) is model
        assert list(model.modules()) == before
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize(
    ("environment", "device", "message"),
    [
        ({"WORLD_SIZE": "2"}, "cpu", "RANK is not set beside WORLD_SIZE: start groups of processes with torchrun"),
        ({"WORLD_SIZE": "two", "RANK": "0", "LOCAL_RANK": "0"}, "cpu", "WORLD_SIZE is 'two'"),
        ({"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"}, "mps", "device: 'mps' cannot be used by a group"),
        ({"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "99"}, "cuda", "device: 'cuda:99' is not there"),
        ({}, "cuda:99", "device: 'cuda:99' is not there"),
        ({}, "gpu", "device: 'gpu' is not a device that torch knows"),
    ],
)
def test_a_group_that_cannot_be_is_refused(
    environment: dict[str, str], device: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message), start_world(device):
        pass


def test_processes_that_cannot_meet_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(RunError, match="process 0 of 2 could not join"), start_world("cpu", init_method=place):
            pass
