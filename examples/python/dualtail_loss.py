"""A loss exported by `npx dualtail export-loss` as a PyTorch function: value and gradients come from the ONNX file."""

import json

import numpy as np
import onnxruntime
import torch


def _open(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def _describe(session):
    return json.loads(session.get_modelmeta().custom_metadata_map["dualtail"])


class DualtailLoss(torch.nn.Module):
    """The loss in `path`, averaged over the batch.

    class_counts      training images per class; gives the class prior n_y / N. A file whose numbers were worked out of
                      counts (`--counts`) has them in it, and takes no others.
    pretrain_prior    estimated prior of the pre-training data per class, for losses that need it
    """

    def __init__(self, path, class_counts=None, pretrain_prior=None):
        super().__init__()
        self.session = _open(path)
        self.description = _describe(self.session)
        if self.description["kind"] != "loss":
            raise ValueError(f"{path} is a {self.description['kind']}, not a loss")
        inputs = {spec["name"]: spec for spec in self.description["inputs"]}
        self.logits = [name for name in inputs if name.startswith("logits")]
        self.dtype = np.dtype(inputs[self.logits[0]]["dtype"])
        own = self.description.get("classCounts")
        if own is not None and class_counts is not None and list(class_counts) != own:
            raise ValueError(f"{path} was exported for other class counts; export it again with --counts")
        self.fixed = {}
        if "class_prior" in inputs:
            counts = own if class_counts is None else class_counts
            if counts is None:
                raise ValueError(f"{self.description['loss']} needs class_counts")
            self.fixed["class_prior"] = self._prior("class_counts", counts)
        if "pretrain_prior" in inputs:
            if pretrain_prior is None:
                raise ValueError(f"{self.description['loss']} needs pretrain_prior")
            self.fixed["pretrain_prior"] = self._prior("pretrain_prior", pretrain_prior)

    @staticmethod
    def describe(path):
        """What the file is: loss, options, classes, models, inputs and outputs."""
        return _describe(_open(path))

    def _prior(self, what, values):
        values = np.asarray(values, dtype=np.float64)
        if values.shape != (self.description["classes"],) or not (values > 0).all():
            raise ValueError(f"{what} must be {self.description['classes']} numbers above 0")
        return (values / values.sum()).astype(self.dtype)

    def forward(self, logits, labels):
        """logits [B, K], or a list of one per model; labels [B]. Any device, any float type."""
        per_model = [logits] if torch.is_tensor(logits) else list(logits)
        if len(per_model) != len(self.logits):
            raise ValueError(f"logits of {len(per_model)} models for a loss over {len(self.logits)}")
        classes = self.description["classes"]
        for z in per_model:
            if z.shape != (len(labels), classes):
                raise ValueError(f"logits are {tuple(z.shape)}, not {(len(labels), classes)}")
        # The file would take a label outside the classes for a sample without one.
        if len(labels) == 0 or labels.min() < 0 or labels.max() >= classes:
            raise ValueError(f"labels must be in 0 … {classes - 1}, and there must be some")
        return _Run.apply(self, labels, *per_model)

    def run(self, labels, logits):
        """Loss and gradients as arrays. Arrays of the right type are read where they are."""
        feeds = {**self.fixed, "labels": labels, **dict(zip(self.logits, logits))}
        return self.session.run(["loss", *(f"grad_{name}" for name in self.logits)], feeds)


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(ctx, module, labels, *logits):
        dtype = torch.from_numpy(np.empty(0, module.dtype)).dtype
        # No copy for contiguous tensors on the CPU that have the type already.
        arrays = [z.detach().to("cpu", dtype).contiguous().numpy() for z in logits]
        targets = labels.detach().to("cpu", torch.int64).contiguous().numpy()
        loss, *gradients = module.run(targets, arrays)
        ctx.save_for_backward(*(torch.from_numpy(d).to(z.device) for d, z in zip(gradients, logits)))
        ctx.dtypes = [z.dtype for z in logits]
        return torch.tensor(loss.item(), dtype=dtype, device=logits[0].device)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        gradients = [(grad * d).to(dtype) for d, dtype in zip(ctx.saved_tensors, ctx.dtypes)]
        return (None, None, *gradients)
