#!/usr/bin/env python3
"""Checks a lilaw library against golden vectors and against float64, and says how much of the tolerance it used.

    check.py LIBRARY --form cuda [--device cuda] [--golden lilaw.json] [--cases N] [--seed S] [--csv FILE]

`--form cuda --device cpu` is for the library of the host shim, whose device is the host.
"""

import argparse
import csv
import json
import math
import sys

import torch

import reference
from lilaw import KINDS, OF_LABEL_PROB, ROW_OUTPUTS, Library, Problem

UNIT = 2.0**-23
"""Float32 results may be off by so many ulp of the number they are measured by."""
UNITS = 4.0
POISON = -12345.0


class Report:
    """The largest share of the tolerance used by each quantity, over all cases."""

    def __init__(self):
        self.shares = {}
        self.failures = []
        self.checks = 0

    def share(self, quantity, value, case):
        self.checks += 1
        # A NaN difference is no small difference.
        value = math.inf if math.isnan(value) else value
        if value > self.shares.get(quantity, (-1.0, ""))[0]:
            self.shares[quantity] = (value, case)
        if value > 1:
            self.failures.append(f"{quantity}: {value:.3g} times the tolerance in {case}")

    def equal(self, quantity, holds, case):
        self.checks += 1
        self.shares.setdefault(quantity, (0.0, ""))
        if not holds:
            self.failures.append(f"{quantity}: not as expected in {case}")

    def close(self, quantity, actual, expected, size, case, units=UNITS, step=0.0):
        """|actual - expected| against units * ulp * size + step; both may be tensors of one number a result."""
        tolerance = units * UNIT * size + step
        error = (actual.double() - expected).abs()
        exact = error == 0
        share = torch.where(exact, 0.0, error / tolerance)
        self.share(quantity, share.max().item() if share.isfinite().all() else math.inf, case)


def tensor(values, dtype, device, offset=0, padding=0):
    """A copy of `values` in memory that begins `offset` elements late and leaves `padding` between rows."""
    if values.dim() == 1:
        return values.to(dtype).to(device)
    rows, classes = values.shape
    poison = 2 if dtype == torch.uint8 else POISON
    memory = torch.full((offset + rows * (classes + padding),), poison, dtype=dtype, device=device)
    view = memory[offset:].view(rows, classes + padding)[:, :classes]
    view.copy_(values)
    return view


def unit_of(dtype):
    """What rounding a gradient to this type may cost: relative to it, and at least."""
    return {torch.float32: (0.0, 0.0), torch.float16: (2.0**-11, 2.0**-25), torch.bfloat16: (2.0**-8, 2.0**-134)}[dtype]


def draw_logits(rng, shape, style):
    z = torch.randn(shape, generator=rng, dtype=torch.float64)
    if style == "wide":
        return z * 30
    if style == "huge":
        return (z * 1e4).clamp(-1e4, 1e4)
    if style == "ties":
        return (z * 2).round()
    if style == "equal":
        return torch.full(shape, 0.5, dtype=torch.float64)
    if style == "confident":
        top = torch.randint(shape[1], (shape[0],), generator=rng)
        lead = torch.rand(shape[0], generator=rng, dtype=torch.float64) * 16 + 3
        z[torch.arange(shape[0]), top] = z.amax(1) + lead + math.log(shape[1])
        return z
    if style == "unsure":
        # Label probabilities down to 1e-30.
        z[:, 0] += torch.rand(shape[0], generator=rng, dtype=torch.float64) * 70
        return z
    return z * 2


STYLES = ["plain", "wide", "huge", "ties", "equal", "confident", "unsure"]
CLASSES = [1, 2, 3, 4, 5, 7, 10, 13, 14, 16, 17, 25, 29, 32, 33, 61, 62, 64, 65, 100, 125, 128, 129, 200, 253, 256,
           257, 507, 512, 513, 1000, 1021, 1024, 1025, 2048, 2049, 4096, 4097]  # fmt: skip
LONG_CLASSES = [8192, 8193, 10000, 16381, 16384, 16385, 20000, 32000, 50257]


def choose(rng, values):
    return values[int(torch.randint(len(values), (1,), generator=rng))]


