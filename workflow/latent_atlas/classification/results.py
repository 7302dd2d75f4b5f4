"""What a trained classifier leaves behind: weights, history, predictions, metrics, costs."""

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import precision_recall_fscore_support

from latent_atlas.classification.fit import Fitted, logits_of
from latent_atlas.classification.inputs import ClassifierInputs
from latent_atlas.config.metrics import unit_of
from latent_atlas.training.costs import cost_row


def stacked_weights(fits: list[Fitted]) -> dict[str, np.ndarray]:
    """Every tensor [S,…]."""
    states = [fitted.network.state_dict() for fitted in fits]
    return {
        name: torch.stack([state[name] for state in states]).cpu().numpy() for name in states[0]
    }


def history_frame(fits: list[Fitted], inputs: ClassifierInputs) -> pd.DataFrame:
    """Tidy rows as an experiment's: experiment, seed, epoch, step, split, term, value."""
    rows = []
    for seed, fitted in zip(inputs.seeds, fits, strict=True):
        last = max(epoch for epoch, *_ in fitted.history)
        steps = -(-fitted.images_seen // last // inputs.classifier.batch_size)
        for epoch, split, loss, accuracy in fitted.history:
            for term, value in (("loss", loss), ("accuracy_percent", accuracy)):
                rows.append((inputs.classifier.id, seed, epoch, epoch * steps, split, term, value))
    columns = ["experiment", "seed", "epoch", "step", "split", "term", "value"]
    return pd.DataFrame(rows, columns=columns)


def predictions(fits: list[Fitted], inputs: ClassifierInputs) -> dict[str, np.ndarray]:
    """Classes `{split}` and `{split}_labels`, int64 [S,N], of the splits that were not trained
    on."""
    splits = ["test"] if inputs.classifier.train_on_all else ["validation", "test"]
    found = {}
    for split in splits:
        data = inputs.data[split]
        found[split] = np.stack(
            [
                logits_of(fitted.network, of_seed.pixels).argmax(1).cpu().numpy()
                for fitted, of_seed in zip(fits, data, strict=True)
            ]
        )
        found[f"{split}_labels"] = np.stack([of_seed.labels.cpu().numpy() for of_seed in data])
    return found


def metric_frame(predicted: dict[str, np.ndarray], inputs: ClassifierInputs) -> pd.DataFrame:
    """Tidy metrics, in percent, of the splits in `predicted`."""
    rows = []

    def add(seed: int, split: str, metric: str, value: float) -> None:
        classifier = inputs.classifier
        rows.append(
            {
                "experiment": classifier.id,
                "seed": seed,
                "dataset": classifier.dataset,
                "split": split,
                "metric": metric,
                "value": float(value),
                "unit": unit_of(metric),
            }
        )

    classes = inputs.dataset.classes
    for s, seed in enumerate(inputs.seeds):
        accuracy = {}
        for split in [name for name in predicted if not name.endswith("_labels")]:
            labels, found = predicted[f"{split}_labels"][s], predicted[split][s]
            accuracy[split] = 100 * np.mean(labels == found)
            add(seed, split, "accuracy_percent", accuracy[split])
            scores = precision_recall_fscore_support(
                labels, found, labels=range(len(classes)), zero_division=0
            )
            for score, values in zip(("precision", "recall", "f1"), scores, strict=False):
                for name, value in zip(classes, values, strict=True):
                    add(seed, split, f"{score}_percent/{name}", 100 * value)
        if "validation" in accuracy:
            gap = abs(accuracy["validation"] - accuracy["test"])
            add(seed, "test", "accuracy_gap_points", gap)
    return pd.DataFrame(rows)


def cost_frame(fits: list[Fitted], inputs: ClassifierInputs) -> pd.DataFrame:
    """One row a seed, as an experiment's row for all its seeds; earlier heads do not count."""
    rows = []
    for seed, fitted in zip(inputs.seeds, fits, strict=True):
        parameters = sum(p.numel() for p in fitted.network.parameters())
        epochs = max(epoch for epoch, *_ in fitted.history)
        name, seen = inputs.classifier.id, fitted.images_seen
        row = cost_row(name, epochs, parameters, fitted.seconds, seen, inputs.device)
        rows.append(row | {"seed": seed, "seeds": 1})
    return pd.DataFrame(rows)
