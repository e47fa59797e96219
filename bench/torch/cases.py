"""PyTorch's side of a case of the comparison, as a process: cases.py <case> <checkpoint folder> <threads> key=value…

Protocol and cases as in bench/workers; every model is a stock transformers one, in eval mode, with its default (SDPA)
attention.
"""

import json
import resource
import sys
import time
import types

import torch
import torch.nn.functional as F
from torch import nn
from transformers import CLIPModel, CLIPTextModelWithProjection, CLIPVisionModel, CLIPVisionModelWithProjection

CASE, FOLDER, THREADS = sys.argv[1], sys.argv[2], int(sys.argv[3])
GIVEN = dict(pair.split("=") for pair in sys.argv[4:] if "=" in pair)


class AdaptFormer(nn.Module):
    """x -> scale * Up(ReLU(Down(LN(x)))), with Up starting at zero."""

    def __init__(self, width, bottleneck):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.down = nn.Linear(width, bottleneck)
        self.up = nn.Linear(bottleneck, width)
        self.scale = nn.Parameter(torch.ones(1))
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x):
        return self.up(F.relu(self.down(self.norm(x)))) * self.scale


def with_adaptformer(model, width, bottleneck):
    """Puts an adapter beside the MLP of every block."""

    def forward(layer, hidden, *_, **__):
        attended, _ = layer.self_attn(hidden_states=layer.layer_norm1(hidden), attention_mask=None)
        hidden = hidden + attended
        return hidden + layer.mlp(layer.layer_norm2(hidden)) + layer.adapter(hidden)

    vision = getattr(model, "vision_model", model)
    for layer in vision.encoder.layers:
        layer.adapter = AdaptFormer(width, bottleneck)
        layer.forward = types.MethodType(forward, layer)
    return model, [p for name, p in model.named_parameters() if ".adapter." in name]


def with_lora(model, rank):
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=rank, lora_alpha=1, target_modules=["q_proj", "v_proj"], lora_dropout=0.0, bias="none")
    adapted = get_peft_model(model, config)
    return adapted, [p for p in adapted.parameters() if p.requires_grad]


def step():
    batch, classes, rank = int(GIVEN["batch"]), int(GIVEN["classes"]), int(GIVEN["rank"])
    model = CLIPVisionModel.from_pretrained(FOLDER).eval()
    config = model.config
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    if GIVEN["peft"] == "adaptformer":
        model, trainable = with_adaptformer(model, config.hidden_size, rank)
    else:
        model, trainable = with_lora(model, rank)
    head = nn.Parameter(torch.randn(classes, config.hidden_size))
    trainable = [*trainable, head]
    optimizer = torch.optim.SGD(trainable, lr=0.01, momentum=0.9, weight_decay=5e-4)
    pixels = torch.rand(batch, 3, config.image_size, config.image_size) - 0.5
    labels = torch.arange(batch) % classes

    def run():
        features = model(pixel_values=pixels).pooler_output
        logits = 25 * F.normalize(features) @ F.normalize(head).T
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    return run, {"trainable": sum(p.numel() for p in trainable)}


def forward():
    model = CLIPVisionModelWithProjection.from_pretrained(FOLDER).eval()
    size = model.config.image_size
    pixels = torch.rand(int(GIVEN["batch"]), 3, size, size) - 0.5

    def run():
        with torch.inference_mode():
            F.normalize(model(pixel_values=pixels).image_embeds)

    return run, {}


def text():
    model = CLIPTextModelWithProjection.from_pretrained(FOLDER).eval()
    length = model.config.max_position_embeddings
    batch = int(GIVEN["batch"])
    ids = (1 + (torch.arange(batch * length) * 7) % 49000).reshape(batch, length)
    ids[:, -1] = model.config.eos_token_id

    def run():
        with torch.inference_mode():
            F.normalize(model(input_ids=ids).text_embeds)

    return run, {}


def opening():
    def run():
        CLIPVisionModelWithProjection.from_pretrained(FOLDER).eval()

    return run, {}


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(message):
    print(json.dumps(message), flush=True)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    idle = peak_mib()
    opened = time.perf_counter()
    run, facts = {"step": step, "forward": forward, "text": text, "opening": opening}[CASE]()
    say({"openSeconds": time.perf_counter() - opened, "idleMiB": idle, "facts": facts})
    for line in sys.stdin:
        if line.strip() != "run":
            continue
        started = time.perf_counter()
        run()
        say({"seconds": time.perf_counter() - started})
    say({"peakMiB": peak_mib()})


main()
