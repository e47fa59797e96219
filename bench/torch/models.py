"""Writes CLIP checkpoints of published shapes with random weights: models.py <folder> [vit-b-16] [vit-l-14]"""

import sys
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

SHAPES = {
    "vit-b-16": {
        "projection_dim": 512,
        "vision_config": {"patch_size": 16},
        "text_config": {},
    },
    "vit-l-14": {
        "projection_dim": 768,
        "vision_config": {
            "patch_size": 14,
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "projection_dim": 768,
        },
        "text_config": {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_attention_heads": 12,
            "projection_dim": 768,
        },
    },
}


def main(root, *names):
    for name in names or SHAPES:
        folder = Path(root) / name
        if (folder / "model.safetensors").exists():
            continue
        torch.manual_seed(0)
        CLIPModel(CLIPConfig(**SHAPES[name])).save_pretrained(folder)
        CLIPImageProcessor().save_pretrained(folder)


main(*sys.argv[1:])
