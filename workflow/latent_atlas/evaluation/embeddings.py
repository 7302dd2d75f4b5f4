"""Two-dimensional maps of codes."""

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from tqdm import tqdm

from latent_atlas.config.battery import MOST_IMAGES
from latent_atlas.streams import stream_seed

PERPLEXITY = 30


def embedding_frame(
    experiment: str, seeds: list[int], codes: np.ndarray, labels: np.ndarray
) -> pd.DataFrame:
    """t-SNE and PCA of test codes [S,N,d] with labels [S,N], the first 2,000 at most, one row a
    point; of codes that are all the same, all at the origin. Where d is 2, all codes as they are
    too.

    Columns: experiment, seed, method, x, y, label, norm. t-SNE depends on the number of threads:
    run with one.
    """
    frames = []
    for s, seed in enumerate(tqdm(seeds, desc=f"maps {experiment}", mininterval=5)):
        some = codes[s, :MOST_IMAGES]
        if np.ptp(some, axis=0).any():
            maps = {"tsne": _tsne(some, experiment, seed), "pca": _pca(some)}
        else:
            maps = dict.fromkeys(("tsne", "pca"), np.zeros((len(some), 2)))
        if codes.shape[-1] == 2:
            maps["codes"] = codes[s]
        for method, points in maps.items():
            frames.append(
                pd.DataFrame(
                    {
                        "experiment": experiment,
                        "seed": seed,
                        "method": method,
                        "x": points[:, 0].astype(np.float32),
                        "y": points[:, 1].astype(np.float32),
                        "label": labels[s, : len(points)],
                        "norm": np.linalg.norm(codes[s, : len(points)], axis=1).astype(np.float32),
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def _tsne(codes: np.ndarray, experiment: str, seed: int) -> np.ndarray:
    state = stream_seed(experiment, seed, "tsne") % 2**32
    perplexity = min(PERPLEXITY, (len(codes) - 1) / 3)
    return TSNE(perplexity=perplexity, random_state=state, n_jobs=1).fit_transform(codes)


def _pca(codes: np.ndarray) -> np.ndarray:
    return PCA(2, svd_solver="full").fit_transform(codes)
