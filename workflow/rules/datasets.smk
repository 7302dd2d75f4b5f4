rule dataset:
    """Fetch, check and decode a data set."""
    output:
        train=f"{RESULTS}/datasets/{{dataset}}/train.safetensors",
        test=f"{RESULTS}/datasets/{{dataset}}/test.safetensors",
    log:
        f"{RESULTS}/logs/dataset/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/dataset/{{dataset}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 1
    resources:
        **needs.of("dataset"),
    params:
        spec=lambda wildcards: jobs.spec("dataset", wildcards),
        code=jobs.code("dataset"),
    script:
        "../scripts/dataset.py"