def draw_labels(rng, kind, z, style):
    rows, classes = z.shape
    if kind == "regression":
        return torch.randn(rows, generator=rng).float()
    if kind == "multi-label":
        density = choose(rng, [0.0, 0.02, 0.3, 1.0])
        return (torch.rand(rows, classes, generator=rng) < density).to(torch.uint8)
    if kind == "binary":
        return torch.randint(2, (rows,), generator=rng).int()
    labels = torch.randint(classes, (rows,), generator=rng)
    if style == "confident":
        right = torch.rand(rows, generator=rng) < 0.7
        labels = torch.where(right, z.argmax(1), labels)
    return labels.int()


TRANSITIONS = ["identity", "symmetric", "pair flip", "any"]
MOST_TRANSITION_CLASSES = 1025


def draw_transition(rng, classes, name):
    """A transition matrix by observed labels, whose columns sum to 1."""
    k = torch.arange(classes)
    by_label = torch.eye(classes, dtype=torch.float64)
    if classes > 1 and name == "symmetric":
        by_label = by_label * 0.6 + (1 - by_label) * 0.4 / (classes - 1)
    if classes > 1 and name == "pair flip":
        by_label = by_label * 0.6
        by_label[(k + 1) % classes, k] += 0.4
    if name == "any":
        by_label = by_label * classes + torch.rand(classes, classes, generator=rng, dtype=torch.float64)
    return by_label / by_label.sum(0)


def draw_problem(rng, device, dtype, classes_choices, rows_most):
    kind = choose(rng, ["cross-entropy"] * 3 + KINDS)
    single = kind in ("binary", "regression")
    classes = 1 if single else choose(rng, classes_choices)
    rows = int(torch.randint(1, rows_most + 1, (1,), generator=rng))
    style = choose(rng, STYLES)
    z = draw_logits(rng, (rows, classes), style)
    # Reference and library see the same numbers.
    z = z.to(dtype).double()
    labels = draw_labels(rng, kind, z, style)
    parameters = {"focal": (choose(rng, [0.5, 1.0, 2.0, 5.0]),), "label-smoothing": (choose(rng, [0.05, 0.1, 0.5]),),
                  "regression": (choose(rng, [0.5, 4.0]),), "generalized-cross-entropy": (choose(rng, [0.1, 0.7, 1.0]),),
                  "symmetric-cross-entropy": choose(rng, [(0.1, 1.0, -4.0), (6.0, 0.1, -4.0), (0.0, 1.0, -1.0)]),
                 }.get(kind, ())  # fmt: skip
    params = choose(rng, [(10.0, 2.0, 6.0), (9.0, 3.0, 7.0), (1.0, 1.0, 1.0)])
    offset, padding = choose(rng, [(0, 0), (0, 0), (1, 0), (0, 3), (3, 5), (0, 8)])
    problem = Problem(
        tensor(z, dtype, device, offset, padding), tensor(labels, labels.dtype, device, 0, choose(rng, [0, 3])), kind,
        parameters, torch.tensor(params, dtype=torch.float64, device=device),
    )  # fmt: skip
    under = "none"
    if kind in OF_LABEL_PROB and classes <= MOST_TRANSITION_CLASSES:
        under = choose(rng, ["none"] * 4 + TRANSITIONS)
    if under != "none":
        transition = draw_transition(rng, classes, under)
        problem.transition = tensor(transition, torch.float32, device, 0, choose(rng, [0, 3]))
    name = f"{kind} [{rows}, {classes}] transition {under} {style} {str(dtype)[6:]} offset {offset} padding {padding}"
    return problem, z.to(device), labels.to(device), params, name


def outputs(problem, names=ROW_OUTPUTS, grad_padding=0, grad_offset=0):
    device = problem.logits.device
    out = {name: torch.full((problem.rows,), POISON, device=device) for name in names}
    if "predictions" in out:
        out["predictions"] = out["predictions"].int()
    if problem.params is None:
        for name in ["term_alpha", "term_beta", "term_delta"]:
            out.pop(name, None)
    blank = torch.full(problem.logits.shape, POISON, dtype=torch.float64)
    out["grad_logits"] = tensor(blank, problem.logits.dtype, device, grad_offset, grad_padding)
    out["result"] = torch.zeros(6, dtype=torch.int64, device=device)
    return out


