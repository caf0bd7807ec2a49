"""Online instance matching: a softmax over what is remembered of every person."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid.losses.samples import as_samples, inner_products


class OnlineInstanceMatching(nn.Module):
    """Compares features with a table of one remembered feature a person, and with a queue of people without a name.

    The mean over the labelled samples of -log p_y, with p_i = exp(v_i.x / tau) / (sum_j exp(v_j.x / tau) +
    sum_k exp(u_k.x / tau)); x is the feature divided by its norm, v_j person j's entry, u_k what the queue holds. After
    the loss of a training batch, its samples in turn move their persons' entries,
    v_y <- unit(gamma v_y + (1 - gamma) x), and those without a label go into the queue, in place of the oldest.

    The table and the queue are buffers: they learn by remembering, no gradient reaches them. A person who has not been
    seen has the entry 0. Without any labelled sample the loss is zero.

    Args:
        num_classes: K.
        width: D of the features.
        temperature: tau, above 0.
        momentum: gamma, in [0, 1).
        queue: how many features without a label are kept.

    Source: Xiao et al. 2017, Joint Detection and Identification Feature Learning for Person Search, section 3.2 and
    equations 1 to 3. Places of the queue that are still empty are left out of the sum here.
    """

    table: Tensor
    queue: Tensor
    queued: Tensor

    def __init__(
        self, num_classes: int, width: int, *, temperature: float = 0.1, momentum: float = 0.5, queue: int = 0
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.momentum = momentum
        self.register_buffer("table", torch.zeros(num_classes, width))
        self.register_buffer("queue", torch.zeros(queue, width))
        self.register_buffer("queued", torch.zeros((), dtype=torch.long))  # ever since the start

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Turn features (B, D) or (B, T, D) and labels (B,), -1 for nobody known, into a scalar."""
        samples, persons = as_samples(features, labels)
        samples = F.normalize(samples, dim=1)
        logits = inner_products(samples, torch.cat([self.table, self.queue])) / self.temperature  # (N, K + Q)
        places = torch.arange(len(self.queue), device=logits.device)
        empty = F.pad(places >= self.queued, (len(self.table), 0))  # (K + Q,)
        logits = logits.masked_fill(empty, -torch.inf)
        losses = F.cross_entropy(logits, persons, ignore_index=-1, reduction="sum")
        if self.training:
            self._remember(samples, persons)
        return losses / (persons >= 0).sum().clamp(min=1)

    @torch.no_grad()
    def _remember(self, samples: Tensor, persons: Tensor) -> None:
        """Move the entries of the batch's persons, a sample each at a time, and put the nameless into the queue."""
        earlier = (persons[:, None] == persons).tril(-1).sum(dim=1)  # of the same person, (N,)
        for turn in range(int(earlier.max()) + 1):
            now = (earlier == turn) & (persons >= 0)
            moved = self.momentum * self.table[persons[now]] + (1 - self.momentum) * samples[now]
            self.table[persons[now]] = F.normalize(moved, dim=1)
        size = len(self.queue)
        if size:
            nameless = samples[persons < 0]
            kept = nameless[-size:]
            self.queued += len(nameless)
            places = (self.queued + torch.arange(-len(kept), 0, device=self.queued.device)) % size
            self.queue[places] = kept
