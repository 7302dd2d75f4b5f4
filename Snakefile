# The workflow itself lies where snakedeploy and the catalogue look for it.
include: "workflow/Snakefile"


workflow.default_target = "all"  # that of an included file is not taken
