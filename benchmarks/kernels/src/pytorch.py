"""Computes LiLAW's operations on logits in PyTorch, in a process that answers requests (see pytorch.ts).

Each line of standard input is a request, each line of standard output its answer, both JSON:

    {"open": {"operation", "rows", "classes", "threads", "training"[, "validation"]}}  {"torch"}
    {"sample": variant, "calls"}                                               {"seconds"}
    {"output": variant, "file"}                                               {"values": [[…], …], "gradient": bool}
    {"facts": variant}                                                         {"launches", "peakBytes"}

`operation` is weightedLoss or lilawStep, which needs a validation batch. `training` and `validation` name files:
float32 logits [rows, classes], then int32 labels [rows]. `output` writes the gradient on the training logits, float32
[rows, classes], to `file`.
"""

import ctypes
import json
import os
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../native/examples/python"))
from lilaw import lilaw_in_torch  # noqa: E402


def objective_in_torch(logits, labels, alpha, beta, delta):
    return lilaw_in_torch(logits, labels, alpha, beta, delta)[1]


def scalars(**options):
    return [torch.tensor(x, **options) for x in (10.0, 2.0, 6.0)]


class WeightedLoss:
    """The weighted loss of the training batch, backward to its logits and to the scalars."""

    def __init__(self, objective, training, validation):
        self.objective = objective
        self.logits, self.labels = training[0].clone().requires_grad_(), training[1]
        self.learned = scalars(requires_grad=True)

    def __call__(self):
        for leaf in (self.logits, *self.learned):
            leaf.grad = None
        self.value = self.objective(self.logits, self.labels, *self.learned)
        self.value.backward()

    def output(self):
        return [[self.value.item()], [scalar.grad.item() for scalar in self.learned]], self.logits.grad


class LilawStep:
    """The weighted loss of the training batch, backward; then that of the validation batch, backward to the scalars."""

    def __init__(self, objective, training, validation):
        self.objective = objective
        self.logits, self.labels = training[0].clone().requires_grad_(), training[1]
        self.validation = validation
        self.frozen = scalars()
        self.learned = scalars(requires_grad=True)

    def __call__(self):
        self.logits.grad = None
        self.value = self.objective(self.logits, self.labels, *self.frozen)
        self.value.backward()
        for scalar in self.learned:
            scalar.grad = None
        self.objective(*self.validation, *self.learned).backward()

    def output(self):
        return [[self.value.item()], [scalar.grad.item() for scalar in self.learned]], self.logits.grad


class PlainStep:
    """Unweighted cross-entropy of the training batch alone, forward and backward."""

    def __init__(self, training):
        self.logits, self.labels = training[0].clone().requires_grad_(), training[1]

    def __call__(self):
        self.logits.grad = None
        self.value = torch.nn.functional.cross_entropy(self.logits, self.labels)
        self.value.backward()

    def output(self):
        return [[self.value.item()]], self.logits.grad


class Copy:
    """Copies the training logits into other memory."""

    def __init__(self, training):
        self.source, self.target = training[0], torch.empty_like(training[0])

    def __call__(self):
        self.target.copy_(self.source)

    def output(self):
        return [], self.target


def read_batch(path, rows, classes):
    count = rows * classes
    numbers = torch.from_file(path, size=count + rows, dtype=torch.float32)
    return numbers[:count].clone().view(rows, classes), numbers[count:].view(torch.int32).long()


def open_variants(operation, rows, classes, threads, training, validation=None):
    torch.set_num_threads(threads)
    torch.compiler.reset()
    training, validation = (path and read_batch(path, rows, classes) for path in (training, validation))
    compiled = torch.compile(objective_in_torch, dynamic=False)
    work = {"weightedLoss": WeightedLoss, "lilawStep": LilawStep}[operation]
    return {
        "eager": work(objective_in_torch, training, validation),
        "torch.compile": work(compiled, training, validation),
        "plain cross-entropy": PlainStep(training),
        "memory copy": Copy(training),
    }


def sample(step, calls):
    # Threads of another variant may still be spinning while they wait for more work.
    time.sleep(0.01)
    start = time.perf_counter()
    for _ in range(calls):
        step()
    return time.perf_counter() - start


def write(tensor, path):
    content = tensor.detach().contiguous()
    with open(path, "wb") as file:
        file.write((ctypes.c_char * (4 * content.numel())).from_address(content.data_ptr()))


def facts_of(step):
    """Operations that call no others, and the most memory held at once, as PyTorch's profiler sees one call."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    leaves = [e for e in profile.events() if e.name.startswith("aten::") and not e.cpu_children]
    held, peak = 0, 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return {"launches": len(leaves), "peakBytes": peak}


def answer(request, variants):
    if "open" in request:
        variants.clear()
        variants.update(open_variants(**request["open"]))
        return {"torch": torch.__version__}
    if "sample" in request:
        return {"seconds": sample(variants[request["sample"]], request["calls"])}
    if "output" in request:
        step = variants[request["output"]]
        step()
        values, gradient = step.output()
        write(gradient, request["file"])
        return {"values": values}
    return facts_of(variants[request["facts"]])


def main():
    variants = {}
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), variants)), flush=True)


main()
