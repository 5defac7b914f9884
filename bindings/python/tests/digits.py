# SPDX-License-Identifier: MIT
"""examples/c/digits.c in Python: learns the digits and gives loss and accuracy for each seed."""

import csv
import sys

import tapegrad as torch
import tapegrad.nn as nn

ROWS, TRAIN, BATCH, EPOCHS = 1797, 1437, 32, 50


def read(path):
    with open(path, newline="") as file:
        rows = [[int(number) for number in row] for row in csv.reader(file)]
    images = torch.tensor([[pixel / 16 for pixel in row[:64]] for row in rows])
    return images, torch.tensor([row[64] for row in rows])


def train(model, images, labels):
    """The mean loss of the last epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    model.train()
    for _ in range(EPOCHS):
        order = torch.randperm(TRAIN)
        total = 0.0
        for start in range(0, TRAIN, BATCH):
            rows = order[start : start + BATCH]
            loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
    return total / TRAIN


def run(path, seed):
    images, labels = read(path)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    loss = train(model, images[:TRAIN], labels[:TRAIN])
    model.eval()
    with torch.inference_mode():
        right = (model(images[TRAIN:]).argmax(1) == labels[TRAIN:]).sum().item()
    return loss, right / (ROWS - TRAIN)


if __name__ == "__main__":
    for seed in range(3):
        loss, accuracy = run(sys.argv[1], seed)
        print(f"seed {seed}: accuracy {accuracy:.4f}, training loss {loss:.4f} ({loss.hex()})")
