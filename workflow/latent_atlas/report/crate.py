"""A finished run as one archive: a Workflow Run RO-Crate of what was run, with what, and what came
of it (profile 0.5, https://w3id.org/ro/wfrun/workflow/0.5)."""

import json
import logging
import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import yaml
from rocrate.model import ContextEntity, Person
from rocrate.rocrate import ROCrate

from latent_atlas.config.loading import REPOSITORY
from latent_atlas.config.project import Project
from latent_atlas.config.studies import StudyConfig
from latent_atlas.files import atomic

VERSION = "1.1"
"""Of RO-Crate, on which the profiles stand."""
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
LICENCE = "https://spdx.org/licenses/MIT"
COMPLETED = "http://schema.org/CompletedActionStatus"
KINDS = {
    ".parquet": "application/vnd.apache.parquet",
    ".html": "text/html",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".md": "text/markdown",
}
CODE = ("Snakefile", "workflow/rules/*.smk", "requirements.lock")
CODE_IS = {"Snakefile": "where Snakemake begins", "requirements.lock": "the environment, pinned"}
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
README = """\
# {name}

{description}. Open `{results}/report.html` for what was found and why, and
`{results}/explorer.html` for the latent spaces; both need nothing else. Tables lie beside them as
parquet. `ro-crate-metadata.json` tells what each file is and what it was made from.
"""


def write_archive(
    project: Project, files: Iterable[str], provenance: pd.DataFrame, output: Path
) -> None:
    """The `files` of a finished run, its configuration and code's entry points, in a zip whose
    `ro-crate-metadata.json` describes them."""
    logging.getLogger("rocrate").setLevel(logging.ERROR)
    facts = dict(zip(provenance.key, provenance.value, strict=True))
    crate = ROCrate(version=VERSION)
    crate.name = f"Latent Atlas: {', '.join(study.title for study in project.studies.values())}"
    crate.description = (
        f"Published claims about latent spaces, judged on a {facts['scale']}-scale run over seeds "
        f"{facts['seeds']}"
    )
    crate.license = _add(crate, LICENCE, "CreativeWork", name="MIT licence")
    with TemporaryDirectory() as name:
        settings = Path(name, "settings.yaml")
        settings.write_text(
            yaml.safe_dump(project.settings.model_dump(exclude={"data_mirror"})), encoding="utf-8"
        )
        parameters = _file(crate, settings, "config/settings.yaml", "every key of this run")
        action = _add_run(crate, project, facts, [parameters, *_add_inputs(crate, project)])
        action["result"] = [_file(crate, Path(file), file, _what(file)) for file in files]
        spans = [Path(file).stat().st_mtime for file in files]
        action["startTime"], action["endTime"] = (_iso(f(spans)) for f in (min, max))
        crate.root_dataset["mentions"] = action
        for study in project.studies.values():
            if study.report:
                crate.root_dataset.append_to("citation", _add_report(crate, study))
        _add_readme(crate, project, Path(name, "README.md"))
        zipped = Path(name, "archive.zip")
        crate.write_zip(zipped)
        with atomic(output) as temporary:
            shutil.copyfile(zipped, temporary)


def _add_readme(crate: ROCrate, project: Project, path: Path) -> None:
    told = {"name": crate.name, "description": crate.description}
    path.write_text(README.format(**told, results=project.settings.results), encoding="utf-8")
    readme = _file(crate, path, "README.md", "what this is")
    readme["about"] = crate.root_dataset


def _add_run(crate: ROCrate, project: Project, facts: dict, objects: list) -> ContextEntity:
    """The workflow, the people who wrote it, and its run."""
    makers = _add(crate, "#developers", "Organization", name="The Latent Atlas developers")
    workflow = crate.add_workflow(
        REPOSITORY / "workflow/Snakefile",
        "workflow/Snakefile",
        main=True,
        lang="snakemake",
        lang_version=version("snakemake"),
        properties={
            "name": "Latent Atlas",
            "version": facts["commit"],
            "encodingFormat": "text/plain",
            "conformsTo": {"@id": BIOSCHEMAS},
        },
    )
    workflow["creator"], workflow["license"] = makers, crate.license
    for source in sorted(file for pattern in CODE for file in REPOSITORY.glob(pattern)):
        _file(
            crate,
            source,
            str(source.relative_to(REPOSITORY)),
            CODE_IS.get(source.name, "a stage of rules"),
        )
    crate.root_dataset["conformsTo"] = [
        _add(crate, address, "CreativeWork", name=name, version=address.rpartition("/")[2])
        for address, name in PROFILES.items()
    ]
    crate.root_dataset["author"] = crate.root_dataset["publisher"] = makers
    tools = {key: value for key, value in facts.items() if key.startswith("version ")}
    described = ", ".join(f"{key.removeprefix('version ')} {value}" for key, value in tools.items())
    properties = {
        "@type": "CreateAction",
        "name": f"A {facts['scale']}-scale run",
        "description": f"On {facts['device']}, Python {facts['python']}, {facts['machine']}: "
        f"{described}. Configuration {facts['configuration']}.",
        "actionStatus": COMPLETED,
    }
    action = crate.add_action(workflow, "#run", object=objects, properties=properties)
    action["agent"] = makers
    return action


def _add_inputs(crate: ROCrate, project: Project) -> Iterator[ContextEntity]:
    """The data sets with their licences, and the files that configure the run."""
    for name in project.used_datasets:
        dataset = project.datasets[name]
        addresses = getattr(dataset.source, "addresses", [])
        yield _add(
            crate,
            addresses[0] if addresses else f"#{name}",
            "CreativeWork",
            name=dataset.title,
            license=dataset.licence,
            description=json.dumps(dataset.source.model_dump(), ensure_ascii=False),
        )
    files = [f"datasets/{name}" for name in project.used_datasets]
    for file in (*files, *(f"studies/{name}" for name in project.studies)):
        path = f"config/{file}.yaml"
        yield _file(crate, project.root / path, path, "what is run, drawn and claimed")


def _add_report(crate: ROCrate, study: StudyConfig) -> ContextEntity:
    people = [
        crate.add(Person(crate, f"#{name.replace(' ', '-')}", properties={"name": name}))
        for name in study.authors
    ]
    report = _add(crate, f"#report-{study.letter}", "ScholarlyArticle", name=study.report)
    report["author"] = people if len(people) > 1 else people[0]
    if study.year:
        report["datePublished"] = str(study.year)
    return report


def _add(crate: ROCrate, identifier: str, kind: str, **properties: object) -> ContextEntity:
    described = {"@type": kind, **properties}
    return crate.add(ContextEntity(crate, identifier, properties=described))


def _file(crate: ROCrate, source: Path, name: str, what: str):
    kind = KINDS.get(source.suffix, "text/plain")
    properties = {"name": what, "encodingFormat": kind}
    return crate.add_file(source, name, properties=properties, record_size=True)


def _what(file: str) -> str:
    path = Path(file)
    if path.parent.parent.name == "figures":
        return f"figure {path.stem} of {path.parent.name}"
    return f"{path.stem} of the run"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
