"""The editor's server: where it listens, what it lets in, what it loads, and that it sends nobody elsewhere."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from studio import launch

ROOT = Path(__file__).resolve().parents[2]


def test_the_server_listens_on_this_computer_alone_and_limits_uploads(tmp_path: Path) -> None:
    """The settings that hold, also against the user's own in a file and in the environment."""
    code = (
        "import sys, streamlit.web.server.starlette.starlette_server as server\n"
        "from streamlit import config\n"
        "from studio.server.__main__ import main\n"
        "def show(self):\n"
        "    for name in ('server.address', 'server.port', 'server.maxUploadSize', 'server.fileWatcherType',"
        " 'server.enableXsrfProtection', 'server.enableCORS', 'server.enableStaticServing', 'server.allowedHosts',"
        " 'client.allowedOrigins', 'server.enableAgentApi', 'browser.gatherUsageStats', 'theme.baseRadius'):"
        " print(name, config.get_option(name))\n"
        "server.UvicornRunner.run = show\n"
        "main(['--port', '8599'])"
    )
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit/config.toml").write_text(
        '[server]\nallowedHosts = ["*"]\nenableAgentApi = true\n[client]\nallowedOrigins = ["https://*.streamlit.app"]\n'
    )
    environment = {
        "PYTHONPATH": str(ROOT),
        "STREAMLIT_SERVER_ADDRESS": "0.0.0.0",
        "STREAMLIT_SERVER_ENABLE_CORS": "false",
    }
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120,
                          env={**os.environ, **environment})  # fmt: skip
    settings = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert settings["server.address"] == "127.0.0.1" and settings["server.port"] == "8599", done.stderr
    assert int(settings["server.maxUploadSize"]) <= 50 and settings["server.fileWatcherType"] == "none"
    assert settings["server.enableXsrfProtection"] == settings["server.enableCORS"] == "True"
    for name in ("server.enableStaticServing", "server.enableAgentApi", "browser.gatherUsageStats"):
        assert settings[name] == "False", name
    assert settings["server.allowedHosts"] == "['127.0.0.1', 'localhost']" and settings["client.allowedOrigins"] == "[]"
    assert settings["theme.baseRadius"] == "0.6rem", "our look lies beside the pages"


def test_the_address_is_said_with_its_token_and_ctrl_c_ends_the_server_quietly(tmp_path: Path) -> None:
    port = 30_000 + os.getpid() % 10_000
    environment = {name: value for name, value in os.environ.items() if name != "PARLEY_TOKEN"}
    environment |= {"PYTHONPATH": str(ROOT), launch.ROOT_VARIABLE: str(tmp_path)}
    with subprocess.Popen(launch.server_command(port), cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as server:  # fmt: skip
        said = server.stdout.readline()
        server.send_signal(signal.SIGINT)
        rest, errors = server.communicate(timeout=120)
    assert re.fullmatch(
        rf"The editor is at http://127\.0\.0\.1:{port}/\?token=[\w-]{{43}} \(Ctrl-C ends it\)\.\n", said
    )
    assert rest == "" and "Traceback" not in errors


def test_a_token_that_no_address_can_carry_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(launch.server_command(8599), cwd=tmp_path, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "PARLEY_TOKEN": "short"})  # fmt: skip
    assert done.returncode == 2 and "at least 16 characters" in done.stderr and "short" not in done.stderr


def test_nothing_is_unpickled_and_no_page_is_sent_elsewhere() -> None:
    for path in [*(ROOT / "studio").rglob("*.py"), *(ROOT / "studio/widgets").glob("*.*")]:
        text = path.read_text(encoding="utf-8")
        assert "pickle" not in text.replace("allow_pickle=False", ""), path
        assert not re.search(r"https?://(?!127\.0\.0\.1|www\.w3\.org)", text) or path.suffix == ".py", path


def test_no_page_is_run_behind_the_entry() -> None:
    """Streamlit runs the files of a folder `pages` beside the entry when their address is opened first."""
    assert not (ROOT / "studio/pages").exists()
