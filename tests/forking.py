"""Kernels that are forked from a process in which the libraries of the chapters are loaded.

To load IPython, NumPy, SymPy and Matplotlib takes two seconds for each notebook, about as long as many of
them compute. Each kernel is a process of its own all the same, and has run nothing before its notebook.
"""

from __future__ import annotations

import multiprocessing
import os
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

LOADED = ["ipykernel.debugger", "ipykernel.kernelapp", "xentlib.figures", "xentlib.proof"]
START = "-m", "ipykernel_launcher"


def run(arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Be a kernel, in this process."""
    from ipykernel.kernelapp import launch_new_instance

    os.setsid()  # an interrupt is for the kernel alone
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    launch_new_instance(arguments)


class Popen:
    """What a provisioner asks of a process, for one that was forked."""

    stdin = stdout = stderr = None

    def __init__(self, arguments: list[str], folder: str, environment: dict[str, str]) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(LOADED)
        self.process = context.Process(target=run, args=(arguments, folder, environment), daemon=True)
        self.process.start()
        self.pid = self.process.pid

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self) -> int | None:
        self.process.join()
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        assert self.pid is not None
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.process.kill()

    def terminate(self) -> None:
        self.process.terminate()


class Forked(LocalProvisioner):
    """Start kernels of this environment by forking, others as usual."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        if tuple(cmd[1:3]) != START:
            return await super().launch_kernel(cmd, **kwargs)
        forked: Any = Popen(cmd[3:], str(kwargs.get("cwd") or Path.cwd()), kwargs["env"])
        self.process, self.pid = forked, forked.pid
        return self.connection_info


def fork_kernels() -> None:
    """Let all kernels that this process starts be forked."""
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # nobody sets a breakpoint
    factory = KernelProvisionerFactory.instance()
    factory.provisioners["forked"] = EntryPoint("forked", f"{__name__}:Forked", factory.GROUP_NAME)
    factory.default_provisioner_name = "forked"
