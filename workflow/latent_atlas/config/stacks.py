"""Which trainings are one stack, and which stacks are a job."""

from collections.abc import Callable, Hashable

Member = int | list
"""A seed of an experiment, or [point, seed] of a sweep: as JSON has it."""


def stacks_of(
    members: list[Member], most: int, shape: Callable[[Member], Hashable] = lambda member: ()
) -> list[list[Member]]:
    """Those of equal shape together, `most` at the most."""
    alike: dict[Hashable, list[Member]] = {}
    for member in members:
        alike.setdefault(shape(member), []).append(member)
    return [some[i : i + most] for some in alike.values() for i in range(0, len(some), most)]


def dealt(stacks: list[list[Member]], jobs: int) -> list[list[Member]]:
    """What each of so many jobs trains, at the most; none where one job is enough."""
    jobs = min(jobs, len(stacks))
    if jobs == 1:
        return []
    return [[member for stack in stacks[job::jobs] for member in stack] for job in range(jobs)]
