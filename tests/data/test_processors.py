"""The number of processors: the container's quota, read from both layouts of Linux, without any other package."""

import subprocess
import sys

import pytest

from wbc_tutorial.data import processors
from wbc_tutorial.data.processors import usable_processors


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "99900000 100000"}, 8),
        ({"cpu.max": "nonsense"}, 8),
        ({"cpu.max": "100000 0"}, 8),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({}, 8),
    ],
)
@pytest.mark.parametrize("linux", [True, False])
def test_the_containers_quota_counts(tmp_path, monkeypatch, files, expected, linux):
    monkeypatch.setattr(processors.os, "cpu_count", lambda: 8)
    if linux:
        monkeypatch.setattr(processors.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    else:
        monkeypatch.delattr(processors.os, "sched_getaffinity", raising=False)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert usable_processors(tmp_path) == expected


def test_it_imports_where_nothing_else_does():
    code = (
        "import sys; from wbc_tutorial.data.processors import usable_processors; "
        "print(usable_processors(), *{'numpy', 'torch', 'pandas', 'scipy'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert int(printed[0]) >= 1 and printed[1:] == []
