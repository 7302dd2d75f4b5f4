rule features:
    """Train the classifier whose features measure samples on a data set."""
    input:
        unpack(lambda wildcards: paths.dataset(wildcards.dataset)),
    output:
        weights=f"{RESULTS}/features/{{dataset}}.safetensors",
    log:
        f"{RESULTS}/logs/features/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/features/{{dataset}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: project.settings.training_threads
    resources:
        **needs.of("features"),
    params:
        spec=lambda wildcards: jobs.spec("features", wildcards),
        code=jobs.code("features"),
    script:
        "../scripts/features.py"


rule quality:
    """Measure the samples of every model of a data set in those features."""
    input:
        unpack(lambda wildcards: paths.dataset(wildcards.dataset)),
        features=lambda wildcards: paths.features(wildcards.dataset),
        samples=lambda wildcards: paths.runs(
            "samples.safetensors", project.experiments_of(wildcards.dataset)
        ),
    output:
        metrics=f"{RESULTS}/quality/{{dataset}}.parquet",
    log:
        f"{RESULTS}/logs/quality/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/quality/{{dataset}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: project.settings.training_threads
    resources:
        **needs.of("quality"),
    params:
        spec=lambda wildcards: jobs.spec("quality", wildcards),
        code=jobs.code("quality"),
    script:
        "../scripts/quality.py"
