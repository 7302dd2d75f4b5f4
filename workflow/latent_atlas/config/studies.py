"""What a study file may say (`config/studies/*.yaml`): experiments, figures, claims, choices."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from latent_atlas.config.base import Config, Count, Id, NotNegative
from latent_atlas.config.corruptions import corruption, corruption_kind
from latent_atlas.config.metrics import METRICS, OWN, metric_parts

Split = Literal["train", "validation", "test"]


def _metric(name: str) -> str:
    if metric_parts(name)[0] not in METRICS and not name.startswith(OWN):
        raise ValueError(f"unknown metric; allowed: {', '.join(METRICS)}")
    return name


def _printed(text: str) -> str:
    try:
        Decimal(text)
    except InvalidOperation:
        raise ValueError('write the number as printed, in quotes: "0.0228"') from None
    return text


Metric = Annotated[str, AfterValidator(_metric)]
Printed = Annotated[str, AfterValidator(_printed)]
Shown = Annotated[list[Id], Field(min_length=1, description="what it shows, in this order")]


class Small(Config):
    """What the default run changes so that a study fits a laptop."""

    dataset: Id = Field(description="the embedded data set that stands in")
    other_datasets: dict[Id, Id] = Field(
        default={}, description="another one for some declared data sets"
    )
    train: Count = Field(description="training images, or fewer where a run has a subset")
    test: Count = Field(description="test images")
    epochs_factor: Annotated[float, Field(gt=0, le=1)] = Field(
        description="of epochs, of steps that fit latents, of the images whose latents a GAN is "
        "asked for"
    )
    batch_size: Count | None = Field(default=None, description="empty: as declared")
    trials: Count | None = Field(default=None, description="of each search; empty: as declared")
    experiments: list[Id] = Field(
        min_length=1, description="experiments, classifiers, searches and sweeps that are run"
    )


class Tolerance(Config):
    """Half-width of the accepted range: relative to the published value, or absolute."""

    relative: NotNegative = Field(default=0.0, description="share of the published value")
    absolute: NotNegative = Field(default=0.0, description="in the value's unit")


class Measured(Config):
    """One statistic: a metric of an experiment on a split, one value a seed."""

    experiment: Id = Field(description="or classifier, search, sweep")
    metric: Metric = Field(description="a metric of config/metrics.py")
    split: Split = Field(default="test", description="of the images it is measured on")


class Variants(Config):
    """Every combination of the experiments and metrics named, one row each."""

    experiments: list[Id] = Field(description="or classifiers, searches, sweeps", min_length=1)
    metrics: list[Metric] = Field(description="metrics of config/metrics.py", min_length=1)
    split: Split = Field(default="test", description="of the images they are measured on")
    calibrated: bool = Field(default=False, description="the number was used to choose a setting")
    note: str = Field(default="", description="shown beside the verdict")


class OrderedPair(Config):
    lower: Measured = Field(description="what is claimed to be lower")
    higher: Measured = Field(description="what is claimed to be higher")
    note: str = Field(default="", description="shown beside the verdict")


class ClaimBase(Config):
    id: Id = Field(description="unique in the study")
    number: Count = Field(description="the claim's number in the study's list")
    source: str = Field(description="section of the report")
    text: str = Field(description="what is claimed, in our words")


class NumberClaim(ClaimBase):
    """A published number, judged by equivalence."""

    kind: Literal["number"]
    published: Printed = Field(description="as printed, in quotes")
    tolerance: str = Field(description="one of the study's tolerances")
    better: Literal["lower", "higher"] | None = Field(
        description="on which side of the published value a better one lies; null: neither"
    )
    not_comparable: str = Field(
        default="", description="why the number is shown but not judged: another machine, say"
    )
    variants: list[Variants] = Field(description="what is compared with it", min_length=1)


class OrderingClaim(ClaimBase):
    """One statistic below another, or below a fraction of it, paired over seeds."""

    kind: Literal["ordering"]
    factor: Annotated[float, Field(gt=0)] = Field(
        default=1.0, description="the higher one exceeds the lower one so many times"
    )
    variants: list[OrderedPair] = Field(description="pairs, each a row", min_length=1)


class ThresholdClaim(ClaimBase):
    """One statistic above or below a stated threshold."""

    kind: Literal["threshold"]
    side: Literal["above", "below"] = Field(description="of the threshold")
    threshold: float = Field(description="in the metric's unit")
    why: str = Field(description="where the threshold comes from")
    variants: list[Variants] = Field(description="what is compared with it", min_length=1)


class UnitClaim(ClaimBase):
    """Published numbers are in the claimed unit rather than in a rival one: their mean absolute
    log ratio to the measured values is smaller there, paired over seeds."""

    kind: Literal["unit"]
    published: dict[Split, Printed] = Field(description="by split, as printed, in quotes")
    claimed: Measured = Field(description="in the unit that the report names")
    rival: Measured = Field(description="in the other unit")


class SeverityClaim(ClaimBase):
    """A published error on spoilt images whose severity the report does not give: the severity
    that brings it, which is then no test of anything."""

    kind: Literal["severity"]
    published: Printed = Field(description="as printed, in quotes")
    experiments: list[Id] = Field(description="whose images are spoilt", min_length=1)
    corruptions: list[Annotated[str, AfterValidator(corruption_kind)]] = Field(
        description="kinds of corruption", min_length=1
    )


class UnattemptedClaim(ClaimBase):
    """What can be true or false, but is not judged here."""

    kind: Literal["unattempted"]
    reason: str = Field(description="what judging it would need, or why nothing can judge it")


Claim = Annotated[
    NumberClaim | OrderingClaim | ThresholdClaim | UnitClaim | SeverityClaim | UnattemptedClaim,
    Field(discriminator="kind"),
]


class FigureBase(Config):
    id: Id = Field(description="the name of its files")
    source: str = Field(description="the report's figure, or 'ours'")
    caption: str = Field(description="what it shows")
    says: str = Field(default="", description="what the report says it shows, in our words")


class DecodesFigure(FigureBase):
    """Rows of images, one panel an experiment."""

    kind: Literal["decodes"]
    experiments: Shown
    rows: list[
        Literal[
            "test_images", "test_decodes", "random_decodes", "fitted_decodes", "mixture_decodes"
        ]
    ] = Field(
        description="of images, from the top",
        default=["test_images", "test_decodes", "random_decodes"],
        min_length=1,
    )


class CompareFigure(FigureBase):
    """The same test images as several experiments reconstruct them, a row each, below the
    originals."""

    kind: Literal["compare"]
    experiments: Shown


class PathsFigure(FigureBase):
    """Decoded paths between test images or (random_linear) random codes, one panel an
    experiment."""

    kind: Literal["paths"]
    experiments: Shown
    along: list[Literal["slerp", "linear", "random_linear"]] = Field(
        description="kinds of paths, from the top", default=["slerp", "linear"], min_length=1
    )


class WalksFigure(FigureBase):
    """Decoded walks along coordinates of a random code: named, those that each experiment lists;
    strongest, those with the strongest effect on each image property."""

    kind: Literal["walks"]
    experiments: Shown
    which: Literal["named", "strongest"] = Field(description="coordinates")


class ExperimentFigure(FigureBase):
    """curves: training loss, one panel an experiment; corners: decoded codes between those of four
    test images; growth: one image's reconstruction over the epochs."""

    kind: Literal["curves", "corners", "growth"]
    experiments: Shown


