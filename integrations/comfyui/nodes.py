"""Nodes for ComfyUI that ask a running Parley service; address and token come from the environment.

``PARLEY_SERVICE`` and ``PARLEY_TOKEN`` are no inputs of nodes: ComfyUI writes those into every picture that it saves.
"""

from __future__ import annotations

import io
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from studio.service.client import Client, ServiceRefusal

PICTURE = "picture.png"
"""Name under which a scene finds the picture that is connected."""
LOOK_SECONDS = 0.5
_SCENE = f"""picture: {PICTURE}
consent: drawn
cast:
  - {{name: NORA, voice: Alice}}
script:
  - NORA: Good morning.
"""


class ParleyCheck:
    """Says all that is wrong with a scene."""

    CATEGORY, FUNCTION, OUTPUT_NODE = "Parley", "check", True
    RETURN_TYPES, RETURN_NAMES = ("BOOLEAN", "STRING"), ("ok", "report")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        """The scene as text, and its picture."""
        return {"required": {"scene": _text(_SCENE)}, "optional": {"picture": ("IMAGE",)}}

    def check(self, scene: str, picture: torch.Tensor | None = None) -> tuple[bool, str]:
        """Whether it can be rendered, and a sentence a line for each problem and warning."""
        answer = Client().check(scene, _files(picture))
        told = [item["sentence"] for item in (*answer["problems"], *answer["warnings"])]
        return answer["ok"], "\n".join(told)


class ParleySay:
    """Speaks a line."""

    CATEGORY, FUNCTION = "Parley", "say"
    RETURN_TYPES, RETURN_NAMES = ("AUDIO",), ("speech",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """The text, a voice as ``parley voices`` lists them, its speed, and the number of the take."""
        speed = ("FLOAT", {"default": 1.0, "min": 0.5, "max": 2.0, "step": 0.05})
        seed = ("INT", {"default": 0, "min": 0, "max": 2**31 - 1})
        voice = ("STRING", {"default": "Alice"})
        return {"required": {"text": _text("Good morning."), "voice": voice, "speed": speed, "seed": seed}}

    def say(self, text: str, voice: str, speed: float, seed: int) -> tuple[dict[str, Any]]:
        """The sound as ComfyUI has it: (1, channels, samples) float32 within -1..1."""
        client = Client()
        job = _finished(client, client.say(text, voice, speed=speed, seed=seed)["id"])
        samples, rate = _sound(client.save(job, "sound", _output(job, ".wav")))
        return ({"waveform": torch.from_numpy(samples)[None], "sample_rate": rate},)


class ParleyRender:
    """Makes the film of a scene."""

    CATEGORY, FUNCTION, OUTPUT_NODE = "Parley", "render", True
    RETURN_TYPES, RETURN_NAMES = ("VIDEO", "STRING"), ("film", "path")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """The scene as text, whether a draft will do, the greatest height (0 = the picture's), and its picture."""
        height = ("INT", {"default": 0, "min": 0, "max": 4320})
        required = {"scene": _text(_SCENE), "draft": ("BOOLEAN", {"default": False}), "height": height}
        return {"required": required, "optional": {"picture": ("IMAGE",)}}

    def render(self, scene: str, draft: bool, height: int, picture: torch.Tensor | None = None) -> tuple[Any, str]:
        """The film, which lies in ComfyUI's folder of outputs, and its path."""
        from comfy_api.latest import InputImpl

        client = Client()
        options = {"draft": draft, **({"height": height} if height else {})}
        job = _finished(client, client.render(scene, _files(picture), **options)["id"])
        path = str(client.save(job, "video", _output(job, ".mp4")))
        return InputImpl.VideoFromFile(path), path


def _text(default: str) -> tuple[str, dict[str, Any]]:
    return "STRING", {"multiline": True, "default": default}


def _files(picture: torch.Tensor | None) -> dict[str, Path | bytes]:
    """The first picture of a batch (N, H, W, 3), float 0..1, as PNG."""
    if picture is None:
        return {}
    pixels = (picture[0].detach().cpu().clamp(0, 1).numpy() * 255).round().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels[..., :3]).save(file, "PNG")
    return {PICTURE: file.getvalue()}


def _sound(path: Path) -> tuple[np.ndarray, int]:
    """Samples (channels, samples) float32 within -1..1 and their rate, of a WAV file of 16, 24 or 32 bits."""
    with wave.open(str(path)) as file:
        width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
        data = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, width)
    whole = np.zeros((len(data), 4), np.uint8)
    whole[:, 4 - width :] = data
    return np.float32(whole.view("<i4").reshape(-1, channels).T / 2**31), rate


def _output(job: str, suffix: str) -> Path:
    import folder_paths

    return Path(folder_paths.get_output_directory()) / f"parley-{job}{suffix}"


def _finished(client: Client, job: str) -> str:
    """Wait for a job, with ComfyUI's progress bar; where ComfyUI is stopped, so is the job. Returns the job's id."""
    from comfy.model_management import throw_exception_if_processing_interrupted
    from comfy.utils import ProgressBar

    bar = ProgressBar(100)
    try:
        while (status := client.job(job))["state"] in ("queued", "running"):
            throw_exception_if_processing_interrupted()
            bar.update_absolute(status["percent"], 100)
            time.sleep(LOOK_SECONDS)
    except BaseException:
        client.cancel(job)
        raise
    if status["state"] != "done":
        raise ServiceRefusal(status["sentence"] or f"The job is {status['state']}.", 200)
    bar.update_absolute(100, 100)
    return job


NODE_CLASS_MAPPINGS = {"ParleyCheck": ParleyCheck, "ParleySay": ParleySay, "ParleyRender": ParleyRender}
NODE_DISPLAY_NAME_MAPPINGS = {
    "ParleyCheck": "Parley: Check", "ParleySay": "Parley: Say", "ParleyRender": "Parley: Render",
}  # fmt: skip
