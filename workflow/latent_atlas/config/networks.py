"""Which class of `latent_atlas.models` is each family's network, as MODULE.CLASS.

Named and not imported: what is changed in a family's module concerns its own experiments alone.
"""

NETWORKS = {
    "auto-decoder": "auto_decoder.AutoDecoder",
    "variational-auto-decoder": "auto_decoder.VariationalAutoDecoder",
    "mlp-autoencoder": "mlp.MlpAutoencoder",
    "mlp-vae": "mlp.MlpVae",
    "mlp-gan": "mlp.MlpGan",
    "conv-autoencoder": "conv.ConvAutoencoder",
    "conv-vae": "conv.ConvVae",
    "image-autoencoder": "image.ImageAutoencoder",
    "image-vae": "image.ImageVae",
    "pool-vae": "pool.PoolVae",
    "gan": "gan.Gan",
    "own-autoencoder": "own.Own",
    "own-vae": "own.Own",
}


def module_of(family: str) -> str:
    return f"latent_atlas.models.{NETWORKS[family].partition('.')[0]}"