class BatchesFigure(FigureBase):
    """One term of the history by batch, all experiments in one panel."""

    kind: Literal["batches"]
    experiments: Shown
    term: Literal["loss", "reconstruction_mse", "kl_nats"] = Field(description="of the history")


class OverlayFigure(FigureBase):
    """One term of the history by epoch, all experiments in one panel."""

    kind: Literal["overlay"]
    experiments: Shown
    term: Literal[
        "loss",
        "reconstruction_mse",
        "kl_nats",
        "generator_loss",
        "discriminator_loss",
        "real_accuracy",
        "fake_accuracy",
    ] = Field(description="of the history")
    splits: list[Literal["train", "validation"]] = Field(description="a line each", min_length=1)


class RateFigure(FigureBase):
    """Rate (KL) and distortion (MSE of sampled codes), one panel a data set; point codes as
    lines."""

    kind: Literal["rate"]
    experiments: Shown


class SpoiltFigure(FigureBase):
    """Test images, spoilt ones and their reconstructions, one panel for each experiment and
    corruption."""

    kind: Literal["spoilt"]
    experiments: Shown
    corruptions: list[Annotated[str, AfterValidator(corruption)]] = Field(
        description="kind and severity, such as noise-0.3", min_length=1
    )
    rows: list[Literal["clean", "spoilt", "decodes"]] = Field(
        description="of images, from the top", default=["clean", "spoilt", "decodes"], min_length=1
    )