def objective_of(result):
    return result[3:4].view(torch.float64)[0].item()


def padding_of(view):
    """The elements between the rows of a view that `tensor` made."""
    rows, classes = view.shape
    if rows == 1 or view.stride(0) == classes:
        return view.new_empty(0)
    memory = view.as_strided((rows - 1, view.stride(0)), (view.stride(0), 1), view.storage_offset())
    return memory[:, classes:]


def check_weighted_loss(library, report, rng, draw):
    problem, z, labels, params, name = draw()
    if choose(rng, [0, 0, 0, 1]):
        problem.params = params = None
    options = {"gradient": choose(rng, ["full", "full", "detached"]),
               "normalize": choose(rng, ["none", "none", "batch-mean"])}  # fmt: skip
    factor = None
    if choose(rng, [0, 0, 1]):
        factor = torch.rand(problem.rows, generator=rng).to(z.device)
    in_place = bool(choose(rng, [0, 0, 0, 1]))
    name = f"weighted_loss {name} {options} in place {in_place}"
    out = outputs(problem, grad_padding=choose(rng, [0, 0, 3, 8]), grad_offset=choose(rng, [0, 0, 1]))
    if in_place:
        out["grad_logits"] = problem.logits
    before = padding_of(out["grad_logits"]).clone()

    # The probability of a row that spoils itself and no other.
    bad = torch.zeros(problem.rows, dtype=torch.bool)
    invalid = torch.zeros_like(bad)
    if choose(rng, [0, 0, 1]):
        bad = torch.rand(problem.rows, generator=rng) < 0.3
        for row in bad.nonzero()[:, 0].tolist():
            at = int(torch.randint(problem.classes, (1,), generator=rng))
            problem.logits[row, at] = choose(rng, [math.nan, math.inf, -math.inf])
        if library.form == "cuda" and problem.kind not in ("multi-label", "regression"):
            invalid = (torch.rand(problem.rows, generator=rng) < 0.2) & ~bad
            problem.labels[invalid] = choose(rng, [-1, problem.classes + 1, 2**31 - 1, -(2**31)])
    good = ~(bad | invalid)

    library.weighted_loss(problem, out, sample_weights=factor, **options)
    synchronize(z.device)
    result = out["result"].cpu()
    report.equal("non_finite_rows", result[4].item() == int(bad.sum()), name)
    report.equal("invalid_labels", result[5].item() == int(invalid.sum()), name)
    report.equal("padding", torch.equal(padding_of(out["grad_logits"]), before), name)
    for key in [*ROW_OUTPUTS, "grad_logits"]:
        if key not in out:
            continue
        spoilt = out[key].cpu()[~good]
        report.equal(f"{key} of bad rows", bool((spoilt == -1).all() if key == "predictions" else spoilt.isnan().all()), name)
    if not good.all():
        report.equal("objective of bad rows", math.isnan(objective_of(result)), name)
    if not good.any():
        return

    keep = good.to(z.device)
    expected = reference.weighted_loss(
        z[keep], labels[keep], problem.kind, problem.parameters, params, options["gradient"], options["normalize"],
        None if factor is None else factor[keep], problem.transition,
    )  # fmt: skip
    compare_weighted_loss(report, problem, out, expected, keep, name)
    if good.all():
        actual = torch.tensor(objective_of(result), dtype=torch.float64)
        report.close("objective", actual, expected["objective"].cpu(), expected["scale"].cpu() + 1e-30, name, loss_units(problem))
        check_by_scalars(report, problem, result, expected, options["normalize"], name)


def check_by_scalars(report, problem, result, expected, normalize, name):
    """The objective's partial derivatives by alpha, beta and delta."""
    actual = result[:3].view(torch.float64)
    if problem.params is None:
        report.equal("by scalars without params", not actual.any(), name)
        return
    # Normalised by the batch, each row's part is a difference to what all rows have in common.
    common = expected["scale"].cpu() if normalize == "batch-mean" else 0.0
    size = 3 * expected["by_scalars_size"].cpu() + common + 1e-36
    report.close("by scalars", actual, expected["by_scalars"].cpu(), size, name, loss_units(problem))


