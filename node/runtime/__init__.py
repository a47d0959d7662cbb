"""The node process: `run_node` opens a home, answers the API and meets the neighbours."""

from node.runtime.first_run import Waiting
from node.runtime.process import Options, Ready, run_node

__all__ = ["Options", "Ready", "Waiting", "run_node"]
