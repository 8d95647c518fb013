"""Why a run stops before its handler returns. Pure: imports no Django.

None of them is an error of the handler, which lets them pass.
"""


class RunInterrupted(Exception):
    """The worker must leave the run now."""

    span_status = "interrupted"


class RunCancelled(RunInterrupted):
    """Somebody asked for the run to stop."""


class LeaseLost(RunInterrupted):
    """Another worker may hold the lane; nothing may be written any more."""


class RunHandedOver(RunInterrupted):
    """This worker is going down; another one takes the run over at once."""
