"""Exported losses against plain PyTorch, through examples/python/dualtail_loss.py. Called by main.mts.

The reference is plain PyTorch in double on the same logits; what plain PyTorch loses in the file's own precision is
shown beside it. A file may lose the tolerance, or where plain PyTorch loses more than half of that itself (a joint loss
over many classes takes exponentials of logarithms around -10), twice what plain PyTorch loses in that batch.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "examples" / "python"), str(HERE.parent / "fixtures")]

import losses as plain  # noqa: E402
from dualtail_loss import DualtailLoss  # noqa: E402

TOLERANCE = {"float32": 1e-6, "float64": 1e-12}


def plain_loss(description, zs, y, case):
    """The definition, in the precision of `zs`."""
    options = description["options"]
    if description["over"] == "models":
        return plain.backdoor(zs, y, {**case, "masses": description["weights"]}, options["tau"])
    (z,) = zs
    return {
        "ce": lambda: torch.nn.functional.cross_entropy(z, y),
        "la": lambda: plain.la(z, y, case, options["tau"]),
        "bs": lambda: plain.la(z, y, case),
        "gla-train": lambda: plain.gla_train(z, y, case, options["tau"], options["lambda"]),
        "focal": lambda: plain.focal(z, y, case, options["gamma"]),
        "ldam": lambda: plain.ldam(z, y, case, options["maxMargin"]),
        "cb": lambda: plain.cb(z, y, case, options["beta"]),
        "grw": lambda: plain.grw(z, y, case, options["exponent"]),
        "lade": lambda: plain.lade(z, y, case, options["lambda"], options["weight"]),
    }[description["loss"]]()


def differences(actual, expected):
    return max(((a.double() - e).abs().max() / e.abs().max()).item() for a, e in zip(actual, expected))


def check(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [entry.domain for entry in model.opset_import] == [""], "standard operators only"


def compare(path, counts):
    check(path)
    description = DualtailLoss.describe(path)
    classes = description["classes"]
    if len(counts) != classes:
        counts = [max(1, round(500 * 0.99**k)) for k in range(classes)]
    pretrain = torch.softmax(torch.randn(classes, dtype=torch.float64), 0)
    loss = DualtailLoss(path, counts, pretrain.numpy())
    precision = loss.dtype.name
    dtype = torch.from_numpy(np.empty(0, loss.dtype)).dtype
    exact = torch.tensor(counts, dtype=torch.float64)
    case = {"counts": exact, "prior": exact / exact.sum(), "pretrain": pretrain, "scale": 25.0}
    worst = {"value": 0.0, "gradients": 0.0, "plain": 0.0, "excess": 0.0}
    for batch in (1, 7, 128):
        zs = [(3 * torch.randn(batch, classes)).to(dtype) for _ in range(description["models"])]
        y = torch.randint(classes, (batch,))
        # In float32 1 − p of an all but certain sample keeps few digits, in torch too, and in a batch of one there is
        # nothing else; that the graph is right there is what the rows in double show.
        if batch == 1 and precision == "float32":
            y = sum(zs).argmin(1)
        reference = twice(lambda own: plain_loss(description, own, y, case), [z.double() for z in zs])
        rounded = {name: v.to(dtype) if torch.is_tensor(v) else v for name, v in case.items()}
        plain_value, plain_gradients = map(
            differences, twice(lambda own: plain_loss(description, own, y, rounded), zs), reference
        )
        value, gradients = map(differences, twice(lambda own: loss(own, y), zs), reference)
        plain_error = max(plain_value, plain_gradients)
        excess = max(value, gradients) / max(TOLERANCE[precision], 2 * plain_error)
        found = {"value": value, "gradients": gradients, "plain": plain_error, "excess": excess}
        worst = {name: max(worst[name], found[name]) for name in worst}
    return description, precision, worst


def twice(build, logits):
    """Value and gradients of 2 × a loss: the gradient that comes in must be passed on."""
    own = [z.clone().requires_grad_() for z in logits]
    value = 2 * build(own)
    value.backward()
    return [value.detach()], [z.grad for z in own]


def main():
    torch.manual_seed(0)
    given = json.loads(Path(sys.argv[1]).read_text())
    print(f"torch {torch.__version__}, onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
    print("| loss | options | classes | models | precision | value | gradients | plain PyTorch |")
    print("| --- | --- | ---: | ---: | --- | ---: | ---: | ---: |")
    failed = []
    for path in given["files"]:
        description, precision, worst = compare(path, given["counts"])
        name, models = description["loss"], description["models"]
        options = ", ".join(f"{key} {option}" for key, option in description["options"].items())
        row = [name, options, description["classes"], models, precision]
        errors = [f"{worst[column]:.1e}" for column in ("value", "gradients", "plain")]
        print(f"| {' | '.join(map(str, [*row, *errors]))} |")
        # "not ≤" rather than ">": NaN must fail.
        if not worst["excess"] <= 1:
            failed.append(f"{name} ({precision})")
    if failed:
        sys.exit(f"above the tolerance: {', '.join(failed)}")


main()
