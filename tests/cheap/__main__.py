import sys

from pipeline.cli import main
from tests.cheap import FLOW

if __name__ == "__main__":
    sys.exit(main(flow=FLOW))
