"""Commands beside the pipeline: `latent-atlas COMMAND --help`, or `python -m latent_atlas`."""

import argparse
import os
import sys

import shtab

from latent_atlas.commands import browse, images, upkeep
from latent_atlas.errors import REFUSED, InputError


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="latent-atlas", description=__doc__)
    shtab.add_argument_to(made, "--completion", help="print a completion script for this shell")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for module in (browse, images, upkeep):
        module.add(commands)
    return made


def main() -> None:
    try:
        arguments = parser().parse_args()
        sys.exit(arguments.run(arguments) or 0)
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(REFUSED)
    except BrokenPipeError:  # a reader such as head has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
