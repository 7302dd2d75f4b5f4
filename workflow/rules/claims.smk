rule judge:
    """Judge every claim of a study."""
    input:
        metrics=f"{RESULTS}/metrics.parquet",
        costs=paths.costs(),
    output:
        claims=f"{RESULTS}/claims/{{study}}.parquet",
    log:
        f"{RESULTS}/logs/judge/{{study}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/judge/{{study}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=lambda wildcards: jobs.spec("judge", wildcards),
        code=jobs.code("judge"),
    script:
        "../scripts/judge.py"


rule claims:
    """One table of every study's verdicts."""
    input:
        tables=expand("{results}/claims/{study}.parquet", results=RESULTS, study=project.studies),
    output:
        table=f"{RESULTS}/claims.parquet",
    log:
        f"{RESULTS}/logs/claims.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=lambda wildcards: jobs.spec("claims", wildcards),
        code=jobs.code("claims"),
    script:
        "../scripts/claims.py"
