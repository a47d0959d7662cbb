"""What all tests share: settings of the environment and of hypothesis, fixed before any import.

Rule: a run is reproducible. Hypothesis draws the same examples every time, unless the command line
asks it to look further with `--hypothesis-profile=explore`, which prints how to repeat a failure.
"""

import os

# Read once when libp2p is imported: otherwise every small read sends an encrypted window update.
os.environ.setdefault("PY_YAMUX_RELEASE_ON_READ", "0")

from hypothesis import HealthCheck, settings

# The machines that run this are shared and noisy: a slow example says nothing about the code.
NOISE = [HealthCheck.too_slow]

settings.register_profile("fixed", deadline=None, derandomize=True, suppress_health_check=NOISE)
settings.register_profile("explore", deadline=None, print_blob=True, suppress_health_check=NOISE)
settings.load_profile("fixed")
