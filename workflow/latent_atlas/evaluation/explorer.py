"""What the explorer shows of a model besides its maps: images, lines between them, its plane."""

from itertools import combinations

import numpy as np

from latent_atlas.evaluation.decodes import PATH_POINTS
from latent_atlas.evaluation.paths import straight
from latent_atlas.evaluation.subject import Subject, decoded, grey_levels
from latent_atlas.models.base import LatentModel

MOST_POINTS = 1000
ANCHORS = 10
PLANE_POINTS = 21
PLANE_QUANTILES = (0.01, 0.99)


def explorable(subject: Subject, first: LatentModel) -> dict[str, np.ndarray]:
    """Images of the `first` seed's model, uint8.

    `images` [n,pixels], the first test images with codes; `anchors` [A], rows of some of them,
    classes in turn; `lines` [A(A-1)/2,7,pixels], the decoded straight lines between each two; for
    codes of size two also `plane` [21,21,pixels], y down and x across, decoded from the rectangle
    `corners` [2,2] (low, high) that leaves out a hundredth of the codes on each side."""
    codes = subject.codes["test"][0][0].cpu().numpy()
    count = min(MOST_POINTS, len(codes))
    anchors = _anchors(subject.labels["test"][0][:count])
    a, b = np.array(list(combinations(anchors, 2))).T
    lines = straight(codes[a], codes[b], PATH_POINTS)
    shown = {
        "images": grey_levels(subject.real("test", 0)[:count]),
        "anchors": anchors,
        "lines": grey_levels(_decode(first, lines)),
    }
    if codes.shape[-1] == 2:
        low, high = np.quantile(codes, PLANE_QUANTILES, axis=0)
        x, y = np.linspace(low, high, PLANE_POINTS).T
        grid = np.stack(np.meshgrid(x, y), -1)
        shown |= {"plane": grey_levels(_decode(first, grid)), "corners": np.stack([low, high])}
    return shown


def _anchors(labels: np.ndarray) -> np.ndarray:
    """Rows by their place within their class, classes in turn, as many as there are anchors."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels)
    place = np.empty(len(labels), np.int64)
    place[order] = np.arange(len(labels))
    return np.lexsort((labels, place - starts))[:ANCHORS]


def _decode(model: LatentModel, codes: np.ndarray) -> np.ndarray:
    """Codes […,d] → grey levels […,pixels], by a stack of one."""
    images = decoded(model, codes.reshape(1, -1, codes.shape[-1]))
    return images.reshape(*codes.shape[:-1], -1)