class SeverityFigure(FigureBase):
    """A metric of spoilt images by how badly they are spoilt, one panel a kind of corruption, one
    line an experiment."""

    kind: Literal["severity"]
    experiments: Shown
    metric: Literal["corrupted_mse", "corrupted_agreement", "code_shift"] = Field(
        description="what is drawn"
    )
    published: dict[Annotated[str, AfterValidator(corruption_kind)], Printed] = Field(
        description="by kind of corruption: a published value, as a line", default={}
    )


class SweepFigure(FigureBase):
    """Validation losses. sweep: of sweeps over one and the same key, a line each; grid: of sweeps
    over the same two keys, a panel each."""

    kind: Literal["sweep", "grid"]
    experiments: Shown


class ConfusionFigure(FigureBase):
    """Confusion matrices of classifiers on the test images, all seeds together."""

    kind: Literal["confusion"]
    experiments: Shown


class TrialsFigure(FigureBase):
    """Validation values of searches' trials, the best marked."""

    kind: Literal["trials"]
    experiments: Shown


class MapFigure(FigureBase):
    kind: Literal["map"]
    experiments: Shown
    method: Literal["tsne", "pca", "codes"] = Field(
        default="tsne", description="codes: two-dimensional codes as they are"
    )
    colour: Literal["class", "norm"] = Field(
        description="of the points: their class, or their code's norm"
    )


class ClaimFigure(FigureBase):
    """Published against measured for every number claim."""

    kind: Literal["numbers"]


class SearchFigure(FigureBase):
    """Training loss over the KL weights of several experiments; published losses by epochs."""

    kind: Literal["search"]
    experiments: Annotated[Shown, Field(min_length=2)]
    published: dict[int, Printed] = Field(description="by epochs: the published loss")


Figure = Annotated[
    DecodesFigure
    | CompareFigure
    | PathsFigure
    | WalksFigure
    | ExperimentFigure
    | BatchesFigure
    | OverlayFigure
    | RateFigure
    | SpoiltFigure
    | SeverityFigure
    | SweepFigure
    | ConfusionFigure
    | TrialsFigure
    | MapFigure
    | ClaimFigure
    | SearchFigure,
    Field(discriminator="kind"),
]


class Choice(Config):
    """Something the source leaves open, and what is done here."""

    topic: str = Field(description="what is left open")
    source: str = Field(description="what the source says, or 'not given'")
    choice: str = Field(description="what is done here")


class StudyConfig(Config):
    id: Id = Field(description="the file's name")
    letter: str = Field(description="as the page calls it")
    title: str = Field(description="in our words")
    authors: list[str] = Field(min_length=1, description="of the report, names in full")
    report: str = Field(default="", description="its title as printed; empty: there is none")
    year: Count | None = Field(default=None, description="empty: the report gives none")
    code: str = Field(description="the public code and its commit, or 'none'")
    dataset: Id = Field(description="the data set of the published numbers")
    small: Small = Field(description="what the default run changes")
    tolerances: dict[str, Tolerance] = Field(description="by name, for claims to refer to")
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(description="of intervals and tests")
    defaults: dict[str, Any] = Field(description="merged below every experiment")
    classifier_defaults: dict[str, Any] = Field(
        default={}, description="merged below every classifier"
    )
    experiments: dict[Id, dict[str, Any]] = Field(
        description="by id, each merged over `defaults`", min_length=1
    )
    classifiers: dict[Id, dict[str, Any]] = Field(
        description="by id, each merged over `classifier_defaults`", default={}
    )
    searches: dict[Id, dict[str, Any]] = Field(description="by id", default={})
    sweeps: dict[Id, dict[str, Any]] = Field(description="by id", default={})
    figures: list[Figure] = Field(description="the report's and ours", min_length=1)
    claims: list[Claim] = Field(
        description="every sentence of the report that can be true or false", min_length=1
    )
    choices: list[Choice] = Field(description="made where the source is silent")

    @property
    def cited(self) -> str:
        """Family names, as in "Shi, Li and Fan"; whole where there is no report."""
        names = [name.rpartition(" ")[2] for name in self.authors] if self.report else self.authors
        *others, last = names
        return f"{', '.join(others)} and {last}" if others else last
