"""The process that serves."""

import subprocess
import sys

from running import Service


def test_a_folder_serves_one_process(service: Service) -> None:
    command = [
        sys.executable,
        "-c",
        "import sys; from pathlib import Path; from auricle import process, settings\n"
        "process.serve(settings.Settings(data=Path(sys.argv[1]), port=0))",
        str(service.settings.data),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last == (
        f"auricle.process.InUse: Another process serves {service.settings.data}. "
        "Stop it, or choose another folder with --data."
    )
    assert service.ask("GET", "/readyz").status == 200
