"""The kernel provisioner: each kernel gets this server's URL and a key of its own.

When a kernel ends, its requests are stopped. Keys are made in
:mod:`aqueduct_jupyter.gateway.requests.keys`.

If a kernelspec names another provisioner (a cluster's, for example), ours does not start that
kernel. For such kernels, and for terminals, the server's own environment holds a key that is valid
as long as the server runs. In all other kernels, their own key replaces it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from jupyter_client.multikernelmanager import MultiKernelManager
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from ...gateway.requests.keys import SERVER_LIFE, KernelKeys

__all__ = ["AqueductProvisioner", "KernelEnvironment", "use_for_kernels"]

PROVISIONER = "aqueduct-provisioner"
"""The name of our entry point in the group ``jupyter_client.kernel_provisioners``."""

LOAD_MAGICS = "--ext=aqueduct_jupyter"
"""IPython's option; a kernel without this package logs that it is missing, and starts."""

_DEFAULT_PROVISIONER = "local-provisioner"


class KernelEnvironment:
    """The variables by which any OpenAI client in a kernel finds this server.

    Args:
        url: this server's URL with its base_url, without a trailing slash.
        keys: makes each kernel's key.
        ended: called with the id of each kernel that ended or restarts.
        loads_magics: whether each IPython kernel knows ``%%chat`` from its start.
    """

    def __init__(
        self,
        url: str,
        keys: KernelKeys,
        ended: Callable[[str], None],
        *,
        loads_magics: bool = False,
    ) -> None:
        self._url = url
        self._keys = keys
        self.ended = ended
        self.loads_magics = loads_magics

    def variables(self, kernel_id: str, present: Mapping[str, str]) -> dict[str, str]:
        """Return the variables for one kernel.

        Args:
            kernel_id: the kernel that gets the key.
            present: the environment that it would have otherwise. If the user has set an
                ``OPENAI_*`` variable in it, both stay as they are: the key of one service must
                not be sent to another.
        """
        key = self._keys.key_for(kernel_id)
        variables = {"AQUEDUCT_BASE_URL": self._url, "AQUEDUCT_API_KEY": key}
        fallback = self._keys.key_for(SERVER_LIFE)
        is_free = not ({"OPENAI_API_KEY", "OPENAI_BASE_URL"} & present.keys())
        if is_free or present.get("OPENAI_API_KEY") == fallback:
            variables |= {"OPENAI_BASE_URL": f"{self._url}/v1", "OPENAI_API_KEY": key}
        return variables

    def put_fallback(self, environment: MutableMapping[str, str]) -> None:
        """Put the server's own key into the environment that every child process inherits."""
        environment.update(self.variables(SERVER_LIFE, environment))

    def remove_fallback(self, environment: MutableMapping[str, str]) -> None:
        """Remove what :meth:`put_fallback` added."""
        for name, value in self.variables(SERVER_LIFE, environment).items():
            if environment.get(name) == value:
                del environment[name]


class AqueductProvisioner(LocalProvisioner):
    """Starts a kernel as Jupyter does, with its key and this server's URL."""

    environments: ClassVar[WeakKeyDictionary[MultiKernelManager, KernelEnvironment]] = (
        WeakKeyDictionary()
    )

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Add the option that loads the magics, if the operator wants it and it is IPython."""
        is_ipython = any("ipykernel" in word for word in self.kernel_spec.argv)
        if self._environment and self._environment.loads_magics and is_ipython:
            kwargs["extra_arguments"] = [*kwargs.get("extra_arguments", []), LOAD_MAGICS]
        return await super().pre_launch(**kwargs)

    async def cleanup(self, restart: bool = False) -> None:
        """Stop the kernel's requests; a program that it started may still wait for them."""
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
    """Make our provisioner the default for a server's kernels.

    Returns:
        False if the operator chose another default provisioner; kernels then use the fallback key.
    """
    AqueductProvisioner.environments[manager] = environment
    factory = KernelProvisionerFactory.instance(parent=manager.parent)
    if factory.default_provisioner_name == _DEFAULT_PROVISIONER:
        factory.default_provisioner_name = PROVISIONER
    return bool(factory.default_provisioner_name == PROVISIONER)
