rule evaluate:
    """Every measurement of one experiment."""
    input:
        unpack(lambda wildcards: paths.reads("evaluate", wildcards)),
    output:
        **paths.writes("evaluate"),
    log:
        f"{RESULTS}/logs/evaluate/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{{experiment}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: project.settings.training_threads
    resources:
        **needs.of("evaluate"),
    params:
        spec=lambda wildcards: jobs.spec("evaluate", wildcards),
        code=lambda wildcards: jobs.code("evaluate", wildcards),
    script:
        "../scripts/evaluate.py"


rule collect:
    """One table of every experiment's metrics."""
    input:
        tables=paths.runs("metrics.parquet") + paths.quality(),
    output:
        table=f"{RESULTS}/metrics.parquet",
    log:
        f"{RESULTS}/logs/collect.log",
    benchmark:
        f"{RESULTS}/benchmarks/collect.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 1
    resources:
        **needs.of("collect"),
    params:
        spec=lambda wildcards: jobs.spec("collect", wildcards),
        code=jobs.code("collect"),
    script:
        "../scripts/collect.py"
