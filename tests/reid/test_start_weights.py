"""Start weights from files, folders and the hub; what happens without any, and with the wrong ones."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from reid import hub
from reid.errors import WeightsError
from reid.models import build_model, start_model
from reid.start_weights import Published, StartPart, StartReport, apply_start_weights, timm_part

DEIT, MOBILENET = "deit_tiny_patch16_224", "mobilenetv2_035"


@pytest.fixture(autouse=True)
def nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, nothing cached, nothing in vreid's folder of weights."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("VREID_WEIGHTS", str(tmp_path / "vreid"))
    monkeypatch.setattr(hub, "hub_is_online", lambda: False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of published weights as timm names them, here with random values at 224x224."""
    torch.manual_seed(5)
    path = tmp_path / "given"
    path.mkdir()
    save_file(timm.create_model(DEIT, depth=3).state_dict(), path / f"{DEIT}.fb_in1k.safetensors")
    torch.save(timm.create_model(MOBILENET).state_dict(), path / f"{MOBILENET}.pth")
    return path


def cache(file: Path, repository: str, cache_path: Path) -> None:
    """Move a file to where the hub's client keeps a repository's weights."""
    kept = cache_path / f"models--{repository.replace('/', '--')}"
    (kept / "snapshots" / "0123").mkdir(parents=True)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("0123")
    file.rename(kept / "snapshots" / "0123" / "model.safetensors")


