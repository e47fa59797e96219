"""torchvision's side of the JPEG benchmark.

    python torch_pipeline.py FOLDER WORKERS BATCH

Every line on standard input runs one epoch over the folder's JPEGs and prints images per second.
"""

import sys
import time
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class Images(Dataset):
    """As torchvision's ImageFolder reads files, without its folders."""

    def __init__(self, folder):
        self.paths = sorted(Path(folder).glob("*.jpg"))
        self.transform = transforms.Compose([
            transforms.RandomResizedCrop(224),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ])

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        with open(self.paths[index], "rb") as file:
            image = Image.open(file).convert("RGB")
        return self.transform(image), index


def main():
    folder, workers, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    # Kept between epochs, as ours are.
    loader = DataLoader(Images(folder), batch_size=batch, shuffle=True, num_workers=workers, persistent_workers=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        count = sum(len(indices) for _, indices in loader)
        print(count / (time.perf_counter() - start), flush=True)


if __name__ == "__main__":
    main()
