"""A forked kernel is as fresh as one that was started, and ends as one does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import forking
import pytest
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning.factory import KernelProvisionerFactory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork kernels, as for the chapters, until the test ends."""
    factory = KernelProvisionerFactory.instance()
    monkeypatch.setattr(factory, "default_provisioner_name", "forked")
    forking.fork_kernels()


class Kernel:
    """A kernel in a folder, and what it prints."""

    def __init__(self, folder: Path) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def says(self, code: str) -> str:
        parts: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            parts.append(content.get("text", "") or content.get("ename", ""))

        self.client.execute_interactive(code, output_hook=hear, timeout=60)
        return "".join(parts)

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel()


@pytest.mark.usefixtures("forked")
def test_a_forked_kernel_is_fresh(tmp_path: Path) -> None:
    one, two = Kernel(tmp_path), Kernel(tmp_path)
    assert isinstance(one.manager.provisioner, forking.Forked)
    try:
        assert one.says("x = 1\nimport os, sys; print(os.getcwd())") == f"{tmp_path}\n"
        assert two.says("x") == "NameError"
        assert one.says("print('xentlib.proof' in sys.modules, 'pytest' in sys.modules)") == "True False\n"
        processes = {kernel.says("import os; print(os.getpid(), os.getsid(0))") for kernel in (one, two)}
        assert len(processes) == 2
    finally:
        one.stop()
        two.stop()
    assert not one.manager.is_alive()


@pytest.mark.usefixtures("forked")
def test_a_forked_kernel_is_interrupted_and_killed(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    try:
        message = kernel.client.execute("import time; print('asleep', flush=True); time.sleep(100)")
        while kernel.client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
            pass
        kernel.manager.interrupt_kernel()
        reply = kernel.client.get_shell_msg(timeout=60)
        while reply["parent_header"]["msg_id"] != message:
            reply = kernel.client.get_shell_msg(timeout=60)
        assert reply["content"]["ename"] == "KeyboardInterrupt"
    finally:
        kernel.client.stop_channels()
        kernel.manager.shutdown_kernel(now=True)
    assert not kernel.manager.is_alive()
