"""Every measurement of one experiment, and the images its figures show."""

import numpy as np
import pandas as pd

from latent_atlas.classification.features import Features
from latent_atlas.evaluation.codes import CodeMeasures
from latent_atlas.evaluation.decodes import DecodeMeasures
from latent_atlas.evaluation.likelihood import LikelihoodMeasures
from latent_atlas.evaluation.own import OwnMeasures
from latent_atlas.evaluation.refinement import RefinementMeasures
from latent_atlas.evaluation.robustness import RobustnessMeasures
from latent_atlas.evaluation.stability import StabilityMeasures


class Battery(
    CodeMeasures,
    DecodeMeasures,
    RefinementMeasures,
    LikelihoodMeasures,
    RobustnessMeasures,
    StabilityMeasures,
    OwnMeasures,
):
    """All measurements of one trained stack."""

    def measure(
        self,
        maps: pd.DataFrame,
        history: pd.DataFrame,
        features: Features,
    ) -> dict[str, np.ndarray]:
        """uint8 images for the figures; `features` is the data set's own classifier."""
        self.measure_codes(maps, history)
        self.measure_stability()
        self.measure_refinement()
        self.measure_likelihood()
        return self.measure_decodes() | self.measure_robustness(features)

    def frame(self) -> pd.DataFrame:
        """Tidy metrics."""
        return pd.DataFrame(self.rows)