def loss_units(problem):
    """(1 - u)^gamma has gamma times the relative error of 1 - u, which for 16-bit logits is exp2f's, on a device."""
    return UNITS * (1 + problem.parameters[0]) if problem.kind == "focal" and problem.logits.dtype != torch.float32 else UNITS


def compare_weighted_loss(report, problem, out, expected, keep, name):
    # Below these, float32 has no or few digits left.
    least = {"losses": 1e-36, "label_probs": 1e-36, "max_probs": 1e-36, "weights": 1e-36}
    for key in ["losses", "weights", "label_probs", "max_probs"]:
        size = expected[key].abs() + least[key]
        report.close(key, out[key][keep], expected[key], size, name, loss_units(problem) if key == "losses" else UNITS)
    for key in ["term_alpha", "term_beta", "term_delta"]:
        if key in out:
            report.close(key, out[key][keep], expected[key], 1.0, name)
    report.equal("predictions", torch.equal(out["predictions"][keep].long(), expected["predictions"].long()), name)
    relative, step = unit_of(problem.logits.dtype)
    # If alpha, beta or delta is 1, du and dv cancel; only rounding errors of float64 remain, in library and reference.
    step = step + 2.0**-45 * expected["scale"] / problem.rows * (1 - expected["max_probs"]).abs()[:, None]
    # Bad rows are out of the reference's sight, but not out of the mean.
    grad = expected["grad_logits"] * (keep.sum() / problem.rows)
    # By the largest entry of the row: on a confident row that is the small difference 1 - s itself.
    size = grad.abs().amax(1, keepdim=True) + 1e-36
    if "grad_common" in expected:
        # Normalised by the batch, a row's gradient is a difference to what it has in common with all rows.
        size = size + expected["grad_common"][:, None]
    if "terms" in expected:
        # Under a transition matrix, an entry is a difference of probabilities.
        size = size + expected["terms"] * (keep.sum() / problem.rows)
    if problem.kind == "label-smoothing":
        # An entry is s - (1 - smoothing) - smoothing / C, and may be a small difference of these.
        size = size + problem.parameters[0] * expected["weights"][:, None] / problem.rows
    actual = out["grad_logits"][keep]
    bound = 65504.0 if problem.logits.dtype == torch.float16 else math.inf
    report.close(f"grad_logits {str(problem.logits.dtype)[6:]}", actual, grad.clamp(-bound, bound), size, name, loss_units(problem), relative * grad.abs() * 1.001 + step)


def check_meta(library, report, rng, draw):
    problem, z, labels, params, name = draw()
    name = f"meta {name}"
    coefficients = torch.randn(problem.rows, generator=rng).to(z.device) if choose(rng, [0, 0, 1]) else None
    result = torch.zeros(7, dtype=torch.int64, device=z.device)
    library.meta_gradient(problem, result, coefficients)
    synchronize(z.device)
    values = result[:4].view(torch.float64).cpu()
    expected, sizes = reference.meta_gradient(z, labels, problem.kind, problem.parameters, params, coefficients, problem.transition)
    for at, key in enumerate(["meta alpha", "meta beta", "meta delta", "meta objective"]):
        report.close(key, values[at], expected[at].cpu(), sizes[at].cpu() * 3 + 1e-36, name, loss_units(problem))

    rate, decay, clamp = 0.5, 0.01, bool(choose(rng, [0, 1]))
    again = torch.zeros(7, dtype=torch.int64, device=z.device)
    library.meta_step(problem, again, rate, decay, clamp)
    synchronize(z.device)
    report.equal("moved", again[6].item() == 1, name)
    if coefficients is None:
        report.equal("repeat", torch.equal(again[:6], result[:6]), name)
    # From the gradient that came out: what this checks is the step.
    gradient = again[:3].view(torch.float64).cpu()
    old = torch.tensor(params, dtype=torch.float64)
    moved = old - rate * (gradient + decay * old)
    if clamp:
        moved[2] = max(moved[2], moved[1])
        moved[0] = max(moved[0], 1.0)
    report.close("meta step", problem.params.cpu(), moved, 1e-7, name)

    problem.logits[0, 0] = math.nan
    before = problem.params.clone()
    if library.form == "cuda":
        library.meta_step(problem, again, rate, decay, clamp)
        synchronize(z.device)
        report.equal("refused step", again[6].item() == 0 and torch.equal(problem.params, before), name)
        report.equal("non_finite_rows", again[4].item() == 1, name)


