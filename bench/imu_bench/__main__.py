"""`python -m imu_bench`: the same as `imu-bench`."""

import sys

from imu_bench.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