class Stack(nn.Module):
    """Twenty layers with forty tensors, and step counters that nobody publishes."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(2, 3) for _ in range(18))
        self.extra = nn.Linear(2, 2)
        self.norm = nn.BatchNorm1d(1, affine=True, track_running_stats=False)
        self.register_buffer("num_batches_tracked", torch.zeros(()))


def stack(*published: Published) -> dict[str, StartPart]:
    return {"net": StartPart(Stack(), published or (Published(name="stack"),))}


def stack_state() -> dict[str, Tensor]:
    return {key: torch.randn_like(value) for key, value in Stack().state_dict().items()}


def prefixed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"net.{key}": value for key, value in state.items()}


def without_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix("net."): value for key, value in state.items() if key.startswith("net.")}


class TestSources:
    def test_none_keeps_the_seeded_weights(self) -> None:
        model, report = start_model("dcct-micro", seed=3)
        assert report == StartReport("random")
        assert (report.matched, report.resized, report.missing) == (0, 0, ())
        seeded = build_model("dcct-micro", seed=3).state_dict()
        assert all(torch.equal(value, model.state_dict()[key]) for key, value in seeded.items())

    def test_a_folder_starts_both_backbones(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        model, report = start_model("dcct-micro", start_weights=folder)
        assert report.source == str(folder)
        assert report.resized == 1
        assert report.missing == ()
        assert report.notes == ()
        assert report.parts["transformer"].resized == ("pos_embed",)
        assert report.parts["cnn"].origin == str(folder / f"{MOBILENET}.pth")
        assert report.matched == sum(part.matched for part in report.parts.values())
        given = torch.load(folder / f"{MOBILENET}.pth", weights_only=True)
        assert torch.equal(model.cnn.net.conv_stem.weight, given["conv_stem.weight"])
        assert torch.equal(model.cnn.net.bn1.running_var, given["bn1.running_var"])
        assert tuple(model.transformer.net.pos_embed.shape) == (1, 1 + 4 * 2, 192)
        (line,) = (record.getMessage() for record in caplog.records if "transformer" in record.getMessage())
        unused = (
            "14 of the file not used (blocks.2.attn.proj.bias, blocks.2.attn.proj.weight, blocks.2.attn.qkv.bias, ...)"
        )
        assert line.endswith(f"30 of 30 tensors, 1 resized (pos_embed), {unused}")
        assert report.parts["cnn"].unused[-2:] == ("classifier.weight", "classifier.bias")

    def test_a_file_starts_the_part_it_fits(self, folder: Path) -> None:
        file = folder / f"{MOBILENET}.pth"
        random, (model, report) = build_model("dcct-micro"), start_model("dcct-micro", start_weights=file)
        assert report.matched > 100
        (note,) = report.notes
        assert note.startswith(
            f"transformer: stays at its initial values; {file.name} does not fit: 0 of the 30 tensors"
        )
        assert torch.equal(model.transformer.net.cls_token, random.transformer.net.cls_token)
        assert not torch.equal(model.cnn.net.conv_stem.weight, random.cnn.net.conv_stem.weight)

    def test_imagenet_comes_from_vreids_folder_before_the_hubs_cache(self, folder: Path, tmp_path: Path) -> None:
        net = timm.create_model(DEIT, depth=2, img_size=(64, 32), num_classes=0)
        part = {"transformer": timm_part(net, DEIT)}
        cache(folder / f"{DEIT}.fb_in1k.safetensors", f"timm/{DEIT}.fb_in1k", tmp_path / "hub")
        report = apply_start_weights(part, "imagenet")
        assert report.source == "imagenet"
        assert report.missing == ()
        assert report.parts["transformer"].origin == f"timm/{DEIT}.fb_in1k"
        own = tmp_path / "vreid" / f"{DEIT}.safetensors"
        own.parent.mkdir()
        save_file(timm.create_model(DEIT, depth=2).state_dict(), own)
        assert apply_start_weights(part, "imagenet").parts["transformer"].origin == str(own)

    def test_imagenet_that_cannot_be_had_is_named_and_costs_nothing_else(self, tmp_path: Path) -> None:
        model, report = start_model("dcct-compact", start_weights="imagenet", seed=3)
        assert report.source == "random"
        missing = f".pth or .safetensors (published by timm) in {tmp_path / 'vreid'}, timm"
        reason = "is not in the hub's cache, and the hub cannot be reached"
        assert report.notes == (
            "cnn: stays at its initial values; nothing is published for it",
            f"transformer: stays at its initial values; no {DEIT}*{missing}/{DEIT}.fb_in1k {reason}",
        )
        token = "transformer.net.cls_token"
        assert torch.equal(model.state_dict()[token], build_model("dcct-compact", seed=3).state_dict()[token])

    def test_what_no_hub_holds_is_said_with_its_publisher(self) -> None:
        parts = stack(Published(name="stack", publisher="its authors"))
        (note,) = apply_start_weights(parts, "imagenet").notes
        assert "no stack*.pth or .safetensors (published by its authors) in" in note
        assert note.endswith("and no hub holds it")
        (note,) = apply_start_weights({"net": StartPart(Stack(), ())}, "imagenet").notes
        assert note == "net: stays at its initial values; nothing is published for it"

    def test_a_folder_that_holds_nothing_of_use_is_refused(self, tmp_path: Path) -> None:
        torch.save(stack_state(), tmp_path / "other.pth")
        (tmp_path / "stack.txt").touch()
        with pytest.raises(WeightsError, match=r"nothing in .* fits: net: no stack\*.pth or .safetensors in"):
            apply_start_weights(stack(), tmp_path)

    def test_a_model_that_nothing_can_start(self, tmp_path: Path) -> None:
        assert apply_start_weights({}, "imagenet") == StartReport("random")
        with pytest.raises(WeightsError, match="no part of the model can be started"):
            apply_start_weights({}, tmp_path)

    def test_a_path_that_does_not_exist_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match=r"no such file or folder: .*absent.pth; the only word is 'imagenet'"):
            start_model("dcct-micro", start_weights=tmp_path / "absent.pth")


class TestNames:
    """Which file of a folder is a publication's."""

    @pytest.mark.parametrize("file", ["stack.pth", "stack-0676ba61.pth", "stack.a1_in1k.bin", "stack_200ep.pth.tar"])
    def test_versions_are_taken(self, tmp_path: Path, file: str) -> None:
        torch.save(stack_state(), tmp_path / file)
        parts = stack()
        assert apply_start_weights(parts, tmp_path).parts["net"].origin == str(tmp_path / file)

    @pytest.mark.parametrize("file", ["stack2.pth", "stackd-0676ba61.pth", "stack.pth.part", "my_stack.pth"])
    def test_other_names_are_not(self, tmp_path: Path, file: str) -> None:
        torch.save(stack_state(), tmp_path / file)
        with pytest.raises(WeightsError, match="nothing in"):
            apply_start_weights(stack(), tmp_path)

    def test_a_longer_name_is_another_network(self, tmp_path: Path) -> None:
        net = timm.create_model("resnet18", num_classes=0)
        (tmp_path / "resnet18_ibn_a-2f571257.pth").write_bytes(b"not looked into")
        with pytest.raises(WeightsError, match="nothing in"):
            apply_start_weights({"cnn": timm_part(net, "resnet18")}, tmp_path)
        for file in ("resnet18.pth", "resnet18-f37072fd.pth"):  # in order of their names, "-" is before "."
            torch.save(net.state_dict(), tmp_path / file)
            report = apply_start_weights({"cnn": timm_part(net, "resnet18")}, tmp_path)
            assert report.parts["cnn"].origin == str(tmp_path / file)