def check_alignment(library, report, rng, draw):
    problem, z, labels, _, name = draw()
    name = f"alignment {name}"
    tangents = torch.randn(z.shape, generator=rng, dtype=torch.float64).to(problem.logits.dtype)
    bad = torch.zeros(problem.rows, dtype=torch.bool)
    if choose(rng, [0, 0, 1]):
        bad = torch.rand(problem.rows, generator=rng) < 0.3
        tangents[bad, 0] = math.inf
    moved = tensor(tangents.double(), problem.logits.dtype, z.device, choose(rng, [0, 1]), choose(rng, [0, 3]))
    alignments, weights = (torch.full((problem.rows,), POISON, device=z.device) for _ in range(2))
    result = torch.zeros(2, dtype=torch.int64, device=z.device)
    library.alignment_weights(problem, moved, alignments, weights, result)
    synchronize(z.device)
    expected, sizes = reference.alignments(z, labels, problem.kind, problem.parameters, tangents.to(z.device), problem.transition)
    # A gradient of exactly 0 times an infinite tangent is NaN, too.
    good = (~bad).to(z.device)
    report.equal("non_finite_rows", result[0].item() == int((~good).sum()), name)
    report.equal("bad alignments", bool(alignments[~good].isnan().all() and weights[~good].isnan().all()), name)
    if not good.any():
        return
    # The error of a gradient is measured by the largest entry of its row; here every product may be that far off.
    report.close("alignments", alignments[good], expected[good], sizes[good] + 1e-36, name, loss_units(problem))
    positive = alignments[good].double().clamp(min=0)
    total = positive.sum() if positive.sum() > 0 else torch.tensor(1.0, dtype=torch.float64)
    report.close("alignment weights", weights[good], positive / total, positive / total + 1e-36, name)


def check_repeat(library, report, rng, draw):
    problem, z, *_, name = draw()
    first, second = outputs(problem), outputs(problem)
    library.weighted_loss(problem, first)
    library.weighted_loss(problem, second)
    synchronize(z.device)
    same = all(torch.equal(bits(first[key]), bits(second[key])) for key in first)
    report.equal("repeat", same, name)
    alone = {"losses": torch.empty(problem.rows, device=z.device), "result": torch.zeros(6, dtype=torch.int64, device=z.device)}
    library.weighted_loss(problem, alone)
    synchronize(z.device)
    report.equal("outputs alone", torch.equal(bits(alone["losses"]), bits(first["losses"])), name)
    report.equal("outputs alone", torch.equal(alone["result"], first["result"]), name)


def bits(t):
    t = t.contiguous()
    return t.view({2: torch.int16, 4: torch.int32, 8: torch.int64}[t.element_size()])


def check_far_rows(library, report, device, dtype):
    """Rows of which the last begins beyond 2^31 elements. Only what the rows touch becomes memory on the host."""
    stride = 2**30 + 24
    logits = torch.empty(2 * stride + 16, dtype=dtype, device=device).as_strided((3, 10), (stride, 1))
    grad = torch.empty(2 * stride + 16, dtype=dtype, device=device).as_strided((3, 10), (stride, 1))
    z = torch.arange(30, dtype=torch.float64).view(3, 10).sin().to(dtype).double()
    logits.copy_(z)
    labels = torch.tensor([1, 0, 9], dtype=torch.int32, device=device)
    problem = Problem(logits, labels, params=torch.tensor([10.0, 2.0, 6.0], dtype=torch.float64, device=device))
    out = {**outputs(Problem(z.to(device).to(dtype), labels, params=problem.params)), "grad_logits": grad}
    library.weighted_loss(problem, out)
    synchronize(device)
    expected = reference.weighted_loss(z.to(device), labels, "cross-entropy", (), (10, 2, 6), "full", "none", None)
    keep = torch.ones(3, dtype=torch.bool, device=device)
    compare_weighted_loss(report, problem, out, expected, keep, "rows beyond 2^31 elements")


