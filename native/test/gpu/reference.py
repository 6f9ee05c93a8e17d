"""LiLAW and Learning to Reweight in float64, straight from their definitions; gradients by automatic differentiation."""

import torch
import torch.nn.functional as F


def lowest_top(values):
    """Index of the largest value of each row, the lowest on ties."""
    index = torch.arange(values.shape[1], device=values.device)
    is_top = values == values.amax(1, keepdim=True)
    return torch.where(is_top, index, values.shape[1]).amin(1)


def softplus(x):
    return F.softplus(x, threshold=700)


def probability(x):
    """sigmoid(x) with a derivative that keeps its digits where it is small: torch.sigmoid's is y (1 - y)."""
    return torch.exp(-softplus(-x))


def of_label_prob(kind, parameters, u, others, minus_log):
    """A loss of u from u, 1 - u and -log u, each with all its digits."""
    if kind == "focal":
        # Where it is 0, a power below 1 has no derivative; the limit of the product is 0.
        least = minus_log.clamp(min=1e-300)
        return (-torch.expm1(-least)) ** parameters[0] * least
    if kind == "generalized-cross-entropy":
        return -torch.expm1(-parameters[0] * minus_log) / parameters[0]
    if kind == "symmetric-cross-entropy":
        alpha, beta, a = parameters
        return alpha * minus_log - beta * a * others
    return 2 * others if kind == "mean-absolute-error" else minus_log


def under_transition(shifted, is_top, top, of_label):
    """u, 1 - u and -log u of rows of logits less the largest, under `of_label`, each row's T by true class."""
    exps = torch.exp(shifted).masked_fill(is_top, 0)
    rest = exps.sum(1)
    at_top = of_label[torch.arange(len(top), device=top.device), top]
    # Far from all classes that the label may come from, the sum of these has a logarithm where it has no digits.
    minus_log = torch.log1p(rest) - torch.logsumexp(shifted + torch.log(of_label), 1)
    others = ((1 - at_top) + (exps * (1 - of_label)).sum(1)) / (1 + rest)
    near = torch.where(others < 0.5, others, 0.0)
    minus_log = torch.where(others < 0.5, -torch.log1p(-near), minus_log)
    return torch.exp(-minus_log), others, minus_log


def measure(z, labels, kind, parameters, transition=None):
    """
    Loss, u and v of each row of float64 logits, the prediction, and whether the row has a weight. `transition` is by
    observed labels.
    """
    parameter = parameters[0] if parameters else 0.0
    rows = torch.arange(z.shape[0], device=z.device)
    always = torch.ones(z.shape[0], dtype=torch.bool, device=z.device)
    if kind == "binary":
        t = (labels.double() * 2 - 1) * z[:, 0]
        top = z[:, 0] > 0
        return softplus(-t), probability(t), probability(torch.where(top, z[:, 0], -z[:, 0])), top.int(), always
    if kind == "regression":
        f, y = z[:, 0], labels.double()
        return (f - y) ** 2, f / parameter, y / parameter, torch.zeros_like(rows), always
    top = lowest_top(z)
    if kind == "multi-label":
        y = labels.double()
        observed = y.sum(1)
        p = probability(z)
        order = torch.sort(z, dim=1, descending=True, stable=True).indices
        rank = torch.empty_like(order).scatter_(1, order, torch.arange(z.shape[1], device=z.device).expand_as(order))
        share = 1 / observed.clamp(min=1)
        u = (p * y).sum(1) * share
        v = (p * (rank < observed[:, None])).sum(1) * share
        return softplus(torch.where(y == 1, -z, z)).mean(1), u, v, top, observed > 0
    # Without the largest logit in the sum, 1 - s of a confident row is no small difference, nor is its derivative.
    shifted = z - z[rows, top][:, None]
    rest = torch.exp(shifted).masked_fill(F.one_hot(top, z.shape[1]).bool(), 0).sum(1)
    label = labels.long()
    shifted_label = torch.where(label == top, 0.0, shifted[rows, label])
    v = 1 / (1 + rest)
    if transition is not None:
        is_top = F.one_hot(top, z.shape[1]).bool()
        u, others, minus_log = under_transition(shifted, is_top, top, transition.double()[label])
        return of_label_prob(kind, parameters, u, others, minus_log), u, v, top, always
    cross_entropy = torch.log1p(rest) - shifted_label
    u = torch.exp(-cross_entropy)
    if kind == "label-smoothing":
        loss = torch.log1p(rest) - (1 - parameter) * shifted_label - parameter * shifted.mean(1)
    else:
        loss = of_label_prob(kind, parameters, u, -torch.expm1(-cross_entropy), cross_entropy)
    return loss, u, v, top, always


def transition_terms(z, labels, kind, parameters, transition):
    """Under a transition matrix, each entry of a row's loss gradient is a difference: s, P and the factor of s - P."""
    minus_log = measure(z.detach(), labels, "cross-entropy", (), transition)[0].requires_grad_()
    loss = of_label_prob(kind, parameters, torch.exp(-minus_log), -torch.expm1(-minus_log), minus_log)
    (factor,) = torch.autograd.grad(loss.sum(), minus_log)
    joint = z.detach() + torch.log(transition.double()[labels.long()])
    return torch.softmax(z.detach(), 1), torch.softmax(joint, 1), factor.abs()[:, None]


