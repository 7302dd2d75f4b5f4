rule provenance:
    """What was run, with what, at what cost."""
    input:
        metrics=f"{RESULTS}/metrics.parquet",
        costs=paths.costs(),
        datasets=paths.datasets(),
        features=[paths.features(name) for name in project.sampled_datasets],
    output:
        provenance=f"{RESULTS}/provenance.parquet",
        costs=f"{RESULTS}/costs.parquet",
    log:
        f"{RESULTS}/logs/provenance.log",
    benchmark:
        f"{RESULTS}/benchmarks/provenance.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 1
    resources:
        **needs.of("provenance"),
    params:
        spec=lambda wildcards: jobs.spec("provenance", wildcards),
        code=jobs.code("provenance"),
    script:
        "../scripts/provenance.py"


rule page:
    """The page that people open."""
    input:
        claims=f"{RESULTS}/claims.parquet",
        metrics=f"{RESULTS}/metrics.parquet",
        costs=f"{RESULTS}/costs.parquet",
        provenance=f"{RESULTS}/provenance.parquet",
        searches=paths.runs("trials.parquet", project.searches),
        figures=[f for kind in ("png", "svg") for f in paths.every_figure(kind)],
        sidecars=paths.every_figure("json"),
    output:
        page=report(
            f"{RESULTS}/report.html",
            caption="../report/page.rst",
            category="Pages",
            labels={"page": "report"},
        ),
    log:
        f"{RESULTS}/logs/page.log",
    benchmark:
        f"{RESULTS}/benchmarks/page.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 1
    resources:
        **needs.of("page"),
    params:
        spec=lambda wildcards: jobs.spec("page", wildcards),
        code=jobs.code("page"),
    script:
        "../scripts/page.py"


rule salvage:
    """The page of whatever is there, for when a job has failed. It waits for nothing."""
    output:
        page=f"{RESULTS}/salvaged.html",
    log:
        f"{RESULTS}/logs/salvage.log",
    benchmark:
        f"{RESULTS}/benchmarks/salvage.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 1
    resources:
        **needs.of("salvage"),
    params:
        spec=lambda wildcards: jobs.spec("salvage", wildcards),
        code=jobs.code("salvage"),
    script:
        "../scripts/salvage.py"


rule explorer:
    """The latent spaces to play with."""
    input:
        maps=[f"{RESULTS}/embeddings/{name}.parquet" for name in project.experiments],
        tensors=paths.runs("explorer.safetensors", project.experiments),
    output:
        page=report(
            f"{RESULTS}/explorer.html",
            caption="../report/explorer.rst",
            category="Pages",
            labels={"page": "explorer"},
        ),
    log:
        f"{RESULTS}/logs/explorer.log",
    benchmark:
        f"{RESULTS}/benchmarks/explorer.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 1
    resources:
        **needs.of("explorer"),
    params:
        spec=lambda wildcards: jobs.spec("explorer", wildcards),
        code=jobs.code("explorer"),
    script:
        "../scripts/explorer.py"


rule archive:
    """All of a finished run that is read, and what it came from, as one RO-Crate."""
    input:
        pages=[f"{RESULTS}/report.html", f"{RESULTS}/explorer.html"],
        metrics=f"{RESULTS}/metrics.parquet",
        claims=f"{RESULTS}/claims.parquet",
        costs=f"{RESULTS}/costs.parquet",
        provenance=f"{RESULTS}/provenance.parquet",
        figures=[f for kind in ("png", "svg", "json") for f in paths.every_figure(kind)],
    output:
        archive=f"{RESULTS}/archive.zip",
    log:
        f"{RESULTS}/logs/archive.log",
    benchmark:
        f"{RESULTS}/benchmarks/archive.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 1
    resources:
        **needs.of("archive"),
    params:
        spec=lambda wildcards: jobs.spec("archive", wildcards),
        code=jobs.code("archive"),
    script:
        "../scripts/archive.py"


rule record:
    """Keep what has run at published scale in recorded/, beside what is there."""
    input:
        metrics=f"{RESULTS}/metrics.parquet",
        costs=f"{RESULTS}/costs.parquet",
        provenance=f"{RESULTS}/provenance.parquet",
        searches=paths.runs("trials.parquet", project.searches),
        figures=[f for kind in ("png", "svg") for f in paths.every_figure(kind)],
        sidecars=paths.every_figure("json"),
    output:
        tables=update(
            expand(
                "recorded/{study}/{table}.parquet",
                study=project.studies,
                table=["metrics", "claims", "costs", "provenance"],
            )
        ),
    log:
        f"{RESULTS}/logs/record.log",
    benchmark:
        f"{RESULTS}/benchmarks/record.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 1
    resources:
        **needs.of("record"),
    params:
        spec=lambda wildcards: jobs.spec("record", wildcards),
        code=jobs.code("record"),
    script:
        "../scripts/record.py"
