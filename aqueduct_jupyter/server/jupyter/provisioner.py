"""This file is what a kernel is given at its start, and what ends with it.

It is given this server's address and a key of its own; what it has asked for ends when it does.

Making keys is left to :mod:`aqueduct_jupyter.gateway.requests.keys`.

A kernel whose kernelspec names a provisioner of its own (a cluster's, say) is not started by ours.
For it, and for terminals, the server's own environment holds a key that lives as long as the
server; every other kernel's key replaces that one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import ClassVar
from weakref import WeakKeyDictionary

from jupyter_client.multikernelmanager import MultiKernelManager
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from ...gateway.requests.keys import SERVER_LIFE, KernelKeys

__all__ = ["AqueductProvisioner", "KernelEnvironment", "use_for_kernels"]

PROVISIONER = "aqueduct-provisioner"
"""The name of our entry point in the group ``jupyter_client.kernel_provisioners``."""

_DEFAULT_PROVISIONER = "local-provisioner"


class KernelEnvironment:
    """The variables through which any OpenAI client in a kernel finds this server.

    Args:
        url: this server's address with its base_url, without a slash at the end.
        keys: makes each kernel's key.
        ended: told the id of each kernel that is gone, or begins anew.
    """

    def __init__(self, url: str, keys: KernelKeys, ended: Callable[[str], None]) -> None:
        self._url = url
        self._keys = keys
        self.ended = ended

    def variables(self, kernel_id: str, present: Mapping[str, str]) -> dict[str, str]:
        """Give the variables for one kernel.

        Args:
            kernel_id: whose key it shall be.
            present: the environment it would have otherwise. ``OPENAI_*`` in it that are not this
                server's were set by the user and are left alone, both of them: a key of one
                service must not go to the other's address.
        """
        key = self._keys.key_for(kernel_id)
        variables = {"AQUEDUCT_BASE_URL": self._url, "AQUEDUCT_API_KEY": key}
        fallback = self._keys.key_for(SERVER_LIFE)
        is_free = not ({"OPENAI_API_KEY", "OPENAI_BASE_URL"} & present.keys())
        if is_free or present.get("OPENAI_API_KEY") == fallback:
            variables |= {"OPENAI_BASE_URL": f"{self._url}/v1", "OPENAI_API_KEY": key}
        return variables

    def put_fallback(self, environment: MutableMapping[str, str]) -> None:
        """Put the key of the server's life into the environment that every child inherits."""
        environment.update(self.variables(SERVER_LIFE, environment))

    def remove_fallback(self, environment: MutableMapping[str, str]) -> None:
        """Take out what :meth:`put_fallback` put in."""
        for name, value in self.variables(SERVER_LIFE, environment).items():
            if environment.get(name) == value:
                del environment[name]


class AqueductProvisioner(LocalProvisioner):
    """Starts a kernel as Jupyter does, with its key and this server's address."""

    environments: ClassVar[WeakKeyDictionary[MultiKernelManager, KernelEnvironment]] = (
        WeakKeyDictionary()
    )

    async def cleanup(self, restart: bool = False) -> None:
        """End what the kernel has asked for; a program of its own may still wait for it."""
        await super().cleanup(restart)
        if self._environment and self.kernel_id:
            self._environment.ended(self.kernel_id)

    def _finalize_env(self, env: dict[str, str]) -> None:
        super()._finalize_env(env)
        if self._environment and self.kernel_id:
            env.update(self._environment.variables(self.kernel_id, env))

    @property
    def _environment(self) -> KernelEnvironment | None:
        manager = getattr(self.parent, "parent", None)
        return self.environments.get(manager) if manager is not None else None


def use_for_kernels(manager: MultiKernelManager, environment: KernelEnvironment) -> bool:
    """Have a server's kernels started with our provisioner.

    Returns:
        False where the operator chose another provisioner for all kernels; the fallback serves.
    """
    AqueductProvisioner.environments[manager] = environment
    factory = KernelProvisionerFactory.instance(parent=manager.parent)
    if factory.default_provisioner_name == _DEFAULT_PROVISIONER:
        factory.default_provisioner_name = PROVISIONER
    return bool(factory.default_provisioner_name == PROVISIONER)
