rule train:
    """Train all seeds of an experiment as one stacked model."""
    input:
        unpack(lambda wildcards: paths.experiment_images(wildcards.experiment)),
    output:
        weights=f"{RESULTS}/runs/{{experiment}}/weights.safetensors",
        history=f"{RESULTS}/runs/{{experiment}}/history.parquet",
        costs=f"{RESULTS}/runs/{{experiment}}/costs.parquet",
    log:
        f"{RESULTS}/logs/train/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{experiment}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: project.settings.training_threads
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        spec=lambda wildcards: project.spec(wildcards.experiment),
        code=paths.code("train"),
    script:
        "../scripts/train.py"
