"""Fine-tuning from the page: clips examined one by one, a job that lets others pass, goes on, and leaves a style."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from job_fixtures import make, work
from pages import page, shown
from sounds import wav

from generation.adapters import metadata
from generation.adapters.metadata import read_about
from generation.core.delivery import Delivery
from generation.data.clips import Clip
from generation.finetuning import report
from generation.finetuning.clip_reader import read_clips, write_clips
from generation.finetuning.from_clips import description
from generation.finetuning.lora_training import Size
from generation.training import trainer
from studio.core.progress import Progress
from studio.editor import finetuning
from studio.editor.voice_preview import VoicePreview
from studio.jobs import finetune, handlers
from studio.jobs.job import Job, JobStatus
from studio.jobs.job_kinds import WAITING
from studio.jobs.queue import jobs, retry, submit
from studio.project.project import Project
from studio.project.projects import Projects

pytestmark = pytest.mark.usefixtures("tiny_worker")
RATE = 24_000


@pytest.fixture(scope="module")
def clips() -> dict[str, bytes]:
    return {f"take {n}.wav": wav(6.0 + 0.2 * n) for n in range(4)}


@pytest.fixture
def project(projects: Projects, assets: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """What the tiny model says is noise, so that no recording is like it."""
    monkeypatch.setattr("generation.finetuning.clip_reader.UNLIKE", np.inf)
    monkeypatch.setattr(metadata, "assets_root", lambda: assets)
    monkeypatch.setattr(metadata, "asset", lambda name: assets / name)
    monkeypatch.setattr("generation.adapters.tensors.asset", lambda name: assets / name)
    return make(projects)


def examined(project: Project, projects: Projects, clips: dict[str, bytes]) -> Job:
    words = "\n".join(f"{Path(clip).stem.replace(' ', '-')}: one two three" for clip in clips)
    job = finetuning.submit_inspection(project, 0, "Old  friend", "me", "", clips, words)
    work(projects)
    assert job.status().state == "done", job.status().sentence
    return job


def finetuned(project: Project, projects: Projects, clips: dict[str, bytes], steps: int, monkeypatch) -> Job:
    """Examined, and handed in; the training ends after so many steps, and one short sentence is said of it."""
    limited(monkeypatch, steps)
    monkeypatch.setattr(report, "SENTENCES", ("Come in, sit down, and tell me.",))
    return finetuning.submit_finetuning(project, 0, examined(project, projects, clips), 600.0)


def limited(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    small = Size(rank=2, batch=2, n_frames=12, steps=steps)
    monkeypatch.setattr(Size, "for_device", lambda device, minutes: replace(small, minutes=minutes))


def test_bad_clips_are_named_before_anything_is_trained(
    project: Project, projects: Projects, clips: dict[str, bytes]
) -> None:
    bad = {"clipped.wav": wav(3.0, 8.0), "damaged.mp3": b"no sound at all", "short.wav": wav(1.0)}
    job = examined(project, projects, {**clips, **bad})
    found = finetuning.clip_report(job)
    assert [name for name, _, _ in found.usable] == [f"take-{n}" for n in range(4)] and found.refusal == ""
    assert found.seconds > 20 and all(words == "one two three" for _, _, words in found.usable)
    for sentence, (name, reason) in zip(
        found.faults,
        {"clipped": "is clipped", "damaged": "cannot be read as sound", "short": "lasts 1.0 s"}.items(),
        strict=True,
    ):
        assert name in sentence and reason in sentence and sentence.endswith(".") and "\n" not in sentence
    assert not (project.folder / "work" / "finetuning").exists() and not project.scene.cast[0].styles
    few = examined(project, projects, {name: clips[name] for name in list(clips)[:1]})
    assert "clips" not in few.status().results
    assert finetuning.clip_report(few).refusal.startswith("The material is too little: 1 usable clips")
    with pytest.raises(ValueError, match="look at them again"):
        finetuning.submit_finetuning(project, 0, few, 5.0)


def test_a_finetuning_leaves_a_style_that_is_heard_and_can_be_undone(
    project: Project, projects: Projects, clips: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = finetuned(project, projects, clips, 3, monkeypatch)
    assert job.status().state == "queued" and finetuning.latest_job(project, 0).id == job.id
    work(projects)
    status = job.status()
    assert status.state == "done", status.sentence
    test = page("cast", project, monkeypatch).run()
    assert "Old friend</b> was trained and is chosen above" in shown(test) and "Pace, sounds a second" in shown(test)
    assert not test.exception, test.exception
    next(button for button in test.button if button.label == "Train it again").click().run()
    assert "4 pieces of together" in shown(test) and "Train Old-friend" in [button.label for button in test.button]
    project.reload_if_changed()
    assert dict(project.scene.cast[0].styles) == {"media/Old-friend.safetensors": 1.0}
    about = read_about(project.folder / "media/Old-friend.safetensors")
    assert (about.kind, about.consent, about.part) == ("voice", "me", "speech")
    assert about.does == description("Old friend", "audio", about.delivery)
    found = finetuning.finetuning_result(job)
    before, after = (soundfile.read(path)[0] for path in (found.before, found.after))
    assert len(before) > RATE and (len(before) != len(after) or not np.array_equal(before, after))
    titles = [title.partition(",")[0] for title, *_ in found.figures]
    assert "Pace" in titles and "On clips kept back from training" in found.summary
    assert not list((project.folder / "work" / "finetuning").iterdir()), "what was half done is gone"
    assert not list(job.folder.rglob("*.npz")) and finetuning.inspection_of(project, job).kind == "inspect"
    heard = submit(VoicePreview(project, 0), "hear", steps=1)
    work(projects)
    assert heard.status().state == "done", heard.status().sentence
    assert project.undoable == "EILEEN: trained Old friend"
    project.undo()
    assert not project.scene.cast[0].styles and (project.folder / "media/Old-friend.safetensors").is_file()
    again = finetune.with_finetuned(project.scene, "eileen", "Old friend", "media/Old-friend.safetensors")
    newer = finetune.with_finetuned(again, "EILEEN", "Old friend", "media/Old-friend-2.safetensors")
    assert list(newer.cast[0].styles) == ["media/Old-friend-2.safetensors"], "it takes the place of the earlier one"
    assert finetune.with_finetuned(project.scene, "Nobody", "Old friend", "media/x.safetensors") == project.scene


def test_a_finetuning_lets_a_line_pass_and_is_cancelled(
    project: Project, projects: Projects, clips: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = finetuned(project, projects, clips, 8, monkeypatch)
    late: list[Job] = []
    seen: list[JobStatus] = []
    update, hear = Progress.update, handlers.run_hear

    def in_the_middle(progress: Progress, done: float, total: float, note: str = "") -> None:
        if job.status().stage == "learn" and done >= 0.5:
            if not late:
                late.append(submit(project, "hear", lines=project.line_ids()[:1], steps=1))
                seen.append(late[0].status())
                time.sleep(0.2)  # the worker looks at the queue ten times a second
            elif late[0].status().ended:
                job.cancel()
        update(progress, done, total, note)

    def while_it_waits(*arguments: Any) -> dict[str, Path]:
        seen.append(job.status())
        return hear(*arguments)

    monkeypatch.setattr(Progress, "update", in_the_middle)
    monkeypatch.setattr(handlers, "run_hear", while_it_waits)
    work(projects)
    assert seen[0].note == "next, in a moment"
    assert (seen[1].stage, seen[1].note) == (WAITING, "lines are being spoken first")
    assert late[0].status().state == "done", late[0].status().sentence
    assert job.status().state == "cancelled" and not (job.folder / "out").exists()
    project.reload_if_changed()
    assert not project.scene.cast[0].styles and not list(project.folder.glob("media/*.safetensors"))


def test_a_finetuning_tried_again_goes_on_with_what_was_trained(
    project: Project, projects: Projects, clips: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = finetuned(project, projects, clips, 3, monkeypatch)
    with monkeypatch.context() as broken:
        broken.setattr(finetune, "prompts", lambda *_: 1 / 0)
        work(projects)
    assert job.status().state == "failed" and not project.scene.cast[0].styles
    limited(monkeypatch, 5)
    again, steps, step = retry(job), [], trainer._Run.train_step
    monkeypatch.setattr(trainer._Run, "train_step", lambda run, *rest: steps.append(run.step) or step(run, *rest))
    work(projects)
    assert again.status().state == "done", again.status().sentence
    assert steps == [3, 4]


def test_what_cannot_be_handed_in_is_refused_in_a_sentence(project: Project, clips: dict[str, bytes]) -> None:
    def refused(
        match: str, name: str = "Joe", consent: str = "me", statement: str = "", files=clips, script=""
    ) -> None:  # noqa: ANN001
        with pytest.raises(ValueError, match=match) as said:
            finetuning.submit_inspection(project, 0, name, consent, statement, files, script)
        assert "\n" not in str(said.value)

    refused("Give the style a name", name="  ")
    refused("Give the style a name", name="![x](http://a)")
    refused("Say whose voice it is", consent="")
    refused("who agreed", consent="agreed")
    refused("Drop some clips first", files={})
    refused("is no sound", files={"a.exe": b"x"})
    refused("Two clips are called a", files={"a.wav": b"x", "a.mp3": b"x"})
    refused("'Hello' belong to no clip", script="Hello")
    assert not jobs(project)


def test_words_are_read_by_the_clips_names() -> None:
    script = finetuning.script_of({"a": "", "b": "One: two.", "c": "Three"})
    assert script == "a: \nb: One: two.\nc: Three"
    assert finetuning.words_of(script, "abc") == {"b": "One: two.", "c": "Three"}
    assert finetuning.words_of("A: Hello\nthere: you\n\nb:", "ab") == {"a": "Hello there: you"}
    assert finetuning.words_of("Just words.", ["talk"]) == {"talk": "Just words."}


def test_clips_are_kept_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sound, motion = rng.normal(size=960 * 3).astype(np.float32), rng.normal(size=(3, 57)).astype(np.float32)
    made = (Clip("a", 3, sound, " a ", (4, 4, 4), None, "Ah."), Clip("b", 3, motion=motion))
    write_clips(tmp_path / "clips.npz", made)
    for one, kept in zip(made, read_clips(tmp_path / "clips.npz"), strict=True):
        for key, value in vars(one).items():
            np.testing.assert_array_equal(value, getattr(kept, key), key)
            assert type(value) is type(getattr(kept, key))


def test_the_page_takes_clips_shows_what_is_wrong_and_hands_the_job_in(
    project: Project, projects: Projects, clips: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def named(kind, label: str):  # noqa: ANN001, ANN202
        return next(item for item in kind if item.label == label)

    test = page("cast", project, monkeypatch).run()
    assert not test.exception, test.exception
    assert "Train a style" in [fold.label for fold in test.expander]
    assert named(test.button, "Look at the clips").disabled
    named(test.file_uploader, "Clips").set_value(
        [(name, data, "audio/wav") for name, data in clips.items()] + [("take 0.txt", b"One two.", "text/plain")]
    ).run()
    assert not test.exception, test.exception
    words = named(test.text_area, "What is said in them")
    assert words.value == "take-0: One two.\ntake-1: \ntake-2: \ntake-3: "
    words.set_value("".join(f"take-{n}: one two three\n" for n in range(4)))
    named(test.text_input, "Name of the style").set_value("Joe")
    named(test.button, "Look at the clips").click().run()
    assert "Say whose voice it is" in shown(test) and not jobs(project)
    named(test.radio, "Whose voice is it?").set_value("me")
    named(test.button, "Look at the clips").click().run()
    (job,) = jobs(project)
    assert job.kind == "inspect" and job.options == {"who": "EILEEN", "name": "Joe", "consent": "me", "statement": ""}
    assert sum(1 for _ in (job.folder / "scene/material").iterdir()) == 8
    assert "are being looked at" in shown(test)
    work(projects)
    test.run()
    assert "4 pieces of together" in shown(test)
    assert "Short: about 6 min" in named(test.radio, "How long?").options
    named(test.radio, "How long?").set_value("short")
    named(test.button, "Train Joe").click().run()
    job = jobs(project)[0]
    assert job.kind == "finetune" and job.options["minutes"] == 5.0 and "is being trained" in shown(test)
    job.cancel()
    test.run()
    assert "Cancelled before it began" in shown(test)
    named(test.button, "Try again").click().run()
    assert not test.exception and jobs(project)[0].options == job.options and "is being trained" in shown(test)
    jobs(project)[0].cancel()
    test.run()
    named(test.button, "Other clips").click().run()
    assert named(test.button, "Look at the clips").disabled


@pytest.mark.parametrize(
    ("part", "delivery", "does"),
    [
        ("audio", Delivery(), "Ada's voice."),
        ("audio", Delivery(tempo=1.04), "Ada's voice."),
        ("audio", Delivery(tempo=1.12), "Ada's voice; speaks 12% faster than most."),
        (
            "joint",
            Delivery(tempo=0.9, blinks=0.5),
            "Ada's voice; speaks 10% slower than most; blinks 0.5 times as often as most.",
        ),
        ("motion", Delivery(blinks=2.5), "Ada's way of moving the head and brows; blinks 2.5 times as often as most."),
    ],
)
def test_what_clips_trained_says_what_one_will_notice(part: metadata.Part, delivery: Delivery, does: str) -> None:
    assert description("Ada", part, delivery) == does
