rule figure:
    """Draw one figure of a study, with a sidecar that tells how to draw it again."""
    input:
        unpack(lambda wildcards: paths.reads("figure", wildcards)),
    output:
        png=report(
            paths.writes("figure")["png"],
            caption="../report/figure.rst",
            category="Figures",
            subcategory="{study}",
            labels={"figure": "{figure}"},
        ),
        svg=paths.writes("figure")["svg"],
        sidecar=paths.writes("figure")["sidecar"],
    log:
        f"{RESULTS}/logs/figure/{{study}}/{{figure}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure/{{study}}/{{figure}}.tsv"
    conda:
        "../../envs/latent-atlas.yaml"
    threads: 1
    resources:
        **needs.of("figure"),
    params:
        spec=lambda wildcards: jobs.spec("figure", wildcards),
        code=jobs.code("figure"),
    script:
        "../scripts/figure.py"
