"""Batch normalisation whose statistics come from the batches of all processes."""

from __future__ import annotations

from typing import TypeVar

import torch
from timm.layers import BatchNormAct2d, convert_sync_batchnorm
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from reid.distributed.collectives import gather_with_gradient, group_size

ModuleT = TypeVar("ModuleT", bound=nn.Module)

_PLAIN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, BatchNormAct2d)


def synchronise_batch_norm(model: ModuleT) -> ModuleT:
    """Let a model's batch normalisations see the joint batch of all processes while it trains.

    The modules share their parameters and buffers with those they replace, under the same names. On CUDA they are
    torch's, which refuse CPU tensors; on the CPU they are `SynchronisedBatchNorm`.

    Args:
        model: on the device where it will be trained; changed in place. In a process alone it stays as it is.

    Returns:
        The model, or what replaces it where it is itself a batch normalisation.

    Raises:
        TypeError: a batch normalisation is of a kind whose forward is not known here.
    """
    if group_size() == 1:
        return model
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and type(module) not in _PLAIN:
            raise TypeError(f"{name or 'the model'}: no synchronised form of {type(module).__name__} is known")
    if any(parameter.is_cuda for parameter in model.parameters()):
        # timm's conversion, because torch's own leaves the activations of timm's BatchNormAct2d out.
        converted: ModuleT = convert_sync_batchnorm(model)
        return converted
    return _on_cpu(model)


class SynchronisedBatchNorm(_BatchNorm):
    """Batch normalisation over the joint batch of all processes, for tensors on the CPU.

    In training mean and variance are those of all processes' values, joined from each one's count, mean and sum of
    squared differences; gradients flow through them across processes. The running statistics follow as torch's do.
    In evaluation it is torch's own.

    Args:
        replaced: the normalisation whose parameters, buffers and children (timm's have an activation) it takes over.

    Source: joining means and sums of squares, Chan et al. 1979, Updating Formulae and a Pairwise Algorithm for
    Computing Sample Variances.
    """

    def __init__(self, replaced: _BatchNorm) -> None:
        super().__init__(0, replaced.eps, replaced.momentum, affine=False, track_running_stats=False)
        self.num_features = replaced.num_features
        self.affine = replaced.affine
        self.track_running_stats = replaced.track_running_stats
        self._parameters.update(replaced._parameters)
        self._buffers.update(replaced._buffers)
        self._modules.update(replaced._modules)
        self.train(replaced.training)

    def forward(self, x: Tensor) -> Tensor:
        """Turn (M, C) or (M, C, ...) into the same shape."""
        if not self.training or group_size() == 1:
            x = super().forward(x)
        else:
            values = x.to(torch.promote_types(x.dtype, torch.float32))
            mean, variance, count = self._joint_statistics(values)
            self._track(mean.detach(), variance.detach() * count / (count - 1))
            shape = (1, -1, *[1] * (x.ndim - 2))
            scale = (variance + self.eps).rsqrt()
            if self.weight is not None:
                scale = scale * self.weight
            normalised = (values - mean.view(shape)) * scale.view(shape)
            if self.bias is not None:
                normalised = normalised + self.bias.view(shape)
            x = normalised.to(x.dtype)
        for child in self.children():
            x = child(x)
        return x

    def _check_input_dim(self, x: Tensor) -> None:
        if x.ndim < 2:
            raise ValueError(f"expected (M, C) or (M, C, ...), got {tuple(x.shape)}")

    @staticmethod
    def _joint_statistics(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return each channel's mean (C,) and biased variance (C,) in all processes, and the number of values."""
        others = [axis for axis in range(x.ndim) if axis != 1]
        squares, mean = torch.var_mean(x, others, correction=0)
        count = x.new_full((1,), x.numel() // x.shape[1])
        parts = gather_with_gradient(torch.cat([mean, squares * count, count]).unsqueeze(0))  # (W, 2 * C + 1)
        means, squares, counts = torch.split_with_sizes(parts, [len(mean), len(mean), 1], dim=1)
        total = counts.sum()
        joint = (counts * means).sum(dim=0) / total
        spread = squares.sum(dim=0) + (counts * (means - joint).square()).sum(dim=0)
        return joint, spread / total, total

    @torch.no_grad()
    def _track(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        if self.num_batches_tracked is None or self.running_mean is None or self.running_var is None:
            return
        self.num_batches_tracked.add_(1)
        factor = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, factor)
        self.running_var.lerp_(unbiased_variance, factor)


def _on_cpu(module: ModuleT) -> ModuleT:
    if isinstance(module, _BatchNorm):
        replacement: ModuleT = SynchronisedBatchNorm(module)  # type: ignore[assignment]
        return replacement
    for name, child in module.named_children():
        module.add_module(name, _on_cpu(child))
    return module