def check_many_rows(library, report, device):
    """More rows than a grid has blocks for: every block goes over several."""
    for rows, classes in [(700_000, 2), (700_000, 10), (9000, 3000), (5000, 20000)]:
        rng = torch.Generator(device=device).manual_seed(rows)
        logits = torch.randn(rows, classes, generator=rng, device=device) * 3
        labels = torch.randint(classes, (rows,), generator=rng, device=device).int()
        problem = Problem(logits, labels, params=torch.tensor([10.0, 2.0, 6.0], dtype=torch.float64, device=device))
        out = outputs(problem)
        library.weighted_loss(problem, out)
        synchronize(device)
        expected = reference.weighted_loss(logits.double(), labels, "cross-entropy", (), (10, 2, 6), "full", "none", None)
        compare_weighted_loss(report, problem, out, expected, labels >= 0, f"[{rows}, {classes}]")
        actual = torch.tensor(objective_of(out["result"].cpu()), dtype=torch.float64)
        report.close("objective", actual, expected["objective"].cpu(), expected["scale"].cpu() + 1e-30, f"[{rows}, {classes}]")


def check_golden(library, report, golden, device):
    """The golden vectors, with the tolerance that they name for float32."""
    with open(golden, encoding="utf-8") as file:
        vectors = json.load(file)
    tolerance = vectors["meta"]["suggested_tol"]["float32"]

    def close(quantity, actual, expected, case, extreme):
        expected = torch.as_tensor(expected, dtype=torch.float64)
        error = (actual.cpu().double() - expected).abs() / expected.abs().clamp(min=1)
        share = error / (1e-3 if extreme else tolerance)
        report.share(f"golden {quantity}", share.max().item(), case)

    cases = [(case, False) for case in vectors["lilaw_cases"]]
    cases += [(case, True) for case in vectors["lilaw_multilabel_cases"]]
    for case, multi in cases:
        logits = torch.tensor(case["logits"], dtype=torch.float32, device=device)
        extreme = bool((logits.abs() > 100).any())
        labels = torch.tensor(case["targets" if multi else "labels"], dtype=torch.uint8 if multi else torch.int32, device=device)
        kind = "multi-label" if multi else {"ce": "cross-entropy", "focal": "focal", "ls": "label-smoothing"}[case["loss"]]
        parameters = (case.get("gamma") or case.get("label_smoothing") or 0.0,)
        params = torch.tensor([case["alpha"], case["beta"], case["delta"]], dtype=torch.float64, device=device)
        problem = Problem(logits, labels, kind, parameters, params)
        for mode in ["full", "detached"]:
            out = outputs(problem)
            library.weighted_loss(problem, out, gradient=mode)
            synchronize(device)
            close(f"gradient {mode}", out["grad_logits"], case[f"grad_logits_{mode}"], case["name"], extreme)
        names = {"losses": "loss_per_sample", "weights": "weight"}
        names |= {"label_probs": "ubar", "max_probs": "vbar"} if multi else {"label_probs": "s_label", "max_probs": "s_max"}
        names |= {} if multi else {"term_alpha": "w_alpha", "term_beta": "w_beta", "term_delta": "w_delta"}
        for name, key in names.items():
            close(name, out[name], case[key], case["name"], extreme)
        objective = torch.tensor(objective_of(out["result"].cpu()))
        close("objective", objective, case["weighted_loss_mean"], case["name"], extreme)
        if not multi:
            report.equal("golden argmax", out["predictions"].tolist() == case["argmax"], case["name"])
        result = torch.zeros(7, dtype=torch.int64, device=device)
        library.meta_gradient(problem, result)
        synchronize(device)
        meta = [case["meta_grad"][key] for key in ("alpha", "beta", "delta")]
        close("meta gradient", result[:3].view(torch.float64), meta, case["name"], extreme)
        for key, clamp in ({} if multi else {"updated": False, "updated_clamped": True}).items():
            problem.params = params.clone()
            library.meta_step(problem, result, case["lr"], case["weight_decay"], clamp)
            synchronize(device)
            close(key, problem.params, [case[key][p] for p in ("alpha", "beta", "delta")], case["name"], extreme)
    return len(cases)


def torch_capture(record):
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        record()
    return graph.replay


