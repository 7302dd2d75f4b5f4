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
    read, written = read_and_written(batch.tasks)

    rule:
        name:
            batch.name
        input:
            read,
        output:
            [shown(path) for path in written],
        log:
            f"{RESULTS}/logs/{batch.script}/{batch.name}.log",
        benchmark:
            f"{RESULTS}/benchmarks/{batch.script}/{batch.name}.tsv"
        priority: 0 if batch.script in ("classify", "figure") else 1  # most waits for the others
        conda:
            "../../envs/latent-atlas.yaml"
        threads: 1 if batch.script in ("embed", "figure") else project.settings.training_threads
        resources:
            **needs.together(batch.jobs),
        params:
            script=batch.script,
            tasks=batch.tasks,
        script:
            "../scripts/{params.script}.py"
