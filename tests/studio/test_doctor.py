"""The doctor finds what is broken and says how to repair it."""

from __future__ import annotations

import importlib.metadata
import re

from generation.core.assets import asset
from masks import networks
from studio import doctor


def test_reports_a_missing_network_with_its_repair(tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "models_folder", lambda: tmp_path)
    (finding,) = doctor.diagnose([p for p in doctor.PARTS if p.name == "face networks"])
    assert finding.blocks and "face_landmark.tflite" in finding.problem
    assert "parley setup" in doctor.report([finding])


def test_a_truncated_file_of_weights_is_found(tmp_path, monkeypatch):
    whole = asset("rig.safetensors").read_bytes()
    (tmp_path / "rig.safetensors").write_bytes(whole[: len(whole) // 2])
    monkeypatch.setattr(doctor, "WEIGHTS", ())
    monkeypatch.setattr(doctor, "assets_root", lambda: tmp_path)
    (finding,) = doctor.diagnose([p for p in doctor.PARTS if p.name == "trained weights"])
    assert finding.blocks and finding.problem.startswith("rig.safetensors is damaged")


def test_a_missing_extra_does_not_block():
    def absent():
        raise importlib.metadata.PackageNotFoundError("nothing")

    core = doctor.Part("a", "needed", "MIT", absent)
    extra = doctor.Part("b", "optional", "MIT", absent, extra="sam")
    findings = doctor.diagnose([core, extra])
    assert [f.blocks for f in findings] == [True, False]
    assert doctor.report(findings).splitlines()[0].startswith("MISSING")


def test_everything_needed_is_found_here():
    blocked = [f.part.name for f in doctor.diagnose() if f.blocks and f.part.name != "trained weights"]
    assert blocked == []


def test_says_the_copyleft_parts():
    text = doctor.report(doctor.diagnose([]))
    assert re.search("eSpeak NG and phonemizer .GPL-3.", text) and "ffmpeg" in text
    licences = {p.name: p.licence for p in doctor.PARTS}
    assert licences["eSpeak NG"] == licences["phonemizer-fork"] == licences["ffmpeg"] == "GPL-3.0-or-later"
