"""The editor's server: where it listens, what it lets in, what it loads, and that it sends nobody elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from studio import launch

ROOT = Path(__file__).resolve().parents[2]


def test_the_server_listens_on_this_computer_alone_and_limits_uploads(tmp_path: Path) -> None:
    command = launch.command(8599)
    assert "--server.address=127.0.0.1" in command and "--server.port=8599" in command
    code = (
        "from streamlit import config; import streamlit.web.bootstrap as b\n"
        f"config._main_script_path = {str(ROOT / 'studio/app.py')!r}\n"
        "config.get_config_options(force_reparse=True)\n"
        "for k in ('address', 'port', 'maxUploadSize', 'fileWatcherType', 'enableXsrfProtection', 'enableCORS',"
        " 'enableStaticServing', 'allowedHosts'): print(k, config.get_option(f'server.{k}'))\n"
        "print('usage', config.get_option('browser.gatherUsageStats'))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    settings = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert settings["address"] == "127.0.0.1" and settings["port"] == "8501", done.stderr
    assert int(settings["maxUploadSize"]) <= 50 and settings["fileWatcherType"] == "none"
    assert settings["enableXsrfProtection"] == settings["enableCORS"] == "True"
    assert settings["enableStaticServing"] == settings["usage"] == "False"
    assert "127.0.0.1" in settings["allowedHosts"] and "*" not in settings["allowedHosts"]


def test_pages_load_no_torch() -> None:
    code = "import sys, studio.app; sys.exit('torch' in sys.modules and 'torch was imported' or 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_is_unpickled_and_no_page_is_sent_elsewhere() -> None:
    for path in [*(ROOT / "studio").rglob("*.py"), *(ROOT / "studio/widgets").glob("*.*")]:
        text = path.read_text(encoding="utf-8")
        assert "pickle" not in text.replace("allow_pickle=False", ""), path
        assert not re.search(r"https?://(?!127\.0\.0\.1|www\.w3\.org)", text) or path.suffix == ".py", path


def test_no_page_is_run_behind_the_entry() -> None:
    """Streamlit runs the files of a folder `pages` beside the entry when their address is opened first."""
    assert not (ROOT / "studio/pages").exists()
