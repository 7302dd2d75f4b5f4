"""A SLURM of one node on this machine, for tests: three daemons on loopback, no accounting.

Needs Debian's packages slurm-wlm and munge, and root, as slurmd does.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
GPU_FILE = "/dev/null"
"""A pretended GPU: slurmd wants a device, nobody opens it."""
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={controller_port}
SlurmdPort={node_port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
EnforcePartLimits=ALL
ReturnToService=2
KillWait=10
MinJobAge=3600
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} Sockets=1 CoresPerSocket={cpus} \
ThreadsPerCore=1 RealMemory={memory} Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def installed() -> bool:
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
    return os.geteuid() == 0 and all(shutil.which(name, path=path) for name in PROGRAMS)


@contextmanager
def one_node(folder: Path) -> Iterator[dict[str, str]]:
    """Yields the environment in which its commands, and jobs' own, find it."""
    host = socket.gethostname().partition(".")[0]
    for name in ("munge", "state", "spool", "bin"):
        (folder / name).mkdir(parents=True)
    (folder / "munge").chmod(0o755)
    controller_port, node_port = _free_ports()
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            host=host,
            folder=folder,
            controller_port=controller_port,
            node_port=node_port,
            cpus=os.cpu_count(),
            memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 * 9 // 10,
        )
    )
    (folder / "gres.conf").write_text(f"NodeName={host} Name=gpu Count=1 File={GPU_FILE}\n")
    environment = {
        "SLURM_CONF": str(configuration),
        "PATH": f"{folder}/bin:{os.environ['PATH']}:/usr/sbin",
    }
    _wrap_srun(folder / "bin/srun", configuration)
    daemons = []
    try:
        for command in (_munged(folder), ["slurmctld", "-D"], ["slurmd", "-D"]):
            daemons.append(_start(command, environment, folder))
        _await_node(environment)
        yield environment
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(timeout=30)


def _munged(folder: Path) -> list[str]:
    key = folder / "munge/key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    return [
        "munged",
        "--foreground",
        "--force",
        f"--key-file={key}",
        f"--socket={folder}/munge/socket",
        f"--pid-file={folder}/munge/pid",
        f"--log-file={folder}/munge/log",
        f"--seed-file={folder}/munge/seed",
    ]


def _start(command: list[str], environment: dict[str, str], folder: Path) -> subprocess.Popen:
    with (folder / "daemons.log").open("a") as log:
        daemon = subprocess.Popen(
            command, env=os.environ | environment, stdout=log, stderr=subprocess.STDOUT
        )
    time.sleep(0.5)
    if daemon.poll() is not None:
        raise RuntimeError(f"{command[0]} ended: {(folder / 'daemons.log').read_text()[-2000:]}")
    return daemon


def _wrap_srun(path: Path, configuration: Path) -> None:
    """The executor takes SLURM's variables from the environment of a job's inner srun."""
    srun = shutil.which("srun")
    path.write_text(f'#!/bin/sh\nSLURM_CONF={configuration} exec {srun} "$@"\n')
    path.chmod(0o755)


def _await_node(environment: dict[str, str]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        done = subprocess.run(
            ["srun", "-Q", "-n1", "-t1", "true"],
            env=os.environ | environment,
            capture_output=True,
            timeout=30,
        )
        if done.returncode == 0:
            return
        time.sleep(0.5)
    raise RuntimeError(f"SLURM gives no node: {done.stderr.decode()}")


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for some in (one, other):
            some.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
