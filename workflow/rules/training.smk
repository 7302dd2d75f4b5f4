rule train_part:
    """Train some of the seeds of an experiment, as one stacked model, for `train`."""
    input:
        unpack(lambda wildcards: paths.inputs(wildcards.experiment)),
    output:
        part=f"{RESULTS}/runs/{{experiment}}/part-{{part}}.json",
    log:
        f"{RESULTS}/logs/train_part/{{experiment}}/{{part}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_part/{{experiment}}/{{part}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: project.settings.training_threads
    resources:
        **needs.of("train_part"),
    params:
        spec=lambda wildcards: jobs.spec("train_part", wildcards),
        code=lambda wildcards: jobs.code("train_part", wildcards),
    script:
        "../scripts/train.py"


rule train:
    """Train all seeds of an experiment, as one stacked model, that no part has trained."""
    input:
        unpack(lambda wildcards: paths.reads("train", wildcards)),
    output:
        **paths.writes("train"),
    log:
        f"{RESULTS}/logs/train/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{experiment}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: project.settings.training_threads
    resources:
        **needs.of("train"),
    params:
        spec=lambda wildcards: jobs.spec("train", wildcards),
        code=lambda wildcards: jobs.code("train", wildcards),
    script:
        "../scripts/train.py"


rule classify:
    """Train all seeds of a classifier, one after the other, and test them."""
    input:
        unpack(lambda wildcards: paths.reads("classify", wildcards)),
    output:
        **paths.writes("classify"),
    log:
        f"{RESULTS}/logs/classify/{{classifier}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/classify/{{classifier}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: project.settings.training_threads
    resources:
        **needs.of("classify"),
    params:
        spec=lambda wildcards: jobs.spec("classify", wildcards),
        code=lambda wildcards: jobs.code("classify", wildcards),
    script:
        "../scripts/classify.py"


rule search:
    """Search hyper-parameters; the journal beside the outputs outlives a killed job."""
    input:
        unpack(lambda wildcards: paths.inputs(project.searches[wildcards.search].base)),
    output:
        best=f"{RESULTS}/searches/{{search}}/best.json",
        trials=f"{RESULTS}/searches/{{search}}/trials.parquet",
        metrics=f"{RESULTS}/searches/{{search}}/metrics.parquet",
    log:
        f"{RESULTS}/logs/search/{{search}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/search/{{search}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 2
    resources:
        **needs.of("search"),
    params:
        spec=lambda wildcards: jobs.spec("search", wildcards),
        code=lambda wildcards: jobs.code("search", wildcards),
    script:
        "../scripts/search.py"


rule sweep_part:
    """Train some of the points of a sweep, for `sweep`."""
    input:
        unpack(lambda wildcards: paths.inputs(project.sweeps[wildcards.sweep].base)),
    output:
        part=f"{RESULTS}/sweeps/{{sweep}}/part-{{part}}.json",
    log:
        f"{RESULTS}/logs/sweep_part/{{sweep}}/{{part}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/sweep_part/{{sweep}}/{{part}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: project.settings.training_threads
    resources:
        **needs.of("sweep_part"),
    params:
        spec=lambda wildcards: jobs.spec("sweep_part", wildcards),
        code=lambda wildcards: jobs.code("sweep_part", wildcards),
    script:
        "../scripts/sweep.py"


rule sweep:
    """Train an experiment with every combination of some values; keep how well each validates."""
    input:
        unpack(lambda wildcards: paths.reads("sweep", wildcards)),
    output:
        metrics=f"{RESULTS}/sweeps/{{sweep}}/metrics.parquet",
        costs=f"{RESULTS}/sweeps/{{sweep}}/costs.parquet",
    log:
        f"{RESULTS}/logs/sweep/{{sweep}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/sweep/{{sweep}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: project.settings.training_threads
    resources:
        **needs.of("sweep"),
    params:
        spec=lambda wildcards: jobs.spec("sweep", wildcards),
        code=lambda wildcards: jobs.code("sweep", wildcards),
    script:
        "../scripts/sweep.py"
