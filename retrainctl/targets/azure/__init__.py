"""The one HTTP pipeline that every Azure target shares, on azure-core; the only door to `azure.*`."""

import logging

# What libraries log is for -v; without a handler Python prints their warnings.
logging.getLogger("azure").addHandler(logging.NullHandler())
