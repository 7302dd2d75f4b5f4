"""What people use instead. Every function prepares a case and returns its warm-up and what is to be
timed: one seed, the same network, batch size and number of passes as the project's."""

import logging
import tempfile
from collections.abc import Callable

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, TensorDataset

from benchmarks import nets
from benchmarks.cases import SHAPE, STEPS, Case, made_up
from benchmarks.ours import Work
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.networks import ConvAutoencoder, MlpVae
from latent_atlas.training.loop import initial_model

WARM_IMAGES = 512


class Pictures(Dataset):
    """PIL images made tensors one by one, as torchvision's data sets do."""

    def __init__(self, n: int):
        from torchvision.transforms import ToTensor

        self.arrays, self.transform = made_up(n), ToTensor()

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.arrays[i, 0])), i


def tensors(n: int) -> TensorDataset:
    """The same images as floats in memory, with their numbers."""
    return TensorDataset(torch.from_numpy(made_up(n)).float() / 255, torch.arange(n))


class Network(nn.Module):
    """Encoder and decoder of a case, and its loss of a batch."""

    def __init__(self, experiment: Experiment):
        super().__init__()
        model = experiment.model
        self.variational = isinstance(model, MlpVae)
        if isinstance(model, ConvAutoencoder):
            self.encoder, self.decoder = nets.conv_encoder(model), nets.conv_decoder(model)
        else:
            self.encoder, self.decoder = nets.GaussianEncoder(model), nets.mlp_decoder(model)

    def forward(self, x: Tensor) -> Tensor:
        if not self.variational:
            return functional.mse_loss(self.decoder(self.encoder(x)), x)
        mean, logvar = self.encoder(x)
        decoded = self.decoder(mean + torch.randn_like(mean) * (logvar / 2).exp())
        error = functional.binary_cross_entropy(decoded, x, reduction="sum")
        kl = -0.5 * (1 + logvar - mean.square() - logvar.exp()).sum()
        return (error + kl) / len(x)


def _adam(parameters, experiment: Experiment) -> torch.optim.Adam:
    training = experiment.training
    return torch.optim.Adam(
        parameters, lr=training.learning_rate, weight_decay=training.weight_decay
    )


def loop(case: Case, data: Callable[[int], Dataset], device: str) -> tuple[Work, Work]:
    """Data set, DataLoader, torch's Adam with its defaults: what tutorials write."""

    def prepared(n: int) -> Work:
        experiment = case.settings()
        loader = DataLoader(data(n), batch_size=case.batch, shuffle=True)
        if experiment.model.family == "auto-decoder":
            return lambda: _train_auto_decoder(case, experiment, loader, n, device)
        return lambda: _train(case, experiment, loader, device)

    return prepared(WARM_IMAGES), prepared(case.images)


def _train(case: Case, experiment: Experiment, loader: DataLoader, device: str) -> None:
    network = Network(experiment).to(device)
    check_size(network, experiment)
    optimiser = _adam(network.parameters(), experiment)
    for _ in range(case.epochs):
        total = 0.0
        for x, _ in loader:
            loss = network(x.to(device))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item()


def _train_auto_decoder(
    case: Case, experiment: Experiment, loader: DataLoader, n: int, device: str
) -> None:
    decoder = nets.auto_decoder(experiment).to(device)
    check_size(decoder, experiment)
    codes = torch.randn(n, experiment.model.latent, device=device, requires_grad=True)
    optimiser = _adam([*decoder.parameters(), codes], experiment)
    for _ in range(case.epochs):
        total = 0.0
        for x, index in loader:
            decoded = decoder(codes[index.to(device)])
            loss = functional.mse_loss(decoded, x.flatten(1).to(device))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item()


def check_size(network: nn.Module, experiment: Experiment) -> None:
    """Raise where a rival's network has another number of parameters than the project's."""
    ours, _ = initial_model(experiment, [0], SHAPE, 1)
    counts = [sum(p.numel() for p in some.parameters()) for some in (network, ours)]
    if counts[0] != counts[1]:
        raise ValueError(f"{experiment.id}: parameters are {counts[0]}, of the project {counts[1]}")


def pythae(case: Case) -> tuple[Work, Work]:
    """pythae's trainer, its own autoencoder and VAE around the networks."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import AE, VAE, AEConfig, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    logging.disable(logging.INFO)
    experiment = case.settings()
    training, latent = experiment.training, experiment.model.latent
    network = Network(experiment)
    check_size(network, experiment)

    class Encoder(BaseEncoder):
        def __init__(self):
            super().__init__()
            self.inner, self.latent_dim = network.encoder, latent

        def forward(self, x: Tensor) -> ModelOutput:
            found = self.inner(x)
            if not network.variational:
                return ModelOutput(embedding=found)
            return ModelOutput(embedding=found[0], log_covariance=found[1])

    class Decoder(BaseDecoder):
        def __init__(self):
            super().__init__()
            self.inner = network.decoder

        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.inner(z))

    model = AE(AEConfig(SHAPE, latent), Encoder(), Decoder())
    if network.variational:
        model = VAE(VAEConfig(SHAPE, latent, reconstruction_loss="bce"), Encoder(), Decoder())

    def prepared(n: int) -> Work:
        images, numbers = tensors(n).tensors
        config = BaseTrainerConfig(
            output_dir=tempfile.mkdtemp(),
            num_epochs=case.epochs,
            per_device_train_batch_size=case.batch,
            learning_rate=training.learning_rate,
            optimizer_params={"weight_decay": training.weight_decay},
            keep_best_on_train=True,
            no_cuda=True,
        )
        trainer = BaseTrainer(model, BaseDataset(images, numbers), training_config=config)
        return trainer.train

    return prepared(WARM_IMAGES), prepared(case.images)


def lightning(case: Case) -> tuple[Work, Work]:
    """Lightning's trainer with its defaults, tensors in memory."""
    from lightning import LightningModule, Trainer

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    experiment = case.settings()

    class Module(LightningModule):
        def __init__(self):
            super().__init__()
            self.network = Network(experiment)
            check_size(self.network, experiment)

        def training_step(self, batch) -> Tensor:
            return self.network(batch[0])

        def configure_optimizers(self) -> torch.optim.Adam:
            return _adam(self.parameters(), experiment)

    def prepared(n: int) -> Work:
        loader = DataLoader(tensors(n), batch_size=case.batch, shuffle=True)
        trainer = Trainer(
            max_epochs=case.epochs, accelerator="cpu", default_root_dir=tempfile.mkdtemp()
        )
        return lambda: trainer.fit(Module(), loader)

    return prepared(WARM_IMAGES), prepared(case.images)


def authors_latents(case: Case) -> tuple[Work, Work]:
    """Codes of test images as study A's code finds them: batch by batch, gradients down to the
    decoder's weights, an Adam that moves every code at every batch."""
    experiment = case.settings()
    decoder = nets.auto_decoder(experiment).eval()
    check_size(decoder, experiment)

    def prepared(n: int, passes: int) -> Work:
        loader = DataLoader(tensors(n), batch_size=case.batch)

        def find() -> None:
            codes = torch.randn(n, experiment.model.latent, requires_grad=True)
            optimiser = torch.optim.Adam([codes], lr=experiment.latents.learning_rate)
            for _ in range(passes):
                for x, index in loader:
                    loss = functional.mse_loss(decoder(codes[index]), x.flatten(1))
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()

        return find

    return prepared(WARM_IMAGES, 1), prepared(case.images, STEPS)
