"""Python imports this at the start of every process whose PYTHONPATH holds this folder."""

import faults

faults.arm()
