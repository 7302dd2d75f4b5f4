rule latents:
    """Find the codes of training and test images under the frozen model."""
    input:
        unpack(lambda wildcards: paths.reads("latents", wildcards)),
    output:
        **paths.writes("latents"),
    log:
        f"{RESULTS}/logs/latents/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/latents/{{experiment}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: project.settings.training_threads
    resources:
        **needs.of("latents"),
    params:
        spec=lambda wildcards: jobs.spec("latents", wildcards),
        code=lambda wildcards: jobs.code("latents", wildcards),
    script:
        "../scripts/latents.py"


rule embed:
    """t-SNE and PCA maps of the test codes; t-SNE depends on threads, so always one."""
    input:
        unpack(lambda wildcards: paths.reads("embed", wildcards)),
    output:
        **paths.writes("embed"),
    log:
        f"{RESULTS}/logs/embed/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/embed/{{experiment}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 1
    resources:
        **needs.of("embed"),
    params:
        spec=lambda wildcards: jobs.spec("embed", wildcards),
        code=jobs.code("embed"),
    script:
        "../scripts/embed.py"
