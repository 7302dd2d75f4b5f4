rule judge:
    """Judge every claim of every study."""
    input:
        metrics=f"{RESULTS}/metrics.parquet",
        costs=paths.costs(),
    output:
        claims=f"{RESULTS}/claims.parquet",
    log:
        f"{RESULTS}/logs/judge.log",
    benchmark:
        f"{RESULTS}/benchmarks/judge.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 1
    resources:
        **needs.of("judge"),
    params:
        spec=lambda wildcards: jobs.spec("judge", wildcards),
        code=jobs.code("judge"),
    script:
        "../scripts/judge.py"
