from pathlib import Path

from latent_atlas.config.searches import Search
from latent_atlas.files import sha256_file, sha256_json, write_json, write_table
from latent_atlas.job import job, torch_device
from latent_atlas.tuning.objective import build_objective
from latent_atlas.tuning.results import best_of, metric_frame, search_metrics, trial_frame
from latent_atlas.tuning.search import run_search

with job(snakemake):
    spec, output = snakemake.params.spec, snakemake.output
    search, base = Search.model_validate(spec["search"]), spec["base"]
    device = torch_device(base["device"], threads=1)
    objective = build_objective(base, snakemake.input, device)
    key = sha256_json(
        {
            "search": search.model_dump(exclude={"trials"}),
            "base": base,
            "files": [sha256_file(path) for path in snakemake.input],
            "code": snakemake.params.code,
        }
    )
    journal = Path(output.trials).parent / f"journal-{key[:16]}.log"
    trials = run_search(search, objective, objective.direction, journal, snakemake.threads)
    best = best_of(search, trials, objective.direction)
    facts = objective.inputs.provenance() | {"search": search.model_dump()}
    table = trial_frame(search, trials, best, objective.measures)
    metrics = search_metrics(search, trials, best)
    dataset, seed = base["run"]["dataset"], base["seeds"][0]
    write_table(output.trials, table, **facts)
    write_table(output.metrics, metric_frame(search, metrics, dataset, seed), **facts)
    write_json(output.best, best.model_dump())
