# One job for a whole study, where `job_takes` says so. Rules without wildcards go before the rules
# with them that write the same files.
from pathlib import Path


def shown(path):
    if not path.endswith(".png"):
        return path
    return report(
        path,
        caption="../report/figures.rst",
        category="Figures",
        subcategory=Path(path).parent.name,
        labels={"figure": Path(path).stem},
    )


for batch in jobs.batches():

    rule:
        name:
            batch.name
        input:
            batch.files("input"),
        output:
            [shown(path) for path in batch.files("output")],
        log:
            f"{RESULTS}/logs/{batch.rule}/{batch.name}.log",
        benchmark:
            f"{RESULTS}/benchmarks/{batch.rule}/{batch.name}.tsv"
        priority: 0 if batch.rule in ("classify", "figure") else 1  # most waits for the others
        conda:
            "../../envs/latent-atlas.yaml"
        threads: 1 if batch.rule in ("embed", "figure") else project.settings.training_threads
        resources:
            **needs.of(batch.rule, batch.wildcards),
        params:
            rule=batch.rule,
            tasks=batch.tasks,
        script:
            "../scripts/{params.rule}.py"
