"""Times one LiLAW step (see pytorch.ts) in one process, in turns: python3 pytorch.py liblilaw.so threads

Prints a JSON line for each shape and contender, after its results have been checked.
"""

import ctypes as c
import json
import os
import statistics
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../native/examples/python"))
from lilaw import Batch, Lilaw, Params, WeightedLossArgs, WeightedLossResult, lilaw_in_torch  # noqa: E402

SHAPES = [(128, 10), (128, 100), (1024, 100), (4096, 1000), (512, 32000)]
ROUNDS = 11
SECONDS = 0.03


class MetaResult(c.Structure):
    _fields_ = [
        ("gradient", Params),
        ("objective", c.c_double),
        ("non_finite_rows", c.c_int64),
        ("invalid_labels", c.c_int64),
        ("moved", c.c_int64),
    ]


class MetaArgs(c.Structure):
    _fields_ = [
        ("batch", Batch),
        ("params", c.POINTER(Params)),
        ("coefficients", c.c_void_p),
        ("result", c.POINTER(MetaResult)),
    ]


def batch_of(logits, labels):
    rows, classes = logits.shape
    return Batch(
        logits=logits.data_ptr(), rows=rows, classes=classes, logits_stride=classes, labels=labels.data_ptr()
    )


def native_step(library, train, valid, gradient):
    """weightedLoss with losses, weights and the full gradient; then metaGradient on another batch."""
    (logits, labels), rows = train, train[0].shape[0]
    params, result, meta = Params(10, 2, 6), WeightedLossResult(), MetaResult()
    losses, weights = torch.empty(rows), torch.empty(rows)
    args = WeightedLossArgs(
        batch=batch_of(logits, labels),
        params=c.pointer(params),
        losses=losses.data_ptr(),
        weights=weights.data_ptr(),
        grad_logits=gradient.data_ptr(),
        grad_stride=gradient.shape[1],
        result=c.pointer(result),
    )
    meta_args = MetaArgs(batch=batch_of(*valid), params=c.pointer(params), result=c.pointer(meta))
    first, second = c.byref(args), c.byref(meta_args)
    weighted_loss, meta_gradient = library.lilaw_weighted_loss_cpu, library.lilaw_meta_gradient_cpu

    def step():
        assert weighted_loss(first) == 0 and meta_gradient(second) == 0

    def training_only():
        assert weighted_loss(first) == 0

    step.training_only = training_only
    # ctypes keeps addresses only.
    step.keep = (losses, weights, args, meta_args, train, valid)
    step.meta = meta
    return step


def torch_step(objective, train, valid):
    logits = train[0].clone().requires_grad_()
    labels = [labels.long() for _, labels in (train, valid)]
    frozen = [torch.tensor(x) for x in (10.0, 2.0, 6.0)]
    learned = [torch.tensor(x, requires_grad=True) for x in (10.0, 2.0, 6.0)]

    def step():
        logits.grad = None
        objective(logits, labels[0], *frozen).backward()
        for p in learned:
            p.grad = None
        objective(valid[0], labels[1], *learned).backward()

    step.results = lambda: (logits.grad, [float(p.grad) for p in learned])
    return step


def objective_in_torch(logits, labels, alpha, beta, delta):
    return lilaw_in_torch(logits, labels, alpha, beta, delta)[1]


def plain_step(logits, labels):
    logits, labels = logits.clone().requires_grad_(), labels.long()

    def step():
        logits.grad = None
        torch.nn.functional.cross_entropy(logits, labels).backward()

    return step


def sample(step, calls):
    start = time.perf_counter()
    for _ in range(calls):
        step()
    return (time.perf_counter() - start) / calls


def calls_for(step):
    step()
    once = min(sample(step, 1) for _ in range(5))
    return max(1, int(SECONDS / once))


def measure(contenders):
    calls = {name: calls_for(step) for name, step in contenders.items()}
    times = {name: [] for name in contenders}
    names = list(contenders)
    for turn in range(ROUNDS):
        for i in range(len(names)):
            name = names[(turn + i) % len(names)]
            # Threads of the last one may still spin in wait of more work.
            time.sleep(0.01)
            sample(contenders[name], max(1, calls[name] // 10))
            times[name].append(sample(contenders[name], calls[name]))
    return times


def check(native, gradient, eager):
    native()
    eager()
    exact, scalars = eager.results()
    scale = float(exact.abs().max())
    torch.testing.assert_close(gradient, exact, rtol=1e-4, atol=1e-5 * scale)
    found = native.meta.gradient
    for mine, theirs in zip((found.alpha, found.beta, found.delta), scalars):
        assert abs(mine - theirs) <= 1e-4 * abs(theirs) + 1e-7, (mine, theirs)


def main():
    library, threads = Lilaw(sys.argv[1]).library, int(sys.argv[2])
    torch.set_num_threads(threads)
    assert library.lilaw_set_threads(threads) == 0
    library.lilaw_cpu_isa.restype = c.c_char_p
    for rows, classes in SHAPES:
        torch.manual_seed(rows + classes)
        torch.compiler.reset()
        batch = lambda: (3 * torch.randn(rows, classes), torch.randint(0, classes, (rows,), dtype=torch.int32))
        train, valid, gradient = batch(), batch(), torch.empty(rows, classes)
        native = native_step(library, train, valid, gradient)
        contenders = {
            "native": native,
            "native, training batch only": native.training_only,
            "eager": torch_step(objective_in_torch, train, valid),
            "torch.compile": torch_step(torch.compile(objective_in_torch, dynamic=False), train, valid),
            "plain cross-entropy": plain_step(*train),
            "memcpy": lambda: c.memmove(gradient.data_ptr(), train[0].data_ptr(), 4 * rows * classes),
        }
        check(native, gradient, contenders["eager"])
        check(native, gradient, contenders["torch.compile"])
        times = measure(contenders)
        for name, samples in times.items():
            ratios = [sample / ours for sample, ours in zip(samples, times["native"])]
            quantiles = statistics.quantiles(samples, n=10)
            record = {
                "shape": f"[{rows},{classes}]",
                "contender": name,
                "microseconds_p20": quantiles[1] * 1e6,
                "microseconds_p50": statistics.median(samples) * 1e6,
                "microseconds_p80": quantiles[7] * 1e6,
                "times_native_p50": statistics.median(ratios),
                "threads": threads,
                "isa": library.lilaw_cpu_isa().decode(),
                "torch": torch.__version__,
            }
            print(json.dumps(record), flush=True)


main()