class TestPreference:
    FIRST = Published(name="first", translate=without_prefix)
    SECOND = Published(name="second", lacks=("extra",))

    def test_the_first_choice_is_taken_where_it_is_there(self, tmp_path: Path) -> None:
        torch.save(prefixed(stack_state()), tmp_path / "first.pth")
        torch.save(stack_state(), tmp_path / "second.pth")
        report = apply_start_weights(stack(self.FIRST, self.SECOND), tmp_path)
        assert (report.parts["net"].published, report.notes) == ("first", ())

    def test_a_later_choice_says_what_it_stands_in_for(self, tmp_path: Path) -> None:
        state = {key: value for key, value in stack_state().items() if "extra" not in key}
        torch.save(state, tmp_path / "second.pth")
        report = apply_start_weights(stack(self.FIRST, self.SECOND), tmp_path)
        assert report.notes == (f"net: starts from second; no first*.pth or .safetensors in {tmp_path}",)
        assert report.missing == ("net.extra.weight", "net.extra.bias")

    def test_a_file_is_taken_for_what_it_fits_best(self, tmp_path: Path) -> None:
        torch.save(prefixed(stack_state()), tmp_path / "some.pth")
        torch.save(stack_state(), tmp_path / "other.pth")
        for file, name in (("some", "first"), ("other", "second")):
            report = apply_start_weights(stack(self.FIRST, self.SECOND), tmp_path / f"{file}.pth")
            assert report.parts["net"].published == name

    def test_more_tensors_count_more_than_the_files_name(self, tmp_path: Path) -> None:
        torch.save(stack_state(), tmp_path / "second.pth")
        report = apply_start_weights(stack(self.SECOND, Published(name="whole")), tmp_path / "second.pth")
        assert report.parts["net"].published == "whole"

    def test_of_two_that_fit_alike_the_files_name_decides(self, tmp_path: Path) -> None:
        torch.save(stack_state(), tmp_path / "b-1.pth")
        report = apply_start_weights(stack(Published(name="a"), Published(name="b")), tmp_path / "b-1.pth")
        assert report.parts["net"].published == "b"


