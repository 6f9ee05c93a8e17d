"""A fused cross-entropy in Triton: losses and the gradient of their mean, unweighted, in one pass over the logits.

A comparison with the kernel that a Python programmer could write in an afternoon: rows that fit a block are read
once, longer ones twice.
"""

import torch
import triton
import triton.language as tl

LONGEST_BLOCK = 32768
"""With more classes, a row is read in blocks with a running maximum."""
STREAMED_BLOCK = 16384


@triton.jit
def _whole_rows(logits, labels, losses, grad, classes, scale, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, BLOCK)
    inside = at < classes
    z = tl.load(logits + row * classes + at, mask=inside, other=float("-inf")).to(tl.float32)
    label = tl.load(labels + row)
    top = tl.max(z, 0)
    e = tl.exp(z - top)
    total = tl.sum(e, 0)
    tl.store(losses + row, tl.log(total) + top - tl.sum(tl.where(at == label, z, 0.0), 0))
    tl.store(grad + row * classes + at, (e / total - tl.where(at == label, 1.0, 0.0)) * scale, mask=inside)


@triton.jit
def _streamed_rows(logits, labels, losses, grad, classes, scale, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    label = tl.load(labels + row)
    top = float("-inf")
    total = 0.0
    for start in range(0, classes, BLOCK):
        at = start + tl.arange(0, BLOCK)
        z = tl.load(logits + row * classes + at, mask=at < classes, other=float("-inf")).to(tl.float32)
        higher = tl.maximum(top, tl.max(z, 0))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(z - higher), 0)
        top = higher
    tl.store(losses + row, tl.log(total) + top - tl.load(logits + row * classes + label).to(tl.float32))
    for start in range(0, classes, BLOCK):
        at = start + tl.arange(0, BLOCK)
        z = tl.load(logits + row * classes + at, mask=at < classes, other=float("-inf")).to(tl.float32)
        s = tl.exp(z - top) / total
        tl.store(grad + row * classes + at, (s - tl.where(at == label, 1.0, 0.0)) * scale, mask=at < classes)


def fused_cross_entropy(logits, labels, losses, grad):
    """`logits` [B, C] contiguous, `labels` int32 [B]; fills `losses` float32 [B] and `grad` like the logits."""
    rows, classes = logits.shape
    if classes <= LONGEST_BLOCK:
        kernel, block = _whole_rows, triton.next_power_of_2(classes)
    else:
        kernel, block = _streamed_rows, STREAMED_BLOCK
    warps = max(1, min(16 if block < 16384 else 32, block // 512))
    kernel[(rows,)](logits, labels, losses, grad, classes, 1 / rows, BLOCK=block, num_warps=warps)


def check(device):
    """Checks against PyTorch in float64, on random rows of both kinds."""
    rng = torch.Generator(device=device).manual_seed(1)
    for rows, classes in [(5, 3), (7, 1000), (2, LONGEST_BLOCK + 3)]:
        logits = torch.randn(rows, classes, generator=rng, device=device) * 3
        labels = torch.randint(classes, (rows,), generator=rng, device=device).int()
        losses, grad = torch.full((rows,), -1.0, device=device), torch.full_like(logits, -1.0)
        fused_cross_entropy(logits, labels, losses, grad)
        exact = logits.double().requires_grad_()
        expected = torch.nn.functional.cross_entropy(exact, labels.long(), reduction="none")
        expected.mean().backward()
        torch.testing.assert_close(losses.double(), expected.detach(), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(grad.double(), exact.grad, rtol=1e-4, atol=1e-6 / rows)
