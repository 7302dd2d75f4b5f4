"""What a trained classifier leaves behind: weights, history, predictions, metrics, costs."""

import math

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from latent_atlas.classification.fit import Fitted, logits_of
from latent_atlas.classification.inputs import ClassifierInputs
from latent_atlas.classification.train import ClassifierTraining
from latent_atlas.config.metrics import unit_of
from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.costs import cost_row
from latent_atlas.training.divergence import Divergence
from latent_atlas.training.kept import DIVERGED, Tensors

WEIGHTS = "weights."
HISTORY = "history."
PREDICTED = "predicted."


def train_seed(
    inputs: ClassifierInputs, unfinished: Unfinished, seeds: list[int]
) -> tuple[list[Tensors], list[dict]]:
    """Train the one seed of `seeds`: what is kept of it, and the cost."""
    (seed,) = seeds
    s = inputs.seeds.index(seed)
    name = inputs.classifier.id
    fitted = ClassifierTraining(inputs, s, name, unfinished=unfinished).run()
    return [_tensors(fitted, inputs, s)], [_cost(fitted, inputs, seed)]


def _tensors(fitted: Fitted, inputs: ClassifierInputs, s: int) -> Tensors:
    """`weights.NAME`; `history.SPLIT` [E,4], rows of (epoch, step, loss, accuracy); classes
    `predicted.SPLIT` and `predicted.SPLIT_labels`, int64 [N], of what was not trained on;
    `diverged`, the epoch, where the loss was NaN or infinite."""
    found = {WEIGHTS + n: p.cpu().numpy() for n, p in fitted.network.state_dict().items()}
    epochs = max(epoch for epoch, *_ in fitted.history)
    steps = -(-fitted.images_seen // epochs // inputs.classifier.batch_size)
    for split in dict.fromkeys(split for _, split, *_ in fitted.history):
        rows = [(epoch, epoch * steps, *v) for epoch, of, *v in fitted.history if of == split]
        found[HISTORY + split] = np.asarray(rows, np.float64)
    for split in ["test"] if inputs.classifier.train_on_all else ["validation", "test"]:
        data = inputs.data[split][s]
        classes = logits_of(fitted.network, data.pixels).argmax(1)
        found[PREDICTED + split] = classes.cpu().numpy()
        found[f"{PREDICTED}{split}_labels"] = data.labels.cpu().numpy()
    if divergence := _divergence(fitted, inputs.seeds[s]):
        found[DIVERGED] = np.asarray(divergence.epoch)
    return found


def _divergence(fitted: Fitted, seed: int) -> Divergence | None:
    spoilt = [epoch for epoch, _, loss, _ in fitted.history if not math.isfinite(loss)]
    return Divergence(seed, min(spoilt), "loss") if spoilt else None


def history_frame(parts: list[Tensors], seeds: list[int], inputs: ClassifierInputs) -> pd.DataFrame:
    """Tidy rows as an experiment's: experiment, seed, epoch, step, split, term, value."""
    rows = []
    for seed, part in zip(seeds, parts, strict=True):
        for name, history in part.items():
            if not name.startswith(HISTORY):
                continue
            split = name.removeprefix(HISTORY)
            for epoch, step, *values in history.tolist():
                place = (inputs.classifier.id, seed, int(epoch), int(step), split)
                for term, value in zip(("loss", "accuracy_percent"), values, strict=True):
                    rows.append((*place, term, value))
    columns = ["experiment", "seed", "epoch", "step", "split", "term", "value"]
    return pd.DataFrame(rows, columns=columns)


def metric_frame(
    predicted: dict[str, np.ndarray], seeds: list[int], inputs: ClassifierInputs
) -> pd.DataFrame:
    """Tidy metrics, in percent, of the splits in `predicted`, arrays [S,N]."""
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
    for s, seed in enumerate(seeds):
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


def _cost(fitted: Fitted, inputs: ClassifierInputs, seed: int) -> dict[str, object]:
    """As an experiment's row for all its seeds; earlier heads do not count."""
    parameters = sum(p.numel() for p in fitted.network.parameters())
    epochs = max(epoch for epoch, *_ in fitted.history)
    name, seen = inputs.classifier.id, fitted.images_seen
    row = cost_row(name, epochs, parameters, fitted.seconds, seen, inputs.device)
    diverged = str(_divergence(fitted, seed) or "")
    return row | {"seed": seed, "seeds": 1, "diverged": diverged}