class TestRefusals:
    @pytest.mark.parametrize("key", ["layers.0.weight", "norm.bias"])
    def test_a_single_tensor_that_is_not_there_refuses_a_file(self, tmp_path: Path, key: str) -> None:
        state = stack_state()
        del state[key]
        torch.save(state, tmp_path / "stack.pth")
        expected = rf"39 of the 40 tensors of stack fit, all must; {key} \(\w+\) is not there$"
        with pytest.raises(WeightsError, match=expected):
            apply_start_weights(stack(), tmp_path)

    def test_tensors_that_nothing_takes_refuse_a_file(self, tmp_path: Path) -> None:
        more = {f"layers.{index}.weight": torch.ones(3, 2) for index in range(18, 22)}
        torch.save({**stack_state(), **more}, tmp_path / "stack.pth")
        names = "layers.18.weight, layers.19.weight, layers.20.weight, ..."
        parts = stack()
        before = parts["net"].module.state_dict()["norm.bias"].clone()
        for source in (tmp_path, tmp_path / "stack.pth"):
            with pytest.raises(
                WeightsError,
                match=rf"40 of the 40 tensors of stack fit; 4 tensors in the file are not of stack \({names}\)",
            ):
                apply_start_weights(parts, source)
        assert torch.equal(parts["net"].module.state_dict()["norm.bias"], before)
        report = apply_start_weights(
            stack(Published(name="stack", spare=("layers.18", "layers.19", "layers.2"))), tmp_path
        )
        assert report.parts["net"].unused == tuple(more)
        assert str(report.parts["net"]).endswith(f"40 of 40 tensors, 4 of the file not used ({names})")

    def test_a_classifier_a_later_stage_and_counters_are_spare(self, tmp_path: Path) -> None:
        more = {key: torch.ones(2) for key in ("fc.weight", "stage9.0.bias", "norm.num_batches_tracked")}
        torch.save({**stack_state(), **more}, tmp_path / "stack.pth")
        assert apply_start_weights(stack(), tmp_path).parts["net"].unused == ("fc.weight", "stage9.0.bias")

    def test_what_a_publication_lacks_is_not_asked_of_it(self, tmp_path: Path) -> None:
        torch.save({"norm.weight": torch.full((1,), 2.0), "norm.bias": torch.zeros(1)}, tmp_path / "stack.pth")
        report = apply_start_weights(stack(Published(name="stack", lacks=("layers", "extra"))), tmp_path)
        assert report.matched == 2
        assert len(report.missing) == 38
        with pytest.raises(WeightsError, match="0 of the 0 tensors of stack fit"):
            apply_start_weights(stack(Published(name="stack", lacks=("",))), tmp_path)

    def test_both_shapes_of_a_tensor_are_said(self, tmp_path: Path) -> None:
        state = {key: torch.ones(7, 5) for key in stack_state() if key != "layers.0.weight"}
        torch.save(state, tmp_path / "stack.pth")
        with pytest.raises(
            WeightsError, match=r"stack.pth does not fit net: 0 of .* layers.0.bias is 7x5 there and 3 in the model"
        ):
            apply_start_weights(stack(), tmp_path)

    @pytest.mark.parametrize("where", ["file", "folder", "vreid", "hub"])
    def test_a_file_with_half_its_tensors_renamed_is_refused_wherever_it_is(self, tmp_path: Path, where: str) -> None:
        renamed = {f"x.{key}" if index % 2 else key: v for index, (key, v) in enumerate(stack_state().items())}
        given = tmp_path / "given" / "stack.safetensors"
        for path in (given, tmp_path / "vreid" / "stack.safetensors"):
            path.parent.mkdir()
        save_file(renamed, given)
        source: str | Path = {"file": given, "folder": given.parent}.get(where, "imagenet")
        if where == "vreid":
            given.rename(tmp_path / "vreid" / "stack.safetensors")
        elif where == "hub":
            cache(given, "timm/stack.in1k", tmp_path / "hub")
        parts = stack(Published(name="stack", hub="timm/stack.in1k"))
        before = {key: value.clone() for key, value in parts["net"].module.state_dict().items()}
        with pytest.raises(
            WeightsError, match=r"20 of the 40 tensors of stack fit, all must; layers.\d.\w+ \(.*\) is not"
        ):
            apply_start_weights(parts, source)
        assert all(torch.equal(value, before[key]) for key, value in parts["net"].module.state_dict().items())

    def test_nothing_is_started_where_one_part_is_refused(self, tmp_path: Path) -> None:
        torch.save(stack_state(), tmp_path / "good.pth")
        torch.save({"other": torch.ones(1)}, tmp_path / "bad.pth")
        parts = {name: StartPart(Stack(), (Published(name=name),)) for name in ("good", "bad")}
        before = parts["good"].module.state_dict()["norm.bias"].clone()
        with pytest.raises(WeightsError, match=r"bad.pth does not fit bad"):
            apply_start_weights(parts, tmp_path)
        assert torch.equal(parts["good"].module.state_dict()["norm.bias"], before)

    def test_a_file_that_fits_no_part_says_how_little(self, tmp_path: Path) -> None:
        torch.save({"fc.weight": torch.ones(2)}, tmp_path / "other.pth")
        with pytest.raises(
            WeightsError,
            match=r"nothing in .*other.pth fits: cnn: .*; transformer: other.pth does not fit: 0 of the 30",
        ):
            start_model("dcct-micro", start_weights=tmp_path / "other.pth")

    def test_a_file_of_another_kind_may_confuse_a_translation(self, tmp_path: Path) -> None:
        torch.save({"fc.weight": torch.ones(2)}, tmp_path / "other.pth")
        parts = stack(Published(name="stack", translate=lambda state: {"norm.bias": state["pos_embed"][:, 1:]}))
        with pytest.raises(WeightsError, match="0 of the 40 tensors"):
            apply_start_weights(parts, tmp_path / "other.pth")

    def test_a_file_with_more_than_tensors_is_refused(self, tmp_path: Path) -> None:
        torch.save({"state_dict": stack_state(), "args": Published(name="stack")}, tmp_path / "stack.pth")
        for source in (tmp_path, tmp_path / "stack.pth"):
            with pytest.raises(WeightsError, match=r"stack.pth is refused: it holds more than tensors"):
                apply_start_weights(stack(), source)
