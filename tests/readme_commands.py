"""Print one of the two commands of the README: the main job (--main) or the tests (--test)."""

import re
import sys
from pathlib import Path


def commands() -> list[str]:
    """Return the command lines of the README's shell blocks, in order: main job, tests."""
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    return [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]


if __name__ == "__main__":
    print(commands()[{"--main": 0, "--test": 1}[sys.argv[1]]])
