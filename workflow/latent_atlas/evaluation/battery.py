"""Every measurement of one experiment, and the images its figures show."""

import numpy as np
import pandas as pd

from latent_atlas.evaluation.codes import CodeMeasures
from latent_atlas.evaluation.decodes import DecodeMeasures
from latent_atlas.evaluation.robustness import RobustnessMeasures


class Battery(CodeMeasures, DecodeMeasures, RobustnessMeasures):
    """All measurements of one trained stack."""

    def measure(
        self, maps: pd.DataFrame, history: pd.DataFrame
    ) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
        """Tidy metrics, and uint8 images for the figures."""
        self.measure_codes(maps, history)
        self.measure_robustness()
        shown = self.measure_decodes()
        return pd.DataFrame(self.rows), shown