def check_graph(library, report, device, capture):
    """A whole step of LiLAW, captured once and launched on new numbers, against the same step queued call by call."""
    torch.manual_seed(7)
    labels = torch.randint(100, (256,), device=device).int()
    logits, valid = (torch.empty(256, 100, device=device) for _ in range(2))
    params = torch.tensor([10.0, 2.0, 6.0], dtype=torch.float64, device=device)
    train, validation = Problem(logits, labels, params=params), Problem(valid, labels, params=params)
    out, meta = outputs(train), torch.zeros(7, dtype=torch.int64, device=device)

    def step():
        library.weighted_loss(train, out)
        library.meta_step(validation, meta, 0.1, 1e-4)

    logits.normal_(), valid.normal_()
    library.workspace(256, device)
    start = params.clone()
    synchronize(device)
    launch = capture(step)
    report.equal("graph", torch.equal(params, start), "captured is not done")
    for _ in range(5):
        logits.normal_(), valid.normal_()
        params.copy_(start)
        synchronize(device)
        launch()
        synchronize(device)
        captured = [params.clone(), out["grad_logits"].clone(), out["result"].clone(), meta.clone()]
        params.copy_(start)
        step()
        synchronize(device)
        queued = [params, out["grad_logits"], out["result"], meta]
        report.equal("graph", all(torch.equal(bits(a), bits(b)) for a, b in zip(captured, queued)), "graph launched")
        start = params.clone()
    report.equal("graph", not torch.equal(start, torch.tensor([10.0, 2.0, 6.0], device=device)), "graph moves the scalars")


def synchronize(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("--form", choices=["cpu", "cuda"], required=True)
    parser.add_argument("--device", default=None, help="where the tensors are (the form's own by default)")
    parser.add_argument("--golden", help="lilaw.json")
    parser.add_argument("--cases", type=int, default=300, help="random cases of each operation")
    parser.add_argument("--rows", type=int, default=70, help="most rows of a random case")
    parser.add_argument("--long", type=int, default=20, help="random cases of each operation with over 8000 classes")
    parser.add_argument("--small", action="store_true", help="no rows beyond 2^31 elements and no CUDA graph")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--csv", help="where to write the shares of the tolerance")
    options = parser.parse_args()

    library = Library(options.library, options.form)
    device = torch.device(options.device or options.form)
    device = torch.device("cuda", torch.cuda.current_device()) if device.type == "cuda" else device
    dtypes = [torch.float32] if options.form == "cpu" else [torch.float32, torch.float32, torch.float16, torch.bfloat16]
    rng = torch.Generator().manual_seed(options.seed)
    report = Report()

    if options.golden:
        print(f"golden vectors: {check_golden(library, report, options.golden, device)} cases")
    operations = [check_weighted_loss, check_meta, check_alignment, check_repeat]
    for count, classes, rows in [(options.cases, CLASSES, options.rows), (options.long, LONG_CLASSES, 5)]:
        for _ in range(count):
            for check in operations:
                draw = lambda: draw_problem(rng, device, choose(rng, dtypes), classes, rows)  # noqa: E731, B023
                check(library, report, rng, draw)
        print(f"random cases: {count} of each of {len(operations)} checks, up to {max(classes)} classes", flush=True)
    if not options.small:
        for dtype in dict.fromkeys(dtypes):
            check_far_rows(library, report, device, dtype)
        print("rows beyond 2^31 elements: checked")
        if device.type == "cuda":
            check_many_rows(library, report, device)
            print("more rows than blocks: checked")
            check_graph(library, report, device, torch_capture)
            print("CUDA graph of PyTorch: a captured step launched")
        if options.form == "cuda":
            check_graph(library, report, device, library.capture)
            print("CUDA graph of the library: a captured step launched")

    rows = sorted(((quantity, share, case) for quantity, (share, case) in report.shares.items()), key=lambda r: -r[1])
    if options.csv:
        with open(options.csv, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("quantity", "share_of_tolerance", "case"), *rows])
    for quantity, share, case in rows[:12]:
        print(f"{quantity:24} used {share:6.1%} of its tolerance   {case}")
    for failure in report.failures[:20]:
        print("FAILED", failure)
    print(f"{report.checks} checks, {len(report.failures)} failed")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
