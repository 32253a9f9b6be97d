"""`python -m imu`, where the command `imu` is not on the path."""

import sys

from imu.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
