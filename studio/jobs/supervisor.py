"""Starts and watches the worker process of a projects folder, and says what it died of."""

from __future__ import annotations

import logging
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from filelock import Timeout

from generation.core.deferred_imports import load_libraries
from studio.core.process import quiet_libraries
from studio.core.scratch import sweep, use_own_temporary_folder
from studio.core.storage import StorageError, read_json, write_json
from studio.jobs.job import STOPPED, Job, JobStatus, State, current_job
from studio.jobs.queue import leave_queue, next_job, requeue
from studio.jobs.worker_lock import WORKER, worker_alive, worker_lock

log = logging.getLogger(__name__)

COMMAND: tuple[str, ...] = (sys.executable, "-m", "studio.jobs.supervisor")
"""How a worker is started; the folder of the projects follows."""
IDLE_SECONDS = 15 * 60.0
GRACE_SECONDS = 1.5
"""After a cancel, how long a job may take to stop by itself before its process is ended."""
_TURN = 0.1
_OUT_OF_MEMORY = (
    "Stopped: out of memory, the system ended the worker; close other programs or choose a smaller picture or a"
    " draft, then try again: finished lines are kept."
)
_KILLED = (
    "Stopped: somebody or the system ended the worker; try again, finished lines are kept. Where it happens again,"
    " choose a smaller picture or a draft: the memory may not suffice."
)
_NO_START = "The worker could not start; `parley doctor` says what is missing, .worker/worker.log has the details."
_SIGKILL = 9

WorkerState = Literal["starting", "ready", "busy", "absent"]


def ensure_worker(root: Path) -> None:
    """Start the worker of a folder of projects unless it lives; returns at once.

    It outlives the server that started it, and ends by itself after a quarter of an hour without a job.
    """
    root = root.resolve()
    if worker_alive(root):
        return
    log_path = root / WORKER
    with log_path.with_name("worker.log").open("ab") as output:
        environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
        subprocess.Popen(
            [*COMMAND, str(root)], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
            start_new_session=True,
        )  # fmt: skip


def worker_state(root: Path) -> WorkerState:
    """What the worker does: load its models, wait, or work; or there is none."""
    state = read_json(root / WORKER)
    if not worker_alive(root):
        return "absent"
    return state["state"] if isinstance(state, dict) else "starting"


def main(arguments: Sequence[str]) -> int:
    """``ROOT`` supervises a worker, ``ROOT --serve TOKEN`` is one."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    quiet_libraries()
    use_own_temporary_folder()
    root = Path(arguments[0]).resolve()
    if arguments[1:2] == ["--serve"]:
        load_libraries()
        from studio.jobs.worker import serve

        _end_with_parent()
        serve(root, arguments[2], IDLE_SECONDS)
        return 0
    return supervise(root)


def supervise(root: Path) -> int:
    """Keep one serving process alive, end it when a cancelled job does not stop, and say what it died of."""
    lock = worker_lock(root)
    try:
        lock.acquire(timeout=2)  # others hold it for the moment in which they look
    except Timeout:
        return 0
    with lock:
        _sweep_projects(root)
        while True:
            token = secrets.token_hex(8)
            write_json(root / WORKER, {"token": token, "state": "starting", "pid": None, "job": None}, durable=False)
            before = _ended_for_memory()
            child = subprocess.Popen([*COMMAND, str(root), "--serve", token], stdin=subprocess.PIPE)
            cancelled = _watch(root, child)
            code = child.wait()
            _close(root, token, code, cancelled, out_of_memory=_ended_for_memory() > before)
            if code == 0 or (not cancelled and next_job(root) is None):
                return 0


def _sweep_projects(root: Path) -> None:
    """Finish or remove what killed workers left in the projects; nobody else works there while the lock is held."""
    for pattern in ("*/work", "*/work/frames", "*/work/frames/previews", "*/jobs/*/out"):
        for folder in root.glob(pattern):
            sweep(folder)


def _watch(root: Path, child: subprocess.Popen[bytes]) -> bool:
    """Wait for the process to end; True if it was ended because a cancelled job did not stop by itself."""
    asked: tuple[str, float] | None = None
    while child.poll() is None:
        time.sleep(_TURN)
        job = current_job(root)
        if job is None or not job.cancel_asked:
            asked = None
        elif asked is None or asked[0] != job.id:
            asked = (job.id, time.monotonic())
        elif time.monotonic() - asked[1] > GRACE_SECONDS:
            child.kill()
            child.wait()
            return True
    return False


def _ended_for_memory() -> int:
    """How many processes Linux has ended so far because the memory did not suffice; 0 where that is not told."""
    try:
        found = re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text("ascii"), re.MULTILINE)
    except (OSError, ValueError):
        return 0
    return int(found[1]) if found else 0


def _close(root: Path, token: str, code: int, cancelled: bool, out_of_memory: bool = False) -> None:
    """Say what became of the job at which the process ended, and remove what it left half done."""
    job, waiting = current_job(root), next_job(root)
    try:
        for folder in (read_json(root / WORKER) or {}).get("paused", ()):
            paused = Job(Path(folder))
            if not paused.status().ended:  # it did not die of what it did itself
                requeue(paused)
        if job is not None and not job.status().ended:
            job.clear()
            state: State = "cancelled" if cancelled or job.cancel_asked else "stopped"
            why = (_OUT_OF_MEMORY if out_of_memory else _KILLED) if code == -_SIGKILL else STOPPED
            job.write_status(token, JobStatus(state, sentence=why if state == "stopped" else ""))
        elif job is None and code and waiting is not None:
            # It died without a job, so it would die again: the job that waits is told, and the next one tries anew.
            leave_queue(waiting)
            waiting.write_status(token, JobStatus("failed", sentence=_NO_START))
        # Last, for a job counts as stopped, whatever of, as soon as its worker is not the one named here.
        write_json(root / WORKER, {"token": None, "state": "starting", "pid": None, "job": None}, durable=False)
    except StorageError:
        log.warning("The end of a job could not be written down; it counts as stopped.")


def _end_with_parent() -> None:
    """End this process when the supervisor is gone: its end of the pipe closes with it, whatever killed it."""
    pipe = sys.stdin.buffer

    def wait() -> None:
        pipe.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