def weight_terms(u, v, params):
    a, b, d = (p * u - v for p in params)
    return probability(a), probability(-b), torch.exp(-d * d / 2)


def weighted_loss(z, labels, kind, parameters, params, gradient, normalize, sample_weights, transition=None):
    """All outputs of weighted_loss on good rows. `z`: float64, `params`: three numbers or None."""
    z = z.detach().requires_grad_()
    loss, u, v, top, weighted = measure(z, labels, kind, parameters, transition)
    if params is None:
        terms = None
        weight = torch.ones_like(loss)
    else:
        # One of each for every row: so the derivatives come apart by row.
        scalars = [torch.full_like(u, float(x)).requires_grad_() for x in params]
        terms = [torch.where(weighted, t, 0.0) for t in weight_terms(u, v, scalars)]
        raw = torch.where(weighted, sum(terms), 1.0)
        weight = raw / raw.mean() if normalize == "batch-mean" else raw
    factor = 1.0 if sample_weights is None else sample_weights.double()
    by_scalars = None
    if terms is not None:
        by_rows = torch.stack(torch.autograd.grad((factor * weight * loss).mean(), scalars, retain_graph=True))
        # By delta there is a factor delta u - v, which is a small difference where it is small.
        small = (factor * weight * loss / weight.numel() * u * terms[2]).detach().abs().sum()
        by_scalars = torch.stack([by_rows.sum(1), by_rows.abs().sum(1) + torch.tensor([0, 0, 1]).to(z) * small])
    if gradient == "detached":
        weight = weight.detach()
    contributions = factor * weight * loss
    objective = contributions.mean()
    grad_common = None
    if terms is not None and normalize == "batch-mean" and gradient == "full":
        by_mean = objective.detach() * raw.mean() / raw.mean().detach()
        (grad_common,) = torch.autograd.grad(by_mean, z, retain_graph=True)
    (grad,) = torch.autograd.grad(objective, z)
    out = {"losses": loss, "weights": weight, "label_probs": u, "max_probs": v, "predictions": top,
           "grad_logits": grad, "objective": objective, "scale": contributions.abs().mean()}  # fmt: skip
    if grad_common is not None:
        out["grad_common"] = grad_common.abs().amax(1)
    if transition is not None:
        s, posterior, by_loss = transition_terms(z, labels, kind, parameters, transition)
        size = weight.detach()[:, None] * by_loss * (s + posterior)
        if terms is not None and gradient == "full":
            a, b, d = terms
            slopes = [a * (1 - a), b * (1 - b), d * (params[2] * u - v).abs()]
            by_u = sum(p * slope for p, slope in zip(params, slopes)) * u / raw.mean()
            by_v = sum(slopes) * v / raw.mean()
            size = size + loss.abs()[:, None] * (by_u[:, None] * (s + posterior) + by_v[:, None] * s)
        out["terms"] = size * (factor if sample_weights is None else factor[:, None]) / len(z)
    if by_scalars is not None:
        out["by_scalars"], out["by_scalars_size"] = by_scalars
    if terms is not None:
        out |= dict(zip(["term_alpha", "term_beta", "term_delta"], terms))
    return {name: value.detach() for name, value in out.items()}


def meta_gradient(z, labels, kind, parameters, params, coefficients=None, transition=None):
    """The partial derivatives by alpha, beta and delta, the objective, and the mean sizes of what these are sums of."""
    loss, u, v, _, weighted = measure(z, labels, kind, parameters, transition)
    if coefficients is not None:
        loss = coefficients.double()
    p = [torch.full_like(u, float(x), requires_grad=True) for x in params]
    terms = [torch.where(weighted, t, 0.0) for t in weight_terms(u.detach(), v.detach(), p)]
    contributions = loss.detach() * torch.where(weighted, sum(terms), 1.0)
    parts = torch.autograd.grad(contributions.sum(), p)
    values = torch.stack([*(part.mean() for part in parts), contributions.mean().detach()])
    by_alpha, by_beta, by_delta = (part.abs() for part in parts)
    # By delta there is a factor delta u - v, which is a small difference where it is small.
    by_delta = by_delta + (loss * u * terms[2]).detach().abs()
    sizes = torch.stack([x.mean() for x in (by_alpha, by_beta, by_delta, contributions.detach().abs())])
    return values, sizes


def alignments(z, labels, kind, parameters, tangents, transition=None):
    """Inner products of each row's loss gradient with its tangent, and the sizes of what they are sums of."""
    z = z.detach().requires_grad_()
    loss = measure(z, labels, kind, parameters, transition)[0]
    (grad,) = torch.autograd.grad(loss.sum(), z)
    # With smoothing an entry of the gradient may be a small difference of numbers of that size.
    size = grad.abs() + (parameters[0] if kind == "label-smoothing" else 0)
    sizes = (size * tangents.double().abs()).sum(1)
    if transition is not None:
        s, posterior, by_loss = transition_terms(z, labels, kind, parameters, transition)
        # Each tangent is taken less that of the largest logit.
        top = tangents.double().gather(1, lowest_top(z.detach())[:, None]).abs()
        sizes = sizes + (by_loss * (s + posterior) * (tangents.double().abs() + top)).sum(1)
    return (grad * tangents.double()).sum(1), sizes
