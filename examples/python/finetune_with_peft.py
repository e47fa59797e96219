"""Fine-tunes an image tower with LoRA (Hugging Face peft) on long-tailed data, with a loss exported by dualtail.

    npx dualtail export-loss la --classes 10 -o la.onnx
    python finetune_with_peft.py la.onnx

The tower is a tiny CLIPVisionModel with random weights and the images are made up, so that nothing is downloaded: put
`CLIPVisionModel.from_pretrained(…)` and a data set of your own in their places. A loss over several models
(`export-loss backdoor --models 2`) trains that many towers together, in one step.
"""

import argparse

import torch
from peft import LoraConfig, get_peft_model
from transformers import CLIPVisionConfig, CLIPVisionModel

from dualtail_loss import DualtailLoss

SIZE = 32


def tower(seed):
    torch.manual_seed(seed)
    config = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=SIZE, patch_size=8
    )
    return get_peft_model(CLIPVisionModel(config), LoraConfig(r=4, target_modules=["q_proj", "v_proj"]))


class Classifier(torch.nn.Module):
    """A tower and a cosine head of scale 25."""

    def __init__(self, seed, classes):
        super().__init__()
        self.tower = tower(seed)
        self.weight = torch.nn.Parameter(torch.randn(classes, 32))

    def forward(self, pixels):
        features = self.tower(pixel_values=pixels).pooler_output
        normalize = torch.nn.functional.normalize
        return 25 * normalize(features, dim=1) @ normalize(self.weight, dim=1).T


def long_tailed(classes, most, ratio):
    """Images per class, falling geometrically from `most` to `most / ratio`; each class is a pattern under noise."""
    counts = [round(most * ratio ** (-k / (classes - 1))) for k in range(classes)]
    patterns = torch.randn(classes, 3, SIZE, SIZE)
    labels = torch.repeat_interleave(torch.arange(classes), torch.tensor(counts))
    return counts, patterns[labels] + 0.5 * torch.randn(len(labels), 3, SIZE, SIZE), labels


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("loss", help="file that dualtail export-loss has written")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=32)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(1)
    description = DualtailLoss.describe(arguments.loss)
    counts, images, labels = long_tailed(description["classes"], most=100, ratio=20)
    # dualtail/analysis estimates the prior of a pre-trained model; a tower with random weights has none.
    loss = DualtailLoss(arguments.loss, class_counts=counts, pretrain_prior=[1] * len(counts))
    models = [Classifier(seed, len(counts)) for seed in range(description["models"])]
    trained = [p for model in models for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.05, momentum=0.9)

    print(f"{description['loss']} over {len(models)} model(s), {len(counts)} classes of {counts[0]} to {counts[-1]} images")
    for step in range(arguments.steps):
        batch = torch.randint(len(labels), (arguments.batch,))
        logits = [model(images[batch]) for model in models]
        value = loss(logits, labels[batch])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        if step % 5 == 0 or step == arguments.steps - 1:
            print(f"step {step:3d}  loss {value.item():.4f}")


if __name__ == "__main__":
    main()
